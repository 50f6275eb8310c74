//! The contract behind Sentinel, and what becomes of nodes when the primary does not stay.

use chat_bus_redis::RedisBus;
use xtask::Redis;

use crate::{
    failover::{Pair, options},
    peer::{self, Peer, ask, eventually, room},
    watched::{Watched, lost_sentinel},
};

async fn sentinel() -> (Watched, RedisBus) {
    let watched = Watched::start().await;
    let bus = RedisBus::new(&watched.url(), peer::options()).unwrap();
    (watched, bus)
}

chat_core::bus_suite!(sentinel);

async fn watched() -> (Watched, Pair) {
    let watched = Watched::start().await;
    watched.is_formed().await;
    let pair = Pair::join(&watched.url(), &options()).await;
    (watched, pair)
}

#[tokio::test]
async fn a_dead_primary_is_replaced() {
    let (mut watched, mut pair) = watched().await;
    watched.primary.kill();
    pair.falls_silent().await;
    pair.comes_back().await;
    watched.has_failed_over().await;
}

/// Its connections stay open: nothing tells of its end but that nothing comes.
#[tokio::test]
async fn a_primary_that_stands_still_is_replaced_and_followed_no_more() {
    let (watched, mut pair) = watched().await;
    watched.primary.stand_still(true).unwrap();
    pair.falls_silent().await;
    pair.comes_back().await;
    watched.primary.stand_still(false).unwrap();
    eventually("it is a replica", async || {
        let role = ask(watched.primary.port(), &["ROLE"]).await;
        role.contains("slave").then_some(())
    })
    .await;
    pair.works().await;
}

/// As before maintenance: the primary lives on, as a replica.
#[tokio::test]
async fn a_primary_that_is_replaced_on_request_is_left() {
    let (watched, mut pair) = watched().await;
    assert_eq!(ask(watched.sentinels[0].port(), &["SENTINEL", "FAILOVER", "main"]).await, "+OK\r\n");
    pair.falls_silent().await;
    pair.comes_back().await;
    watched.has_failed_over().await;
}

/// Sentinels die with the machines of the servers that they watch over.
#[tokio::test]
async fn a_sentinel_that_is_of_no_use_is_passed_over() {
    let (mut watched, options) = (Watched::start().await, options());
    let lost = lost_sentinel();
    watched.sentinels[0].kill();
    watched.sentinels[1].stand_still(true).unwrap();
    let port = |sentinel: &Redis| sentinel.port();
    let [dead, still, well] = [0, 1, 2].map(|n: usize| port(&watched.sentinels[n]));
    for first in [dead, still, port(&lost)] {
        // The one named behind is asked first.
        let url =
            format!("redis-sentinel://127.0.0.1:{well}?node=127.0.0.1:{first}&sentinelServiceName=main");
        let a = Peer::join(&url, &options, 1).await;
        let mut b = Peer::join(&url, &options, 2).await;
        a.becomes_healthy().await;
        b.becomes_healthy().await;
        b.subscribe(room(1)).await;
        a.head(room(1), 1);
        b.heard(room(1), 1).await;
    }
}
