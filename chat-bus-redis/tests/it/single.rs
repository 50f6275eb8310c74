//! The contract, on one server.

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
};

use chat_bus_redis::{RedisBus, RedisOptions};

use crate::server::{Server, is_installed};

/// A prefix that nobody else has, also on a server that is there already.
pub(crate) fn options() -> RedisOptions {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    RedisOptions::default().with_prefix(format!("test {} {n}", std::process::id()))
}

async fn redis() -> (Option<Server>, RedisBus) {
    if !is_installed("redis-server")
        && let Ok(url) = env::var("REDIS_URL")
    {
        return (None, RedisBus::new(&url, options()).unwrap());
    }
    let server = Server::start().await;
    let bus = RedisBus::new(&server.url(), options()).unwrap();
    (Some(server), bus)
}

chat_core::bus_suite!(redis);
