//! pgbench's side: rows as the store's messages are, in a table like theirs, with all its indexes, and nothing else.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, id},
    time::Duration,
};

use chat_store_postgres::sqlx;
use xtask::Postgres;

use super::{CONNECTIONS, Figures, House};

/// Rows of a batch.
pub(crate) const BATCH: usize = 256;

const TABLE: &str = "CREATE TABLE plain (LIKE chat.messages INCLUDING ALL);
    CREATE SEQUENCE plain_seq; CREATE SEQUENCE plain_id";

const COLUMNS: &str =
    "INSERT INTO plain (room, seq, id, ordinal, sender, client_id, digest, kind, content, at, version,
    deleted, replies) SELECT n.room, nextval('plain_seq'), nextval('plain_id'), 1, n.sender,
    'client id ' || currval('plain_id'), '\\x00112233445566778899aabbccddeeff', 'text', n.content,
    1700000000000000, 1, false, 0";

const CONTENT: &str =
    "a dozen words or so as people say them to each other all day long in rooms, about a hundred bytes";

/// The program, and where it works.
pub(crate) struct Pgbench {
    program: PathBuf,
    url: String,
    folder: PathBuf,
}

/// A row by itself.
pub(crate) fn one() -> String {
    format!(
        "\\set room random(1, 256)\n{} FROM (VALUES (:room::bigint, 'user 1', '{CONTENT}')) AS n (room, sender, content);\n",
        one_line()
    )
}

/// Rows out of arrays.
pub(crate) fn batch() -> String {
    let list = |of: &dyn Fn(usize) -> String| (0..BATCH).map(of).collect::<Vec<_>>().join(",");
    format!(
        "{} FROM unnest('{{{}}}'::bigint[], '{{{}}}'::text[], '{{{}}}'::text[]) AS n (room, sender, content);\n",
        one_line(),
        list(&|n| (n + 1).to_string()),
        list(&|n| format!("user {n}")),
        list(&|_| format!("\"{CONTENT}\"")),
    )
}

fn one_line() -> String {
    COLUMNS.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Pgbench {
    pub(crate) async fn new(postgres: &Postgres, house: &House) -> Self {
        sqlx::raw_sql(TABLE).execute(&house.pool).await.unwrap();
        let folder = env::temp_dir().join(format!("against_pgbench_{}", id()));
        fs::create_dir_all(&folder).unwrap();
        Self { program: postgres.companion("pgbench"), url: postgres.url(), folder }
    }

    /// Runs a script again and again.
    pub(crate) fn run(&self, name: &str, script: &str, rows_each: usize, time: Duration) -> Figures {
        println!("pgbench: {name}");
        fs::write(self.folder.join("script"), script).unwrap();
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(["-n", "-M", "prepared", "-f", "script", "-l", "-j", "2"]);
        command.args(["-c", &CONNECTIONS.to_string(), "-T", &time.as_secs().to_string(), &self.url]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut latencies = Vec::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name != "script") {
                let text = fs::read_to_string(&path).unwrap();
                let third = |line: &str| line.split(' ').nth(2).unwrap().parse().unwrap();
                latencies.extend(text.lines().map(|line| Duration::from_micros(third(line))));
                fs::remove_file(path).unwrap();
            }
        }
        Figures::of(latencies, rows_each, time)
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}
