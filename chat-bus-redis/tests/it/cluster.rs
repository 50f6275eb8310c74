//! The contract, on a cluster of three servers, and what only a cluster can do to it.

use std::sync::Arc;

use chat_bus_redis::RedisBus;

use crate::{
    deployment::Deployment,
    peer::{Peer, ask, options, room, texts},
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
    let id = deployment.id(other).await;
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
