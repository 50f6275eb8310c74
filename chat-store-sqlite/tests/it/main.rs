//! What the SQLite store promises.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod chance;
mod differential;
mod durability;
mod scratch;
mod search;
mod sharing;
mod suite;
mod upkeep;
mod words;
