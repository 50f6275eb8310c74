//! Servers of Redis for tests: on a free port, in a folder of their own, ended when dropped.

use std::{
    env, fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

/// A server needs a hundredth of it.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server of its own, or one that is there.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Option<Process>,
    binary: &'static str,
}

struct Process {
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// An empty `redis-server`.
    pub(crate) async fn start() -> Self {
        Self::start_with("redis-server", &[]).await
    }

    /// An empty server of the program `binary`.
    pub(crate) async fn start_with(binary: &'static str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut server = Self { port, process: None, binary };
        server.launch(arguments);
        server.answers().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, empty.
    pub(crate) async fn restart(&mut self) {
        self.launch(&[]);
        self.answers().await;
    }

    /// Sends one command and gives what is answered first.
    pub(crate) async fn command(&self, words: &[&str]) -> std::io::Result<String> {
        command(self.port, words).await
    }

    fn launch(&mut self, arguments: &[&str]) {
        let folder = temp_folder();
        let child = Command::new(self.binary)
            .args(["--port", &self.port.to_string(), "--save", "", "--appendonly", "no"])
            .args(["--bind", "127.0.0.1", "--protected-mode", "no", "--dir"])
            .arg(&folder)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} must be on PATH to run these tests: {error}", self.binary));
        self.process = Some(Process { child, folder });
    }

    async fn answers(&self) {
        eventually("the server answers", async || {
            self.command(&["PING"]).await.is_ok_and(|answer| answer.starts_with("+PONG")).then_some(())
        })
        .await;
    }
}

/// Whether a program is there to be started.
pub(crate) fn is_installed(binary: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|path| path.join(binary).is_file())
}

/// A port that was free just now, below those that systems give to outgoing connections: nobody else gets it by
/// chance before the server does, nor its port of the cluster's bus, 10,000 above.
fn free_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * 97;
        let port = 11_000 + (n % 10_000) as u16;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}

fn temp_folder() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("chat-bus-redis-{}-{n}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn command(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; 65_536];
    let length = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Tries until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
