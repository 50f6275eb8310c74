//! What the SQLite store promises.

mod chance;
mod differential;
mod scratch;
mod suite;
