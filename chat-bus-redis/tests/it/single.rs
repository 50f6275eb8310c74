//! The contract, on one server.

use std::env;

use chat_bus_redis::RedisBus;
use xtask::Redis;

use crate::peer::options;

async fn redis() -> (Option<Redis>, RedisBus) {
    match (Redis::start(), env::var("REDIS_URL")) {
        (Ok(redis), _) => {
            let bus = RedisBus::new(&redis.url(), options()).unwrap();
            (Some(redis), bus)
        }
        (Err(_), Ok(url)) => (None, RedisBus::new(&url, options()).unwrap()),
        (Err(error), Err(_)) => panic!("{error}; or REDIS_URL names a server"),
    }
}

chat_core::bus_suite!(redis);
