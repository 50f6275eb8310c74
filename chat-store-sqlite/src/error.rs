//! What SQLite's failures mean to a caller.

use chat_core::store::{StoreError, StoreErrorKind};

/// Primary result codes; the upper bytes of an extended one say more.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const PROTOCOL: i32 = 15;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOT_A_DATABASE: i32 = 26;
}

/// The failure of anything but a `COMMIT`: nothing is stored.
pub(crate) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::new(kind(&error), operation).with_source(error)
}

/// The failure of a `COMMIT`: it may be stored.
pub(crate) fn unknown(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::new(StoreErrorKind::Unknown, operation).with_source(error)
}

/// Something stored that makes no sense.
pub(crate) fn damaged(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => StoreErrorKind::Unavailable,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound => {
            StoreErrorKind::Corrupt
        }
        sqlx::Error::Database(error) => {
            let extended: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
            match extended & 0xff {
                // A full disk too: nothing is stored, and once there is room the same call succeeds.
                code::BUSY | code::LOCKED | code::INTERRUPT | code::FULL | code::PROTOCOL => {
                    StoreErrorKind::Unavailable
                }
                // What the rules allowed contradicts what is stored: one of the two is wrong.
                code::CORRUPT | code::NOT_A_DATABASE | code::CONSTRAINT => StoreErrorKind::Corrupt,
                _ => StoreErrorKind::Internal,
            }
        }
        _ => StoreErrorKind::Internal,
    }
}
