//! For authors of stores and buses, and for tests of the engine: contract suites, and wrappers that make trouble.
//!
//! All chance comes from seeds and all time from the runtime, so that a failure replays. Not a stable part of the
//! interface: cases are added as contracts are sharpened.

pub mod bus_suite;
mod rng;

#[doc(inline)]
pub use crate::bus_suite;
pub use rng::Rng;
