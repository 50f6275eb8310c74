//! What the SQLite store promises.

mod chance;
mod differential;
mod durability;
mod scratch;
mod sharing;
mod suite;
mod upkeep;
mod words;
