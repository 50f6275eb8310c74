//! The tables, made and brought up to date step by step, each step once.

use chat_core::store::StoreError;
use sqlx::{PgConnection, PgPool, Row as _, SqlStr};

use crate::{
    error::{Stage, failed, failed_at},
    sql::{statements, with_schema},
    store::refused,
};

const OPERATION: &str = "migrate";

/// A step. What was once released is never edited; another step is added.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "log", text: include_str!("migrations/0001_log.sql") },
    Migration { version: 2, name: "commit", text: include_str!("migrations/0002_commit.sql") },
    Migration { version: 3, name: "write", text: include_str!("migrations/0003_write.sql") },
    Migration { version: 4, name: "load", text: include_str!("migrations/0004_load.sql") },
    Migration { version: 5, name: "search", text: include_str!("migrations/0005_search.sql") },
    Migration { version: 6, name: "attachments", text: include_str!("migrations/0006_attachments.sql") },
    Migration { version: 7, name: "moderation", text: include_str!("migrations/0007_moderation.sql") },
    Migration { version: 8, name: "import", text: include_str!("migrations/0008_import.sql") },
    Migration { version: 9, name: "commit", text: include_str!("migrations/0009_commit.sql") },
    Migration { version: 10, name: "commit_files", text: include_str!("migrations/0010_commit_files.sql") },
];

statements! {
    /// The history of the steps.
    MigrateSql {
        // Whoever comes later waits here, and finds everything made.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('{n} migrations', 0))";
        // Even with IF NOT EXISTS the making of a schema asks for a right that a host may not want to give.
        has_schema = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '{n}')";
        make_schema = "CREATE SCHEMA \"{n}\"";
        make_history = "CREATE TABLE IF NOT EXISTS {s}migrations (
            version bigint NOT NULL PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)";
        history = "SELECT version, checksum FROM {s}migrations ORDER BY version";
        has_history = "SELECT to_regclass('{s}migrations') IS NOT NULL";
        note = "INSERT INTO {s}migrations (version, name, checksum) VALUES ($1, $2, $3)";
    }
}

/// Why tables cannot be used.
#[derive(Debug, thiserror::Error)]
enum Mismatch {
    #[error("the tables are of a later version: step {0} is not known here")]
    Later(i64),
    #[error("step {0} was made with another text than this version's")]
    Changed(i64),
}

impl Migration {
    /// Tells texts apart; FNV-1a, for accidents and not against anyone.
    fn checksum(&self) -> String {
        let hash = self.text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

/// The SQL that makes the tables, for hosts that migrate by a tool of their own: each step's text, and the history
/// that says it was made.
pub(crate) fn sql(schema: &str) -> String {
    let statements = MigrateSql::new(schema);
    let mut text =
        format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\";\n{};\n", statements.make_history.as_str());
    for step in MIGRATIONS {
        text.push('\n');
        text.push_str(with_schema(step.text, schema).as_str());
        text.push_str(&format!(
            "\nINSERT INTO \"{schema}\".migrations (version, name, checksum) VALUES ({}, '{}', '{}');\n",
            step.version,
            step.name,
            step.checksum()
        ));
    }
    text
}

/// Makes the steps that are missing, in one transaction.
pub(crate) async fn run(pool: &PgPool, schema: &str) -> Result<(), StoreError> {
    let statements = MigrateSql::new(schema);
    // A host may have made another level its own.
    let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed(OPERATION))?;
    make(&mut tx, &statements, schema).await?;
    tx.commit().await.map_err(failed_at(OPERATION, Stage::Sent))
}

async fn make(tx: &mut PgConnection, statements: &MigrateSql, schema: &str) -> Result<(), StoreError> {
    sqlx::raw_sql(statements.lock.clone()).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    let missing = missing(tx, statements).await?;
    if missing.is_empty() {
        return Ok(());
    }
    if !holds(tx, &statements.has_schema).await? {
        sqlx::raw_sql(statements.make_schema.clone()).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    }
    sqlx::raw_sql(statements.make_history.clone()).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    for step in missing {
        sqlx::raw_sql(with_schema(step.text, schema)).execute(&mut *tx).await.map_err(failed(OPERATION))?;
        sqlx::query(statements.note.clone())
            .persistent(false)
            .bind(step.version)
            .bind(step.name)
            .bind(step.checksum())
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
    }
    Ok(())
}

async fn holds(tx: &mut PgConnection, statement: &SqlStr) -> Result<bool, StoreError> {
    sqlx::query_scalar(statement.clone()).persistent(false).fetch_one(tx).await.map_err(failed(OPERATION))
}

/// The steps that were not made yet.
///
/// # Errors
/// Where a step was made that is not known here, or with another text.
async fn missing(
    tx: &mut PgConnection,
    statements: &MigrateSql,
) -> Result<Vec<&'static Migration>, StoreError> {
    let mut missing: Vec<&'static Migration> = MIGRATIONS.iter().collect();
    if !holds(tx, &statements.has_history).await? {
        return Ok(missing);
    }
    let history = sqlx::query(statements.history.clone())
        .persistent(false)
        .fetch_all(tx)
        .await
        .map_err(failed(OPERATION))?;
    for row in history {
        let version: i64 = row.try_get(0).map_err(failed(OPERATION))?;
        let checksum: String = row.try_get(1).map_err(failed(OPERATION))?;
        let Some(step) = MIGRATIONS.iter().find(|step| step.version == version) else {
            return Err(refused(OPERATION, Mismatch::Later(version)));
        };
        if step.checksum() != checksum {
            return Err(refused(OPERATION, Mismatch::Changed(version)));
        }
        missing.retain(|step| step.version != version);
    }
    Ok(missing)
}

/// The names of all tables, indexes, sequences and functions that there must be, without the schema.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let made = MIGRATIONS.iter().flat_map(|step| step.text.lines()).filter_map(|line| {
        let rest = ["TABLE ", "INDEX ", "UNIQUE INDEX ", "SEQUENCE ", "FUNCTION "]
            .iter()
            .find_map(|kind| line.strip_prefix("CREATE ")?.strip_prefix(kind))?;
        let name = rest.strip_prefix("{s}").unwrap_or(rest);
        name.split([' ', '(']).next()
    });
    made.chain(["migrations"])
}
