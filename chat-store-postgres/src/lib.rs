//! A store on PostgreSQL (13 and later), in a database of a host's.
//!
//! [`PostgresStore::new`] gives a [`chat_core::store::Store`] over a pool of the host's. All it has is in one schema
//! ([`PostgresOptions::schema`]), with a migration history of its own.
//!
//! # How a commit works
//!
//! The rules are `chat-core`'s, in Rust. What they need of the rooms is read in one statement (for plain sends mostly
//! remembered), they judge, and one call of a function in the database writes what they came to: it locks the rooms, and
//! writes to those that are still as the rules saw them. The others are read and judged again. So no lock is ever held
//! while a client is waited for, and a commit is one or two round trips, whatever its size.
//!
//! # What is the host's
//!
//! - The pool: size, timeouts, TLS (a feature of [`sqlx`], which this crate exports). A pool that does not test
//!   connections before it gives them (`test_before_acquire(false)`) saves a round trip a call; but after a restart of
//!   the server the first call on each connection fails, and a commit with an unknown outcome.
//! - `synchronous_commit`: a commit is as durable as the database makes it. With `off` a crash of the server may lose
//!   what was acknowledged.
//! - The isolation level: `READ COMMITTED`, the database's own default, is what commits are made for.
//! - Poolers in transaction mode: see [`PostgresOptions::statement_cache`].

#![forbid(unsafe_code)]

mod attachment;
mod batch;
mod body;
mod cache;
mod columns;
mod commit;
mod error;
mod host;
mod import;
mod load;
mod log;
mod message;
mod migrate;
mod moderation;
mod options;
mod patience;
mod pending;
mod pointer;
mod profile;
mod room;
mod rows;
mod search;
mod settle;
mod sql;
mod store;
mod verify;
mod write;

pub use host::Announcement;
pub use options::PostgresOptions;
pub use store::PostgresStore;
pub use verify::Damage;

/// The driver, for the pool.
pub use sqlx;
