//! The contract, on a cluster of three servers, and what only a cluster can do to it.

use std::sync::Arc;

use chat_bus_redis::RedisBus;
use xtask::Redis;

use crate::{
    deployment::{Deployment, form, id, replicate, start_server, url},
    failover::{self, Pair},
    peer::{Peer, ask, eventually, options, room, texts},
};

async fn cluster() -> (Arc<Deployment>, RedisBus) {
    let deployment = Deployment::shared().await;
    let bus = RedisBus::new(&deployment.url(), options()).unwrap();
    (deployment, bus)
}

chat_core::bus_suite!(cluster);

/// A slot that moves takes its subscriptions away, and nothing of it shows on the connections.
#[tokio::test]
async fn a_slot_that_moves_away_is_noticed_and_followed() {
    let (deployment, options) = (Deployment::start().await, options());
    let a = Peer::join(&deployment.url(), &options, 1).await;
    let mut b = Peer::join(&deployment.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    a.head(room(1), 1);
    b.heard(room(1), 1).await;

    let (mut owner, mut channel) = (0, None);
    for (server, port) in deployment.ports.iter().enumerate() {
        let channels = texts(&ask(*port, &["PUBSUB", "SHARDCHANNELS", "*"]).await);
        if let Some(found) = channels.into_iter().find(|channel| channel.ends_with(":room:1")) {
            (owner, channel) = (server, Some(found));
        }
    }
    let channel = channel.expect("one server has the channel");
    let slot = ask(deployment.ports[owner], &["CLUSTER", "KEYSLOT", &channel]).await;
    let slot = slot.trim_start_matches(':').trim().to_owned();
    let other = (owner + 1) % 3;
    let id = id(deployment.ports[other]).await;
    for server in [other, owner] {
        let moved = ["CLUSTER", "SETSLOT", &slot, "NODE", &id];
        assert_eq!(ask(deployment.ports[server], &moved).await, "+OK\r\n");
    }

    b.lost_all().await;
    b.becomes_healthy().await;
    a.becomes_healthy().await;
    a.head(room(1), 2);
    b.heard(room(1), 2).await;
}

/// Three primaries of which the first has a replica.
async fn replicated() -> (Vec<Redis>, Pair) {
    let servers: Vec<_> = (0..4).map(|_| start_server().unwrap()).collect();
    let ports: Vec<_> = servers.iter().map(Redis::port).collect();
    form(&ports[..3]).await;
    replicate(&ports[..3], ports[3]).await;
    // The one that is to go is the one that nodes ask for the others.
    let pair = Pair::join(&url(&[ports[1], ports[0]]), &failover::options()).await;
    (servers, pair)
}

async fn has_role(server: &Redis, role: &str) {
    eventually("the servers have changed their roles", async || {
        ask(server.port(), &["ROLE"]).await.contains(role).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_dead_primary_is_replaced_by_its_replica() {
    let (mut servers, mut pair) = replicated().await;
    servers[0].kill();
    pair.falls_silent().await;
    pair.comes_back().await;
    has_role(&servers[3], "master").await;
}

#[tokio::test]
async fn a_primary_that_stands_still_is_replaced_by_its_replica() {
    let (servers, mut pair) = replicated().await;
    servers[0].stand_still(true).unwrap();
    pair.falls_silent().await;
    pair.comes_back().await;
    servers[0].stand_still(false).unwrap();
    has_role(&servers[0], "slave").await;
    pair.works().await;
}

/// As before maintenance: no server ends. Redis ends the subscriptions of the one that is replaced; Valkey keeps them,
/// and passes on what is published on either.
#[tokio::test]
async fn a_primary_that_is_replaced_on_request_is_left() {
    let (servers, mut pair) = replicated().await;
    assert_eq!(ask(servers[3].port(), &["CLUSTER", "FAILOVER"]).await, "+OK\r\n");
    has_role(&servers[0], "slave").await;
    pair.settles().await;
}
