//! pgbench's side: rows as the store's messages are, in a table like theirs with all its indexes, by themselves and with
//! their words in a table like the search index; and nothing else.

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
    CREATE TABLE plain_search (LIKE chat.search INCLUDING ALL);
    CREATE SEQUENCE plain_seq; CREATE SEQUENCE plain_id;
    CREATE TABLE plain_texts AS
        SELECT n AS id, string_agg(word, ' ') AS content, '/' || string_agg(DISTINCT word, ' /') AS words
        FROM (
            SELECT n, 'wo' || floor(random() * random() * 5000) || 'rd' AS word
            FROM generate_series(1, 10000) AS n, generate_series(1, 12)) AS w
        GROUP BY n;
    ALTER TABLE plain_texts ADD PRIMARY KEY (id)";

/// Rows with their words. Texts are looked up one by one: the engine's come from the other side of a socket.
const SEARCHABLE: &str = "WITH given AS MATERIALIZED (
        SELECT nextval('plain_id') AS id, nextval('plain_seq') AS seq, n.room, t.content, t.words
        FROM (
            SELECT 1 + floor(random() * 256)::bigint AS room, 1 + floor(random() * 10000)::integer AS text
            FROM generate_series(1, ROWS)) AS n
        CROSS JOIN LATERAL (SELECT * FROM plain_texts x WHERE x.id = n.text OFFSET 0) AS t),
    put AS (
        INSERT INTO plain (room, seq, id, ordinal, sender, client_id, digest, kind, content, at, version, deleted,
            replies)
        SELECT room, seq, id, 1, 'user 1', 'client id ' || id, '\\x00112233445566778899aabbccddeeff', 'text', content,
            1700000000000000, 1, false, 0 FROM given)
    INSERT INTO plain_search (id, room, seq, words)
    SELECT id, room, seq, chat.search_words_v1(id, room, words) FROM given";

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
        one_line(COLUMNS)
    )
}

/// Rows with their words in the search index.
pub(crate) fn searchable(rows: usize) -> String {
    format!("{};\n", one_line(SEARCHABLE).replace("ROWS", &rows.to_string()))
}

/// Rows out of arrays.
pub(crate) fn batch() -> String {
    let list = |of: &dyn Fn(usize) -> String| (0..BATCH).map(of).collect::<Vec<_>>().join(",");
    format!(
        "{} FROM unnest('{{{}}}'::bigint[], '{{{}}}'::text[], '{{{}}}'::text[]) AS n (room, sender, content);\n",
        one_line(COLUMNS),
        list(&|n| (n + 1).to_string()),
        list(&|n| format!("user {n}")),
        list(&|_| format!("\"{CONTENT}\"")),
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
