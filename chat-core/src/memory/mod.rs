//! Backends in memory: real ones, for tests, demos and hosts that keep nothing over a restart.

mod room;
mod state;
mod store;

pub use store::MemoryStore;
