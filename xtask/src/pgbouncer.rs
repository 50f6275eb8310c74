//! A pooler in front of Postgres.

use std::fs;

use crate::server::{Folder, Server, bound_command, free_port, give_away, program, unprivileged};

/// Connections to the server for one database and user; more clients than that share them.
const POOL: u32 = 6;

/// A `PgBouncer` in transaction mode: each transaction gets whichever connection to the server is free, so that
/// nothing that is left on one is found again. It trusts whoever comes from this machine.
#[derive(Debug)]
pub struct PgBouncer {
    _server: Server,
    port: u16,
    _folder: Folder,
}

impl PgBouncer {
    /// Starts the program that `PGBOUNCER` names, else `pgbouncer`, in front of the Postgres server at `port` of
    /// `host`, which must trust `user`. It is of before 1.21 or is told to be: it keeps no prepared statements.
    ///
    /// # Errors
    /// Where it cannot be found or does not start.
    pub fn start(host: &str, port: u16, user: &str) -> Result<Self, String> {
        let program = program("PGBOUNCER", "pgbouncer", None)?;
        let (own_port, folder) = (free_port()?, Folder::new("pgbouncer")?);
        let users = folder.path().join("users");
        let lines = [
            "[databases]".to_owned(),
            format!("* = host={host} port={port}"),
            "[pgbouncer]".to_owned(),
            "listen_addr = 127.0.0.1".to_owned(),
            format!("listen_port = {own_port}"),
            "unix_socket_dir =".to_owned(),
            "auth_type = trust".to_owned(),
            format!("auth_file = {}", users.display()),
            "pool_mode = transaction".to_owned(),
            format!("default_pool_size = {POOL}"),
            // The one that was used last would mostly be the one that is used next.
            "server_round_robin = 1".to_owned(),
            "ignore_startup_parameters = extra_float_digits".to_owned(),
        ];
        let configuration = folder.path().join("pgbouncer.ini");
        let write = |path, text: String| fs::write(path, text).map_err(|e| e.to_string());
        write(&configuration, lines.join("\n") + "\n")?;
        write(&users, format!("\"{user}\" \"\"\n"))?;
        // It refuses to be run by root.
        let user = unprivileged()?;
        if let Some(user) = user {
            give_away(folder.path(), user)?;
        }
        let mut command = bound_command(&program, user);
        command.arg(&configuration);
        let server = Server::start(command, &folder.path().join("log"), "process up")?;
        Ok(Self { _server: server, port: own_port, _folder: folder })
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}
