//! Demo accounts: names and passwords, ids counted from 1. A host of its own has users already and none of this.

use std::sync::{Arc, OnceLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use parking_lot::Mutex;
use sqlx::{Row as _, SqlitePool};
use tokio::sync::Semaphore;

const NAME_CHARS_MAX: usize = 32;
const PASSWORD_BYTES_MAX: usize = 256;

/// Passwords hashed at once; each takes 19 MiB for a while.
const HASHED_AT_ONCE: usize = 2;

/// Sign-ups and sign-ins that may wait for their turn.
const WAITING_MAX: usize = 64;

/// An account, as others may see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Account {
    /// Its id as text.
    pub id: String,
    /// The name signed in with.
    pub username: String,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// A name or password that cannot be one.
    #[error("{0}")]
    Invalid(&'static str),
    /// The name is someone else's.
    #[error("this name is taken")]
    Taken,
    /// No such name, or another password.
    #[error("wrong name or password")]
    Wrong,
    /// Too many at once.
    #[error("too many sign-ins at once; try again")]
    Busy,
    /// A fault of ours.
    #[error("accounts are out of order")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The accounts.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    kept: Kept,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
enum Kept {
    Memory(Arc<Mutex<Vec<(Account, String)>>>),
    Sqlite(SqlitePool),
}

impl Accounts {
    /// Accounts that go with the process.
    pub(crate) fn in_memory() -> Self {
        Self::new(Kept::Memory(Arc::default()))
    }

    /// Accounts in a table of a SQLite database.
    pub(crate) async fn in_sqlite(pool: SqlitePool) -> Result<Self, sqlx::Error> {
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS demo_accounts (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 username TEXT NOT NULL UNIQUE COLLATE NOCASE,
                 password_hash TEXT NOT NULL
             )",
        )
        .execute(&pool)
        .await?;
        Ok(Self::new(Kept::Sqlite(pool)))
    }

    fn new(kept: Kept) -> Self {
        Self {
            kept,
            hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    /// Makes an account.
    pub(crate) async fn sign_up(&self, username: &str, password: &str) -> Result<Account, AccountError> {
        let username = username.trim();
        let is_name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        if username.is_empty() || username.chars().count() > NAME_CHARS_MAX || !username.chars().all(is_name)
        {
            return Err(AccountError::Invalid("username must be 1 to 32 letters, digits, spaces or _ - ."));
        }
        check_password(password)?;
        if self.find(username).await?.is_some() {
            return Err(AccountError::Taken);
        }
        let password = password.to_owned();
        let hash = self.hash(move || hash(&password)).await??;
        match &self.kept {
            Kept::Memory(accounts) => {
                let mut accounts = accounts.lock();
                if accounts.iter().any(|(account, _)| same_name(&account.username, username)) {
                    return Err(AccountError::Taken);
                }
                let id = (accounts.len() + 1).to_string();
                let account = Account { id, username: username.to_owned() };
                accounts.push((account.clone(), hash));
                Ok(account)
            }
            Kept::Sqlite(pool) => {
                let inserted = sqlx::query(
                    "INSERT INTO demo_accounts (username, password_hash) VALUES (?, ?) RETURNING id",
                )
                .bind(username)
                .bind(hash)
                .fetch_one(pool)
                .await;
                match inserted {
                    Ok(row) => {
                        Ok(Account { id: row.get::<i64, _>(0).to_string(), username: username.to_owned() })
                    }
                    Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
                        Err(AccountError::Taken)
                    }
                    Err(error) => Err(AccountError::Internal(error.into())),
                }
            }
        }
    }

    /// The account with this name and password.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Result<Account, AccountError> {
        check_password(password)?;
        let found = self.find(username.trim()).await?;
        let (account, hash) = match found {
            Some((account, hash)) => (Some(account), hash),
            // As much work for a name that does not exist: the time taken tells nobody which do.
            None => (None, dummy_hash()?),
        };
        let password = password.to_owned();
        let fits = self
            .hash(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        account.filter(|_| fits).ok_or(AccountError::Wrong)
    }

    /// Accounts whose name starts with `prefix`, by name.
    pub(crate) async fn search(&self, prefix: &str, limit: usize) -> Result<Vec<Account>, AccountError> {
        let prefix = prefix.trim().to_lowercase();
        match &self.kept {
            Kept::Memory(accounts) => {
                let mut found: Vec<_> = accounts
                    .lock()
                    .iter()
                    .map(|(account, _)| account.clone())
                    .filter(|account| account.username.to_lowercase().starts_with(&prefix))
                    .collect();
                found.sort_by(|a, b| a.username.cmp(&b.username));
                found.truncate(limit);
                Ok(found)
            }
            Kept::Sqlite(pool) => {
                let rows = sqlx::query(
                    "SELECT id, username FROM demo_accounts
                     WHERE substr(lower(username), 1, length(?1)) = ?1 ORDER BY username LIMIT ?2",
                )
                .bind(prefix)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(pool)
                .await
                .map_err(internal)?;
                Ok(rows
                    .iter()
                    .map(|row| Account { id: row.get::<i64, _>(0).to_string(), username: row.get(1) })
                    .collect())
            }
        }
    }

    async fn find(&self, username: &str) -> Result<Option<(Account, String)>, AccountError> {
        match &self.kept {
            Kept::Memory(accounts) => Ok(accounts
                .lock()
                .iter()
                .find(|(account, _)| same_name(&account.username, username))
                .cloned()),
            Kept::Sqlite(pool) => {
                let row =
                    sqlx::query("SELECT id, username, password_hash FROM demo_accounts WHERE username = ?")
                        .bind(username)
                        .fetch_optional(pool)
                        .await
                        .map_err(internal)?;
                Ok(row.map(|row| {
                    (Account { id: row.get::<i64, _>(0).to_string(), username: row.get(1) }, row.get(2))
                }))
            }
        }
    }

    /// Hashes off the runtime's threads, a few at a time.
    async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self.waiting.try_acquire().map_err(|_| AccountError::Busy)?;
        let _turn = self.hashing.acquire().await.map_err(internal)?;
        tokio::task::spawn_blocking(work).await.map_err(internal)
    }
}

fn check_password(password: &str) -> Result<(), AccountError> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(AccountError::Invalid("password must be 1 to 256 bytes"));
    }
    Ok(())
}

fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn hash(password: &str) -> Result<String, AccountError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| AccountError::Internal(error.to_string().into()))
}

fn dummy_hash() -> Result<String, AccountError> {
    static HASH: OnceLock<String> = OnceLock::new();
    match HASH.get() {
        Some(hash) => Ok(hash.clone()),
        None => {
            let made = hash("nobody's")?;
            Ok(HASH.get_or_init(|| made).clone())
        }
    }
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> AccountError {
    AccountError::Internal(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::{AccountError, Accounts};

    #[tokio::test]
    async fn accounts_in_both_places() {
        let pool = sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await
            .unwrap();
        for accounts in [Accounts::in_memory(), Accounts::in_sqlite(pool).await.unwrap()] {
            assert_eq!(accounts.sign_up("Ann", "secret").await.unwrap().id, "1");
            assert_eq!(accounts.sign_up("bob", "secret").await.unwrap().id, "2");
            assert!(matches!(accounts.sign_up("ann", "other").await, Err(AccountError::Taken)));
            assert!(matches!(accounts.sign_up("a<b", "x").await, Err(AccountError::Invalid(_))));
            assert!(matches!(accounts.sign_up("carl", "").await, Err(AccountError::Invalid(_))));
            assert_eq!(accounts.sign_in("Ann", "secret").await.unwrap().id, "1");
            assert!(matches!(accounts.sign_in("Ann", "wrong").await, Err(AccountError::Wrong)));
            assert!(matches!(accounts.sign_in("nobody", "secret").await, Err(AccountError::Wrong)));
            let found = accounts.search("B", 10).await.unwrap();
            assert_eq!(found.iter().map(|a| a.username.as_str()).collect::<Vec<_>>(), ["bob"]);
            assert!(accounts.search("%", 10).await.unwrap().is_empty());
        }
    }
}
