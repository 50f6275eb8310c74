//! For authors of stores and buses, and for tests of the engine: contract suites, and wrappers that make trouble.
//!
//! All chance comes from seeds and all time from the runtime, so that a failure replays. Not a stable part of the
//! interface: cases are added as contracts are sharpened.

mod broken_store;
pub mod bus_suite;
mod faulty_bus;
mod faulty_store;
mod forward;
mod heard_log;
mod held_store;
mod rng;
pub mod sim;
pub mod store_suite;
#[cfg(test)]
mod tape;
mod twin;

#[doc(inline)]
pub use crate::{bus_suite, import_suite, store_suite};
pub use broken_store::{BrokenStore, Flaw};
pub use faulty_bus::{BusFaults, FaultyBus, Told};
pub use faulty_store::{CallFaults, CommitFault, FaultyStore, StoreFaults};
pub use heard_log::HeardLog;
pub use held_store::HeldStore;
pub use rng::Rng;
pub use twin::same_as_memory;
