//! Demo accounts: names and passwords, ids counted from 1. A host of its own has users already and none of this.

use std::sync::{Arc, OnceLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use sqlx::{PgPool, SqlitePool};
use tokio::sync::Semaphore;

mod kept;

use kept::Kept;

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

impl Accounts {
    /// Accounts that go with the process.
    pub(crate) fn in_memory() -> Self {
        Self::new(Kept::Memory(Arc::default()))
    }

    /// Accounts in a table of a SQLite database.
    pub(crate) async fn in_sqlite(pool: SqlitePool) -> Result<Self, sqlx::Error> {
        Ok(Self::new(Kept::in_sqlite(pool).await?))
    }

    /// Accounts in a table of a Postgres database, in the schema that its connections find first.
    pub(crate) async fn in_postgres(pool: PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self::new(Kept::in_postgres(pool).await?))
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
        if self.kept.find(username).await?.is_some() {
            return Err(AccountError::Taken);
        }
        let password = password.to_owned();
        let hash = self.hash(move || hash(&password)).await??;
        self.kept.add(username, hash).await
    }

    /// The account with this name and password.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Result<Account, AccountError> {
        check_password(password)?;
        let found = self.kept.find(username.trim()).await?;
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
        self.kept.search(prefix, limit).await
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
