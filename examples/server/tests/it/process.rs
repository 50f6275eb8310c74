//! The server as a process, and a folder for its files.

use std::{
    collections::hash_map::RandomState,
    fs::{self, OpenOptions},
    hash::{BuildHasher as _, Hasher as _},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");

/// A folder that goes with the test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// One with a path so short that a Unix socket has room in it, wherever this project lies: a socket's whole path is
    /// 107 bytes at most, and a browser adds 46 of its own.
    pub(crate) fn short() -> Self {
        const LONGEST: usize = 40;
        let usual = std::env::temp_dir();
        let base = if usual.as_os_str().len() > LONGEST { Path::new("/tmp") } else { &usual };
        let path = base.join(format!("chat-{:016x}", RandomState::new().build_hasher().finish()));
        // Never one that stands.
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// How to start a server on one database, again and again at one address.
#[derive(Debug)]
pub(crate) struct Launch {
    folder: Folder,
    database: String,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    address: SocketAddr,
}

impl Launch {
    /// On a SQLite file of its own.
    pub(crate) fn new(name: &str, flags: &[&str]) -> Self {
        let folder = Folder::new(name);
        let database = format!("sqlite://{}", folder.join("chat.db").display());
        Self::on(folder, database, flags)
    }

    pub(crate) fn on(folder: Folder, database: String, flags: &[&str]) -> Self {
        Self {
            folder,
            database,
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            variables: Vec::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// With variables in its environment.
    pub(crate) fn with(mut self, variables: &[(&str, String)]) -> Self {
        self.variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Starts a server and waits until it listens; the first takes a free port, the others the same.
    pub(crate) fn start(&mut self) -> Server {
        self.start_with(&[])
    }

    /// The same with more flags, this once.
    pub(crate) fn start_with(&mut self, more: &[&str]) -> Server {
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("server.log")).unwrap();
        let mut child = command()
            .arg(format!("--database={}", self.database))
            .arg(format!("--listen={}", self.address))
            .args(&self.flags)
            .args(more)
            .envs(self.variables.clone())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, out, address: self.address };
        let mut said = String::new();
        let mut line = String::new();
        while server.out.read_line(&mut line).unwrap() > 0 {
            if let Some((_, rest)) = line.split_once("chat-server is at http://") {
                server.address = rest.split('/').next().unwrap().parse().unwrap();
                self.address = server.address;
                return server;
            }
            said.push_str(&line);
            line.clear();
        }
        let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        panic!("the server did not come up: {said}{log}");
    }
}

/// The server with no environment that could change what it does.
pub(crate) fn command() -> Command {
    let mut command = Command::new(SERVER);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHAT_") {
            command.env_remove(name);
        }
    }
    command.env("RUST_LOG", "info").stdin(Stdio::null());
    command
}

/// A server that runs; killed where it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Held open: there must be someone to print to.
    out: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// SIGKILL: it has no say in it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: it stands still, and its connections with it.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// How it ended; off the runtime's threads.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
