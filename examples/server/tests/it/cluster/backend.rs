//! What the nodes share: a Postgres and a Redis server.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use xtask::{Postgres, Redis};

/// The database that the nodes are on.
pub(crate) const DATABASE: &str = "chat";

/// A Postgres and a Redis server.
///
/// Their processes end with the thread that starts them: they are started by the one that the test runs on.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
}

impl Backend {
    pub(crate) fn start() -> Self {
        tokio::task::block_in_place(|| {
            let backend = Self { postgres: Postgres::start(false).unwrap(), redis: Redis::start().unwrap() };
            backend.run("createdb", &[DATABASE]);
            backend
        })
    }

    /// The lines that a query of the nodes' database comes to, with `|` between columns.
    pub(crate) fn ask(&self, query: &str) -> Vec<String> {
        tokio::task::block_in_place(|| {
            let arguments = ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
            let command = ["--dbname", DATABASE, "--command", query];
            let output = self.run("psql", &[&arguments[..], &command[..]].concat());
            output.lines().map(str::to_owned).collect()
        })
    }

    /// A copy of the nodes' database as it is now, while they work on.
    pub(crate) fn back_up(&self, file: &Path) {
        let file = file.display().to_string();
        tokio::task::block_in_place(|| self.run("pg_dump", &["--format=custom", "--file", &file, DATABASE]));
    }

    /// Puts a copy in the database's place; nobody may be connected.
    pub(crate) fn restore(&self, file: &Path) {
        let file = file.display().to_string();
        tokio::task::block_in_place(|| {
            self.run("dropdb", &["--force", DATABASE]);
            self.run("createdb", &[DATABASE]);
            self.run("pg_restore", &["--exit-on-error", "--dbname", DATABASE, &file]);
        });
    }

    /// Runs one of Postgres's own programs; what it writes.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(self.postgres.companion(program))
            .args(arguments)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.postgres.port().to_string())
            .env("PGUSER", "postgres")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}
