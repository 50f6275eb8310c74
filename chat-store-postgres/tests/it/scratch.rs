//! A schema for one test.

use std::{
    env,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use chat_store_postgres::{PostgresOptions, PostgresStore, sqlx};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// A schema of its own, gone with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) schema: String,
    database: PgConnectOptions,
    /// The database is its own too, under the same name.
    is_apart: bool,
}

impl Scratch {
    /// The name of a schema that there is not as yet.
    pub(crate) fn new() -> Self {
        // Here, and not where a schema is removed, is it said that there is no database.
        let database = database();
        // By chance and not by the clock: tests are processes, and two of them begin in one microsecond.
        let schema = format!("chat_{:016x}", RandomState::new().build_hasher().finish());
        Self { schema, database, is_apart: false }
    }

    /// In a database of its own, for what Postgres counts by database.
    pub(crate) async fn apart() -> Self {
        let mut scratch = Self::new();
        let make = format!("CREATE DATABASE {}", scratch.schema);
        scratch.run(&mut scratch.connect().await, &make).await;
        scratch.database = scratch.database.clone().database(&scratch.schema);
        scratch.is_apart = true;
        scratch
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions::default().schema(&self.schema)
    }

    /// A store of this schema over connections of its own, its tables made.
    pub(crate) async fn open(&self) -> PostgresStore {
        let store = PostgresStore::new(self.pool(6), self.options()).unwrap();
        store.migrate().await.unwrap();
        store
    }

    pub(crate) fn pool(&self, connections: u32) -> PgPool {
        pool_to(self.database.clone(), connections)
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.database).await.unwrap()
    }

    /// Statements as they stand, with `{s}` for the schema.
    pub(crate) async fn run(&self, connection: &mut PgConnection, sql: &str) {
        let sql = sql.replace("{s}", &format!("{}.", self.schema));
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a test that failed still holds is not waited for.
        let sql = match self.is_apart {
            true => format!("DROP DATABASE {} WITH (FORCE)", self.schema),
            false => format!("SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.schema),
        };
        let gone = async move {
            let mut connection = PgConnection::connect_with(&database()).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        };
        // The test's own runtime is busy with this drop.
        let dropped = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(gone)
        });
        // What cannot be removed is left to whoever removes the database.
        drop(dropped.join());
    }
}

/// The database that `DATABASE_URL` names.
pub(crate) fn database() -> PgConnectOptions {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| {
        panic!(
            "DATABASE_URL is not set: these tests need a PostgreSQL server, as `cargo xtask test` starts one; \
             by hand: DATABASE_URL=postgres://user@localhost/database"
        )
    });
    let options: PgConnectOptions = url.parse().unwrap();
    sqlx::ConnectOptions::disable_statement_logging(options)
}

pub(crate) fn pool() -> PgPool {
    pool_of(6)
}

pub(crate) fn pool_of(connections: u32) -> PgPool {
    pool_to(database(), connections)
}

pub(crate) fn pool_to(database: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .connect_lazy_with(database)
}
