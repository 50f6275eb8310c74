//! The contract, on one server.

use std::{
    env,
    future::{Ready, ready},
};

use chat_bus_redis::RedisBus;
use xtask::Redis;

use crate::peer::options;

fn redis() -> Ready<(Option<Redis>, RedisBus)> {
    ready(match (Redis::start(), env::var("REDIS_URL")) {
        (Ok(redis), _) => {
            let bus = RedisBus::new(&redis.url(), options()).unwrap();
            (Some(redis), bus)
        }
        (Err(_), Ok(url)) => (None, RedisBus::new(&url, options()).unwrap()),
        (Err(error), Err(_)) => panic!("{error}; or REDIS_URL names a server"),
    })
}

chat_core::bus_suite!(redis);
