//! A Redis server.

use std::{path::PathBuf, process::Command};

use crate::server::{Folder, Server, bound_command, free_port, program};

/// A Redis server that keeps nothing on disk: started again, it is empty.
#[derive(Debug)]
pub struct Redis {
    server: Option<Server>,
    program: PathBuf,
    port: u16,
    folder: Folder,
    arguments: Vec<String>,
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
        let program = program("REDIS_SERVER", "redis-server", None)?;
        let (port, folder, arguments) = (free_port()?, Folder::new("redis")?, arguments.to_vec());
        let mut redis = Self { server: None, program, port, folder, arguments };
        redis.start_again()?;
        Ok(redis)
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

    /// Kills it.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it anew, empty, on its port.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.kill();
        let mut command: Command = bound_command(&self.program, None);
        command.arg("--port").arg(self.port.to_string());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder.path());
        command.args(&self.arguments);
        let log = self.folder.path().join("log");
        self.server = Some(Server::start(command, &log, "eady to accept connections")?);
        Ok(())
    }
}
