//! Errors of stores.

use std::{error::Error, fmt};

/// What went wrong in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Out of reach, out of connections, locked for too long: try again later. Nothing was stored.
    Unavailable,
    /// The answer to a write was lost: the caller cannot know whether it is stored. Of a batch some changes may be, each
    /// as a whole or not at all.
    Unknown,
    /// The data does not make sense: a bug or damage, not to be tried again.
    Corrupt,
    /// Any other fault of the store, not to be tried again. Nothing was stored.
    Internal,
}

/// A store's failure, with what was being done and why it failed.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of `operation` without a cause of its own.
    #[must_use]
    pub const fn new(kind: StoreErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, source: None }
    }

    /// With its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// What was being done.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether the same call may succeed later (for a write only where it is idempotent).
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable | StoreErrorKind::Unknown)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StoreErrorKind::Unavailable => "store unavailable",
            StoreErrorKind::Unknown => "outcome unknown",
            StoreErrorKind::Corrupt => "stored data does not make sense",
            StoreErrorKind::Internal => "store failed",
        };
        write!(f, "{kind} in {}", self.operation)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
