//! How SQLite carries the statements out: by keys, never by reading a whole table that grows.

use sqlx::{Connection as _, Row as _, SqlStr, SqliteConnection};

use crate::{migrate, sql::with_prefix, store::Sql, verify::VerifySql};

/// Statements that may read all of one table, and why.
const MAY_SCAN: &[(&str, &str)] =
    &[("counters", "one row"), ("epoch", "one row"), ("renew_epoch", "one row")];

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let mut connection = migrated().await;
    let mut found = Vec::new();
    for (name, statement) in Sql::new("x_").all() {
        for step in plan(&mut connection, name, &statement).await {
            // What is scanned is a list given, or the result of a part: those are of bounded size.
            let is_bounded = ["SCAN n", "SCAN k", "SCAN json_each", "SCAN picked", "SCAN (", "SCAN CONSTANT"]
                .iter()
                .any(|start| step.starts_with(start));
            let may = MAY_SCAN.iter().any(|(may, _)| *may == name)
                || (name == "public" && step.contains("x_rooms_public"));
            // A table of words that is asked for words or ids: what follows on the colon is what it is asked for.
            let asked = step.split_once(" VIRTUAL TABLE INDEX ").and_then(|(_, how)| how.split_once(':'));
            let is_bounded = is_bounded || asked.is_some_and(|(_, what)| !what.is_empty());
            if step.starts_with("SCAN") && !is_bounded && !may {
                found.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn every_statement_fits_the_tables() {
    let mut connection = migrated().await;
    for (name, statement) in VerifySql::new("x_").all().into_iter().chain(migrate::statements("x_")) {
        plan(&mut connection, name, &statement).await;
    }
}

async fn migrated() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(with_prefix(&migrate::sql("x_"), "x_")).execute(&mut connection).await.unwrap();
    connection
}

/// The steps that a statement takes.
async fn plan(connection: &mut SqliteConnection, name: &str, statement: &SqlStr) -> Vec<String> {
    let explained = with_prefix(&format!("EXPLAIN QUERY PLAN {}", statement.as_str()), "x_");
    let plan = sqlx::query(explained).fetch_all(connection).await;
    plan.unwrap_or_else(|error| panic!("{name}: {error}")).iter().map(|row| row.get(3)).collect()
}
