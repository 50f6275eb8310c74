//! Real servers for tests, Postgres, PgBouncer and Redis: started on free ports in folders of their own, ended with their owner.
//!
//! Standard library alone, as all of this crate, so that tests that need a server wait for no build of a driver.

mod pgbouncer;
mod postgres;
mod redis;
mod server;

pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use redis::Redis;
pub use server::free_port;
