//! What the database's failures mean to a caller.

use chat_core::store::{StoreError, StoreErrorKind};

/// Whether something may have been stored when a statement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was not asked for as yet, or it was a reading.
    Before,
    /// It was asked for: without an answer nobody knows.
    Sent,
}

/// The failure of a statement that writes nothing.
pub(crate) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    failed_at(operation, Stage::Before)
}

/// The failure of a statement at that stage.
pub(crate) fn failed_at(operation: &'static str, stage: Stage) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        let kind = match kind(&error) {
            // What the connection took with it may be stored.
            Kind::Lost | Kind::Damaged if stage == Stage::Sent => StoreErrorKind::Unknown,
            Kind::Lost | Kind::Again | Kind::Held | Kind::Busy => StoreErrorKind::Unavailable,
            Kind::Damaged | Kind::Corrupt => StoreErrorKind::Corrupt,
            Kind::Other => StoreErrorKind::Internal,
        };
        StoreError::new(kind, operation).with_source(error)
    }
}

/// Something stored that makes no sense.
pub(crate) fn damaged(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

/// What a failure says of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The connection is gone, or never was.
    Lost,
    /// Lost against others who wrote at the same time; the same statement may succeed at once.
    Again,
    /// Someone held a row for too long.
    Held,
    /// Full, out of connections, not writing for now.
    Busy,
    /// An answer that makes no sense.
    Damaged,
    /// The database itself finds damage.
    Corrupt,
    Other,
}

/// Whatever the database itself answered, it undid; but for a connection that it ended.
pub(crate) fn kind(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Kind::Lost,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound => Kind::Damaged,
        sqlx::Error::Database(error) => error.code().map_or(Kind::Other, |code| of_code(&code)),
        _ => Kind::Other,
    }
}

fn of_code(code: &str) -> Kind {
    match code {
        "40001" | "40P01" => Kind::Again,
        "55P03" => Kind::Held,
        // Cancelled; a standby, or told not to write.
        "57014" | "25006" => Kind::Busy,
        "XX001" | "XX002" => Kind::Corrupt,
        // The administrator, a crash, a start or an end of the server.
        _ if code.starts_with("57P") || code.starts_with("08") => Kind::Lost,
        // Disk, memory, connections.
        _ if code.starts_with("53") => Kind::Busy,
        // What the rules allowed contradicts what is stored, and everything else: a fault of this crate.
        _ => Kind::Other,
    }
}
