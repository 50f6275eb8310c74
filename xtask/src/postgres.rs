//! A Postgres server.

use std::path::PathBuf;

use crate::server::{Folder, Server, bound_command, free_port, give_away, program, run, unprivileged};

/// A Postgres server with a cluster of its own. It trusts whoever comes from this machine, as user `postgres`.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    program: PathBuf,
    port: u16,
    user: Option<&'static str>,
    is_durable: bool,
    folder: Folder,
}

impl Postgres {
    /// Makes a cluster by the programs beside the one that `POSTGRES` names, else beside `postgres`, and starts it.
    /// One that is not durable writes without waiting for the disk: it outlives its own kill, not the machine's.
    ///
    /// # Errors
    /// Where they cannot be found or fail.
    pub fn start(is_durable: bool) -> Result<Self, String> {
        let program = program("POSTGRES", "postgres", Some(("/usr/lib/postgresql", "bin")))?;
        // A link is followed: the program's companions lie beside the program.
        let program = program.canonicalize().unwrap_or(program);
        let folder = Folder::new("postgres")?;
        // It refuses to be run by root.
        let user = unprivileged()?;
        if let Some(user) = user {
            give_away(folder.path(), user)?;
        }
        let mut initdb = bound_command(&program.with_file_name("initdb"), user);
        initdb.arg("--pgdata").arg(folder.path().join("data"));
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        run(&mut initdb)?;
        let mut postgres = Self { server: None, program, port: free_port()?, user, is_durable, folder };
        postgres.start_again()?;
        Ok(postgres)
    }

    /// Where its database `postgres` is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The port it listens on, also while it is down.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A program of its kind, such as `pgbench`.
    #[must_use]
    pub fn companion(&self, name: &str) -> PathBuf {
        self.program.with_file_name(name)
    }

    /// Ends it: connections are cut, what was committed is kept.
    ///
    /// # Errors
    /// Where it cannot be told to.
    pub fn stop(&mut self) -> Result<(), String> {
        if let Some(mut server) = self.server.take() {
            server.signal("INT")?;
            server.ended();
        }
        Ok(())
    }

    /// Starts it on its port, where it does not run.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut command = bound_command(&self.program, self.user);
        command.arg("-D").arg(self.folder.path().join("data")).arg("-p").arg(self.port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            if self.is_durable { "fsync=on" } else { "fsync=off" },
        ] {
            command.args(["-c", setting]);
        }
        let log = self.folder.path().join("log");
        self.server = Some(Server::start(command, &log, "database system is ready to accept connections")?);
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed alone, it would leave its children to find out by themselves.
        drop(self.stop());
    }
}
