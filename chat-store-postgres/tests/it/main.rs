//! What the Postgres store promises. `DATABASE_URL` names a database to be used; each test has a schema of its own in it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod blocks;
mod chance;
mod contention;
mod differential;
mod host;
mod loss;
mod pooler;
mod scratch;
mod search;
mod suite;
mod upkeep;
mod words;
