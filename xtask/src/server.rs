//! A server's process and its folder.

use std::{
    collections::hash_map::RandomState,
    env, fs,
    fs::File,
    hash::{BuildHasher, Hasher},
    io,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// A loaded machine may take its time.
const START: Duration = Duration::from_secs(60);

/// Between two looks at what a server wrote.
const LOOK: Duration = Duration::from_millis(10);

/// Where ports are looked for: below those that the system gives to outgoing connections.
const PORTS: Range<u32> = 20_000..30_000;

/// A port of 127.0.0.1 that nobody listened on a moment ago, and that nobody else who asks here is given while this
/// process lives.
///
/// # Errors
/// Where the machine has no more.
pub fn free_port() -> Result<u16, String> {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let locks = env::temp_dir().join("chat-test-ports");
    fs::create_dir_all(&locks).map_err(|e| format!("{}: {e}", locks.display()))?;
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1_000 {
        let port = PORTS.start + random() % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).map_err(|e| e.to_string())?;
        let path = locks.join(port.to_string());
        let lock = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        // A lock ends with its process, however that ends.
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            held.push(lock);
            return Ok(port);
        }
    }
    Err(format!("no free port among {PORTS:?}"))
}

/// A number that another process is unlikely to come to, whoever had its process id before.
fn random() -> u32 {
    let hash = RandomState::new().build_hasher().finish();
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// A folder that is gone with its owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        loop {
            let path = env::temp_dir().join(format!("chat-{name}-{:08x}", random()));
            // Never one that stands: a server would take what lies in it for its own.
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in a folder for temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running server, killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts `command` and waits until it has written `ready` to either stream, which go to `log`.
    pub(crate) fn start(mut command: Command, log: &Path, ready: &str) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = File::create(log).map_err(|e| format!("{}: {e}", log.display()))?;
        let errors = output.try_clone().map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|e| format!("failed to start {name}: {e}"))?;
        let mut server = Self { child };
        let deadline = Instant::now() + START;
        loop {
            let written = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
            if written.contains(ready) {
                return Ok(server);
            }
            if !server.is_running() || Instant::now() > deadline {
                return Err(format!("{name} did not start:\n{written}"));
            }
            thread::sleep(LOOK);
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), String> {
        signal_process(self.pid(), signal)
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) {
        drop(self.child.wait());
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        self.ended();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal_process(pid: u32, signal: &str) -> Result<(), String> {
    let status = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("kill -{signal} {pid}: {status}")),
        Err(error) => Err(format!("kill: {error}")),
    }
}

/// Where programs are that only root runs, whose `PATH` alone names it.
const ROOTS: &str = "/usr/sbin";

/// A program by the variable that names it, by `PATH`, or in one of the folders where Debian keeps versions of it.
pub(crate) fn program(variable: &str, name: &str, versions: Option<(&str, &str)>) -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from(ROOTS)]);
    let on_path = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    let found = on_path.or_else(|| {
        let (above, below) = versions?;
        let mut found: Vec<(u32, PathBuf)> = fs::read_dir(above)
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join(below).join(name))).filter(|(_, path)| path.is_file())
            })
            .collect();
        found.sort();
        found.pop().map(|(_, path)| path)
    });
    found.ok_or_else(|| format!("{name} is not in PATH; {variable}=PATH names another place"))
}

/// A command that ends with the thread that starts it, where the system can see to that, run by `user` where one is
/// given. (To the system it is the thread that counts: servers are started by one that stays.)
pub(crate) fn bound_command(program: &Path, user: Option<&str>) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.is_file() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// Whom a program that refuses to be run by root is run by; none where this is not root.
pub(crate) fn unprivileged() -> Result<Option<&'static str>, String> {
    let id = Command::new("id").arg("-u").output();
    if !id.is_ok_and(|id| id.stdout.trim_ascii() == b"0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = |name: &&&str| users.lines().any(|line| line.split(':').next() == Some(name));
    let user = ["postgres", "nobody"].iter().find(known).copied();
    user.map(Some).ok_or_else(|| "root may not run it, and there is no user postgres or nobody".to_owned())
}

/// Makes a folder and all in it a user's.
pub(crate) fn give_away(folder: &Path, user: &str) -> Result<(), String> {
    run(Command::new("chown").arg("-R").arg(user).arg(folder))
}

/// Runs a command to its end; what it said where it failed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
