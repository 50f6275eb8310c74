//! What the SQLite store promises.

mod scratch;
mod suite;
