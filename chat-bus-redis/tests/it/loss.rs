//! What is lost is told to those who lost it.

use std::time::Duration;

use chat_core::bus::{Incoming, Lost, Topic};
use xtask::Redis;

use crate::{
    peer::{Peer, ask, options, room, texts},
    proxy::Proxy,
};

/// What does not fit while Redis is away is dropped; the others learn of which topics.
#[tokio::test]
async fn dropped_publishes_are_told_to_the_others() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::to(redis.port()).await;
    let options = options().with_queues(1_024, 16);
    let a = Peer::join(&proxy.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    b.subscribe(room(2)).await;
    proxy.refuse(true);
    a.becomes_unhealthy().await;
    for n in 1..=100 {
        a.head(room(1), n);
    }
    a.head(room(2), 1);
    assert!(!a.is_healthy());
    proxy.refuse(false);
    b.lost(&Topic::Room(room(2))).await;
    a.becomes_healthy().await;
    a.head(room(1), 101);
    b.heard(room(1), 101).await;
}

/// Too many topics to name: everyone is told that anything may be missing.
#[tokio::test]
async fn many_dropped_publishes_are_told_as_everything() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::to(redis.port()).await;
    let options = options().with_queues(1_024, 16);
    let a = Peer::join(&proxy.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    proxy.refuse(true);
    a.becomes_unhealthy().await;
    for n in 1..=5_000 {
        a.head(room(n), 1);
    }
    proxy.refuse(false);
    b.lost_all().await;
    a.becomes_healthy().await;
}

/// A newer node says what this one cannot read: then it must ask the store.
#[tokio::test]
async fn what_is_not_understood_is_a_loss_on_its_topic() {
    let redis = Redis::start().unwrap();
    let mut b = Peer::join(&redis.url(), &options(), 2).await;
    b.subscribe(room(1)).await;
    let channels = texts(&ask(redis.port(), &["PUBSUB", "CHANNELS", "*:room:1"]).await);
    let say = async |message: &str| {
        assert_eq!(ask(redis.port(), &["PUBLISH", &channels[0], message]).await, ":1\r\n");
    };
    let lost = Incoming::Lost(Lost::Topics(vec![Topic::Room(room(1))]));
    for message in [
        r#"1{"from":"00000000000000ff","kind":"of tomorrow","body":{}}"#,
        r#"1{"from":"00000000000000ff","kind":"head","body":{"room":1}}"#,
        r#"2{"from":"00000000000000ff"}"#,
        "",
        "nonsense",
    ] {
        say(message).await;
        assert_eq!(b.incoming().await, lost, "{message}");
    }
    say(r#"1{"from":"00000000000000ff","kind":"signal","body":{"type":"of tomorrow"}}"#).await;
    say(r#"1{"to":"come","from":"00000000000000ff","kind":"head","body":{"room_id":1,"seq":4,"more":1}}"#)
        .await;
    b.heard(room(1), 4).await;
}

/// A flood that the engine does not read costs a bounded amount of memory, and probes go on.
#[tokio::test]
async fn a_node_that_does_not_read_stays_healthy() {
    let redis = Redis::start().unwrap();
    let options = options().with_queues(64, 4_096);
    let a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    for n in 1..=2_000 {
        a.head(room(1), n);
    }
    b.lost_all().await;
    a.head(room(1), 3_000);
    tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            a.head(room(1), 3_001);
            if let Ok(incoming) =
                tokio::time::timeout(Duration::from_millis(50), b.link.incoming.recv()).await
                && matches!(incoming, Some(Incoming::Message(_)))
            {
                return;
            }
        }
    })
    .await
    .expect("messages flow again");
    assert!(a.is_healthy() && b.is_healthy());
}
