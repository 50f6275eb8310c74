//! An embeddable chat engine.
#![forbid(unsafe_code)]

mod outlet;
pub use outlet::{Outlet, Wrote};
