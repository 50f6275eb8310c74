//! How a store is opened.

use std::time::Duration;

/// Longest prefix in bytes.
const PREFIX_BYTES_MAX: usize = 32;

/// When what was committed is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// At the next checkpoint: a commit outlives the process, but not always a loss of power.
    Normal,
    /// When the commit returns: it outlives a loss of power too.
    #[default]
    Full,
}

/// How a store is opened. [`SqliteOptions::default`] is right for a file of the store's own.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(crate) prefix: String,
    pub(crate) synchronous: Synchronous,
    pub(crate) readers: u32,
    pub(crate) busy_timeout: Duration,
    pub(crate) acquire_timeout: Duration,
    pub(crate) cache_bytes: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            prefix: "chat_".to_owned(),
            synchronous: Synchronous::default(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(5),
            cache_bytes: 16 * 1024 * 1024,
        }
    }
}

impl SqliteOptions {
    /// What the names of all tables and indexes begin with, `chat_` by default: a letter, then letters, digits and
    /// underscores, at most 32 bytes. Another text is refused by [`crate::SqliteStore::open`].
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// When what was committed is on the disk; by default when the commit returns.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Connections for reading, 4 by default, at least one.
    #[must_use]
    pub const fn readers(mut self, readers: u32) -> Self {
        self.readers = if readers == 0 { 1 } else { readers };
        self
    }

    /// How long another process's write is waited for, 5 s by default; then the call is unavailable.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a free connection is waited for, 5 s by default; then the call is unavailable.
    #[must_use]
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Bytes of the file that each connection may keep in memory, about; 16 MiB by default.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: u32) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Whether the prefix can be put into statements.
    pub(crate) fn check(&self) -> Result<(), InvalidPrefix> {
        let letters = self.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let begins = self.prefix.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        // Names that begin so belong to SQLite itself.
        let reserved = self.prefix.to_ascii_lowercase().starts_with("sqlite_");
        if letters && begins && !reserved && self.prefix.len() <= PREFIX_BYTES_MAX {
            Ok(())
        } else {
            Err(InvalidPrefix)
        }
    }
}

/// A prefix that no name can begin with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the prefix must be a letter, then letters, digits and underscores, at most 32 bytes, not sqlite_")]
pub(crate) struct InvalidPrefix;
