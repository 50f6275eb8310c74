//! A bus for `chat-core` between processes, on Redis or Valkey: a single server, Sentinel, or Cluster.
//!
//! What Redis drops, this says: every lost connection, every overflow and every probe that stayed away becomes a
//! [`Lost`](chat_core::bus::Lost). See [`RedisBus`].
#![forbid(unsafe_code)]

mod bus;
mod driver;
mod generation;
mod health;
mod inbox;
mod leases;
mod metrics;
mod names;
mod node;
mod options;
mod outbox;
mod quota;
mod reach;
mod topics;
mod wire;

pub use bus::RedisBus;
pub use options::RedisOptions;
