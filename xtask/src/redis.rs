//! A Redis server.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use crate::server::{Folder, Server, bound_command, free_port, program};

/// What a Sentinel calls the primary that it watches over.
const PRIMARY: &str = "main";

/// In which Sentinels choose who of them leads a failover; they try again after twice that.
const FAILOVER: Duration = Duration::from_secs(2);

/// A Redis server that keeps nothing on disk, so that it is empty when started again; or a Sentinel.
#[derive(Debug)]
pub struct Redis {
    server: Option<Server>,
    program: PathBuf,
    port: u16,
    folder: Folder,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Server(Vec<String>),
    Sentinel,
}

impl Redis {
    /// Starts the program that `REDIS_SERVER` names, else `redis-server`.
    ///
    /// # Errors
    /// Where it cannot be found or does not start.
    pub fn start() -> Result<Self, String> {
        Self::start_with(&[])
    }

    /// Starts it with further arguments, which it is also given when started anew.
    ///
    /// # Errors
    /// Where it cannot be found or does not start.
    pub fn start_with(arguments: &[String]) -> Result<Self, String> {
        Self::new(Kind::Server(arguments.to_vec()))?.started()
    }

    /// Starts the same program as a Sentinel. It watches over the server at `primary` of this machine by the name
    /// `main`, and has it replaced when `quorum` Sentinels have missed it for `down_after`.
    ///
    /// # Errors
    /// Where it cannot be found or does not start.
    pub fn start_sentinel(primary: u16, quorum: u32, down_after: Duration) -> Result<Self, String> {
        let sentinel = Self::new(Kind::Sentinel)?;
        let lines = [
            format!("port {}", sentinel.port),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", sentinel.folder.path().display()),
            format!("sentinel monitor {PRIMARY} 127.0.0.1 {primary} {quorum}"),
            format!("sentinel down-after-milliseconds {PRIMARY} {}", down_after.as_millis()),
            format!("sentinel failover-timeout {PRIMARY} {}", FAILOVER.as_millis()),
        ];
        let path = sentinel.configuration();
        fs::write(&path, lines.join("\n") + "\n").map_err(|e| format!("{}: {e}", path.display()))?;
        sentinel.started()
    }

    fn new(kind: Kind) -> Result<Self, String> {
        let program = program("REDIS_SERVER", "redis-server", None)?;
        Ok(Self { server: None, program, port: free_port()?, folder: Folder::new("redis")?, kind })
    }

    fn started(mut self) -> Result<Self, String> {
        self.start_again()?;
        Ok(self)
    }

    /// Where a Sentinel keeps what it was told and what it has learned.
    fn configuration(&self) -> PathBuf {
        self.folder.path().join("sentinel.conf")
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on, also while it is down.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Lets it stand still, its connections open, or go on.
    ///
    /// # Errors
    /// Where it cannot be told to.
    pub fn stand_still(&self, stands: bool) -> Result<(), String> {
        let signal = if stands { "STOP" } else { "CONT" };
        self.server.as_ref().map_or(Ok(()), |server| server.signal(signal))
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it anew, on its port.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.kill();
        let mut command: Command = bound_command(&self.program, None);
        let ready = match &self.kind {
            Kind::Server(arguments) => {
                command.arg("--port").arg(self.port.to_string());
                command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command.arg("--dir").arg(self.folder.path()).args(arguments);
                "eady to accept connections"
            }
            Kind::Sentinel => {
                command.arg(self.configuration()).arg("--sentinel");
                "+monitor"
            }
        };
        let log = self.folder.path().join("log");
        self.server = Some(Server::start(command, &log, ready)?);
        Ok(())
    }
}
