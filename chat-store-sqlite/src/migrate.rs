//! The tables, made and brought up to date step by step, each step once.

use chat_core::store::{StoreError, StoreErrorKind};
use sqlx::Row as _;

use crate::{
    error::{failed, unknown},
    search,
    sql::{statements, with_prefix},
    store::{Tx, begin_write},
};

const OPERATION: &str = "migrate";

/// A step. What was once released is never edited; another step is added.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
    then: Then,
}

/// What follows on a step's text, where there are messages already. Tables that are made without any need nothing.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    FillSearch,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "log", text: include_str!("migrations/0001_log.sql"), then: Then::Nothing },
    Migration {
        version: 2,
        name: "search",
        text: include_str!("migrations/0002_search.sql"),
        then: Then::FillSearch,
    },
    Migration {
        version: 3,
        name: "attachments",
        text: include_str!("migrations/0003_attachments.sql"),
        then: Then::Nothing,
    },
    Migration {
        version: 4,
        name: "moderation",
        text: include_str!("migrations/0004_moderation.sql"),
        then: Then::Nothing,
    },
];

statements! {
    /// The history of the steps.
    MigrateSql {
        make_history = "CREATE TABLE IF NOT EXISTS {p}migrations (
            version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT";
        history = "SELECT version, checksum FROM {p}migrations ORDER BY version";
        has_history = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '{p}migrations'";
        note = "INSERT INTO {p}migrations (version, name, checksum) VALUES (?1, ?2, ?3)";
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
pub(crate) fn sql(prefix: &str) -> String {
    let statements = MigrateSql::new(prefix);
    let mut text = format!("{};\n", statements.make_history.as_str());
    for step in MIGRATIONS {
        text.push('\n');
        text.push_str(with_prefix(step.text, prefix).as_str());
        text.push_str(&format!(
            "\nINSERT INTO {prefix}migrations (version, name, checksum) VALUES ({}, '{}', '{}');\n",
            step.version,
            step.name,
            step.checksum()
        ));
    }
    text
}

/// Makes the steps that are missing, in one transaction.
pub(crate) async fn run(pool: &sqlx::SqlitePool, prefix: &str) -> Result<(), StoreError> {
    let statements = MigrateSql::new(prefix);
    let mut tx = begin_write(pool).await.map_err(failed(OPERATION))?;
    let made = make(&mut tx, &statements, prefix).await?;
    if made {
        tx.commit().await.map_err(unknown(OPERATION))?;
    }
    Ok(())
}

async fn make(tx: &mut Tx, statements: &MigrateSql, prefix: &str) -> Result<bool, StoreError> {
    let missing = missing(tx, statements).await?;
    if missing.is_empty() {
        return Ok(false);
    }
    sqlx::query(statements.make_history.clone()).execute(&mut **tx).await.map_err(failed(OPERATION))?;
    for step in missing {
        sqlx::raw_sql(with_prefix(step.text, prefix)).execute(&mut **tx).await.map_err(failed(OPERATION))?;
        match step.then {
            Then::Nothing => {}
            Then::FillSearch => search::fill(tx, prefix).await.map_err(failed(OPERATION))?,
        }
        sqlx::query(statements.note.clone())
            .bind(step.version)
            .bind(step.name)
            .bind(step.checksum())
            .execute(&mut **tx)
            .await
            .map_err(failed(OPERATION))?;
    }
    Ok(true)
}

/// The steps that were not made yet.
///
/// # Errors
/// Where a step was made that is not known here, or with another text.
async fn missing(tx: &mut Tx, statements: &MigrateSql) -> Result<Vec<&'static Migration>, StoreError> {
    let mut missing: Vec<&'static Migration> = MIGRATIONS.iter().collect();
    let has_history: i64 = sqlx::query_scalar(statements.has_history.clone())
        .fetch_one(&mut **tx)
        .await
        .map_err(failed(OPERATION))?;
    if has_history == 0 {
        return Ok(missing);
    }
    let history =
        sqlx::query(statements.history.clone()).fetch_all(&mut **tx).await.map_err(failed(OPERATION))?;
    for row in history {
        let version: i64 = row.try_get(0).map_err(failed(OPERATION))?;
        let checksum: String = row.try_get(1).map_err(failed(OPERATION))?;
        let Some(step) = MIGRATIONS.iter().find(|step| step.version == version) else {
            return Err(mismatch(Mismatch::Later(version)));
        };
        if step.checksum() != checksum {
            return Err(mismatch(Mismatch::Changed(version)));
        }
        missing.retain(|step| step.version != version);
    }
    Ok(missing)
}

/// The names of all tables and indexes that there must be.
pub(crate) fn names(prefix: &str) -> Vec<String> {
    let text = sql(prefix);
    let made = text.lines().filter_map(|line| {
        let rest = [
            "CREATE TABLE IF NOT EXISTS ",
            "CREATE TABLE ",
            "CREATE VIRTUAL TABLE ",
            "CREATE INDEX ",
            "CREATE UNIQUE INDEX ",
        ]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    made.collect()
}

fn mismatch(why: Mismatch) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, OPERATION).with_source(why)
}

#[cfg(test)]
pub(crate) fn statements(prefix: &str) -> Vec<(&'static str, sqlx::SqlStr)> {
    MigrateSql::new(prefix).all()
}
