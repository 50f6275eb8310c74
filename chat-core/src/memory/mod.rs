//! Backends in memory: real ones, for tests, demos and hosts of one process.

mod bus;
mod inbox;
mod leases;
mod quota;

pub use bus::LocalBus;
