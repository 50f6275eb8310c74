//! Backends in memory: real ones, for tests, demos and hosts of one process.

#[cfg(test)]
mod backup;
mod bus;
mod files;
mod import;
mod inbox;
mod leases;
mod moderation;
mod quota;
mod room;
mod state;
mod store;

pub use bus::LocalBus;
pub use store::MemoryStore;
