//! Where accounts are kept.

use std::sync::Arc;

use parking_lot::Mutex;
use sqlx::{PgPool, Row as _, SqlitePool};

use super::{Account, AccountError, internal};

/// An account with the hash of its password.
type Hashed = (Account, String);

/// Where accounts are kept. Names differ by more than the case of their ASCII letters.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    Memory(Arc<Mutex<Vec<Hashed>>>),
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Kept {
    pub(super) async fn in_sqlite(pool: SqlitePool) -> Result<Self, sqlx::Error> {
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS demo_accounts (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 username TEXT NOT NULL UNIQUE COLLATE NOCASE,
                 password_hash TEXT NOT NULL
             )",
        )
        .execute(&pool)
        .await?;
        Ok(Self::Sqlite(pool))
    }

    pub(super) async fn in_postgres(pool: PgPool) -> Result<Self, sqlx::Error> {
        // Nodes may start at once, and IF NOT EXISTS alone does not keep two of them apart.
        let mut making = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock(7223190450912)").execute(&mut *making).await?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS demo_accounts (
                 id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
                 username TEXT NOT NULL,
                 password_hash TEXT NOT NULL
             )",
        )
        .execute(&mut *making)
        .await?;
        sqlx::query(
            "CREATE UNIQUE INDEX IF NOT EXISTS demo_accounts_username ON demo_accounts (lower(username COLLATE \"C\"))",
        )
        .execute(&mut *making)
        .await?;
        making.commit().await?;
        Ok(Self::Postgres(pool))
    }

    /// Keeps a new account, under the next id.
    pub(super) async fn add(&self, username: &str, hash: String) -> Result<Account, AccountError> {
        const INTO_SQLITE: &str =
            "INSERT INTO demo_accounts (username, password_hash) VALUES (?, ?) RETURNING id";
        const INTO_POSTGRES: &str =
            "INSERT INTO demo_accounts (username, password_hash) VALUES ($1, $2) RETURNING id";
        let added: Result<i64, sqlx::Error> = match self {
            Self::Memory(accounts) => {
                let mut accounts = accounts.lock();
                if accounts.iter().any(|(account, _)| account.username.eq_ignore_ascii_case(username)) {
                    return Err(AccountError::Taken);
                }
                let id = (accounts.len() + 1).to_string();
                let account = Account { id, username: username.to_owned() };
                accounts.push((account.clone(), hash));
                return Ok(account);
            }
            Self::Sqlite(pool) => {
                sqlx::query_scalar(INTO_SQLITE).bind(username).bind(hash).fetch_one(pool).await
            }
            Self::Postgres(pool) => {
                sqlx::query_scalar(INTO_POSTGRES).bind(username).bind(hash).fetch_one(pool).await
            }
        };
        match added {
            Ok(id) => Ok(Account { id: id.to_string(), username: username.to_owned() }),
            Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
                Err(AccountError::Taken)
            }
            Err(error) => Err(internal(error)),
        }
    }

    pub(super) async fn find(&self, username: &str) -> Result<Option<Hashed>, AccountError> {
        const IN_SQLITE: &str = "SELECT id, username, password_hash FROM demo_accounts WHERE username = ?";
        const IN_POSTGRES: &str = "SELECT id, username, password_hash FROM demo_accounts
             WHERE lower(username COLLATE \"C\") = lower($1 COLLATE \"C\")";
        match self {
            Self::Memory(accounts) => {
                let accounts = accounts.lock();
                let named = |(account, _): &&Hashed| account.username.eq_ignore_ascii_case(username);
                Ok(accounts.iter().find(named).cloned())
            }
            Self::Sqlite(pool) => {
                let row = sqlx::query(IN_SQLITE).bind(username).fetch_optional(pool).await;
                Ok(row.map_err(internal)?.map(|row| (account(row.get(0), row.get(1)), row.get(2))))
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(IN_POSTGRES).bind(username).fetch_optional(pool).await;
                Ok(row.map_err(internal)?.map(|row| (account(row.get(0), row.get(1)), row.get(2))))
            }
        }
    }

    /// Accounts whose name starts with `prefix`, by name.
    pub(super) async fn search(&self, prefix: &str, limit: usize) -> Result<Vec<Account>, AccountError> {
        const IN_SQLITE: &str = "SELECT id, username FROM demo_accounts
             WHERE substr(lower(username), 1, length(?1)) = ?1 ORDER BY username LIMIT ?2";
        const IN_POSTGRES: &str = "SELECT id, username FROM demo_accounts
             WHERE starts_with(lower(username), $1) ORDER BY username LIMIT $2";
        let prefix = prefix.trim().to_lowercase();
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        match self {
            Self::Memory(accounts) => {
                let accounts = accounts.lock();
                let mut found: Vec<_> = accounts
                    .iter()
                    .map(|(account, _)| account.clone())
                    .filter(|account| account.username.to_lowercase().starts_with(&prefix))
                    .collect();
                found.sort_by(|a, b| a.username.cmp(&b.username));
                found.truncate(limit);
                Ok(found)
            }
            Self::Sqlite(pool) => {
                let rows = sqlx::query(IN_SQLITE).bind(prefix).bind(most).fetch_all(pool).await;
                Ok(rows.map_err(internal)?.iter().map(|row| account(row.get(0), row.get(1))).collect())
            }
            Self::Postgres(pool) => {
                let rows = sqlx::query(IN_POSTGRES).bind(prefix).bind(most).fetch_all(pool).await;
                Ok(rows.map_err(internal)?.iter().map(|row| account(row.get(0), row.get(1))).collect())
            }
        }
    }
}

fn account(id: i64, username: String) -> Account {
    Account { id: id.to_string(), username }
}
