//! The durable embedded store: one SQLite file, no service beside the program.
//!
//! [`SqliteStore::open`] gives a [`chat_core::store::Store`] over a file of its own or a host's; all its names begin
//! with a prefix ([`SqliteOptions::prefix`]) and its migration history is its own. A commit is one `BEGIN IMMEDIATE`
//! transaction: what the changes need is read, the rules of `chat-core` judge it, what they came to is written, each by
//! a handful of statements whatever the size of the batch. Several processes may share the file.

mod attachment;
mod batch;
mod body;
mod columns;
mod error;
mod import;
mod load;
mod log;
mod message;
mod migrate;
mod moderation;
mod options;
mod pending;
#[cfg(test)]
mod plan_tests;
mod pointer;
mod profile;
mod room;
mod rows;
mod search;
mod sql;
mod store;
mod verify;
mod write;

pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteStore;
pub use verify::Damage;

/// The driver, for [`SqliteStore::from_pools`].
pub use sqlx;
