//! Three servers over a real Postgres and a real Redis, hundreds of clients, and faults.

pub(crate) mod backend;
mod chance;
mod checker;
mod client;
mod fault;
mod fleet;
mod nodes;
mod proxy;
mod readiness;
mod record;
mod restore;
mod rights;
mod scenarios;
mod soak;
