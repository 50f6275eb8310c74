//! What the bus promises, on real servers that the tests start themselves.
//!
//! `REDIS_SERVER` names the program; that of Valkey does as well. Where there is none, `REDIS_URL` may name a
//! server for the contract alone.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod budgets;
mod cluster;
mod deployment;
mod failover;
mod faults;
mod leases;
mod loss;
mod peer;
mod proxy;
mod sentinel;
mod single;
mod watched;
