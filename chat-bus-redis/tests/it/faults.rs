//! What happens to connections, and what the bus makes of it.

use std::time::Duration;

use chat_core::{
    PresenceStatus,
    bus::{Lease, Topic},
    model::ConnectionId,
};
use tokio::time::Instant;
use xtask::{Redis, free_port};

use crate::{
    peer::{Peer, ask, eventually, options, room, source_of, texts, user},
    proxy::Proxy,
};

const LONG: Duration = Duration::from_secs(600);

/// Two nodes, the second behind a proxy.
async fn two() -> (Redis, Proxy, Peer, Peer) {
    let (redis, options) = (Redis::start().unwrap(), options());
    let proxy = Proxy::to(redis.port()).await;
    let a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&proxy.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    a.head(room(1), 1);
    b.heard(room(1), 1).await;
    assert!(a.is_healthy() && b.is_healthy());
    (redis, proxy, a, b)
}

/// It said that it lost something, and everything works again.
async fn recovers(a: &Peer, b: &mut Peer) {
    b.lost_all().await;
    b.becomes_healthy().await;
    a.becomes_healthy().await;
    a.head(room(1), 2);
    b.heard(room(1), 2).await;
    b.subscribe(room(2)).await;
    a.head(room(2), 1);
    b.heard(room(2), 1).await;
}

#[tokio::test]
async fn a_cut_connection_is_made_again() {
    let (_redis, proxy, a, mut b) = two().await;
    proxy.cut();
    recovers(&a, &mut b).await;
}

#[tokio::test]
async fn a_connection_ended_by_the_server_alone_is_made_again() {
    let (_redis, proxy, a, mut b) = two().await;
    proxy.half_close();
    recovers(&a, &mut b).await;
}

#[tokio::test]
async fn a_server_that_comes_back_empty_is_filled_again() {
    let (mut redis, options) = (Redis::start().unwrap(), options());
    let mut a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    let lease = [Lease { user: user("ann"), connection: ConnectionId(1), status: PresenceStatus::Online }];
    a.link.leases.renew(&lease, LONG).await.unwrap();

    redis.kill();
    a.becomes_unhealthy().await;
    b.becomes_unhealthy().await;
    assert!(a.link.leases.renew(&lease, LONG).await.is_err());
    a.head(room(1), 7);
    redis.start_again().unwrap();

    a.lost_all().await;
    recovers(&a, &mut b).await;
    // What failed is told again, lest its edge was lost.
    eventually("a sweep works", async || a.link.leases.expired().await.ok()).await;
    a.link.leases.renew(&lease, LONG).await.unwrap();
    assert_eq!(b.link.leases.read(&[user("ann")]).await.unwrap(), [PresenceStatus::Online]);
}

/// While Redis is known to be away nobody waits for it; what is subscribed to then is made when it is back.
#[tokio::test]
async fn what_redis_is_asked_for_while_it_is_away_fails_at_once() {
    let (mut redis, options) = (Redis::start().unwrap(), options());
    let a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    let ann = [user("ann")];
    redis.kill();
    a.becomes_unhealthy().await;
    b.becomes_unhealthy().await;
    // The first that finds it out may wait for a moment.
    eventually("it is known", async || b.link.leases.read(&ann).await.err()).await;
    let start = Instant::now();
    for n in 1..=20 {
        let error = b.link.leases.read(&ann).await.unwrap_err();
        assert_eq!(source_of(&error), "Redis is away");
        let error = b.link.bus.subscribe(&[Topic::Room(room(n))]).await.unwrap_err();
        assert_eq!(source_of(&error), "Redis is away");
    }
    // Forty times, and one wait would have been two seconds.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    redis.start_again().unwrap();
    b.lost_all().await;
    a.becomes_healthy().await;
    for n in 1..=20 {
        a.head(room(n), 1);
    }
    for n in 1..=20 {
        b.heard(room(n), 1).await;
    }
    assert_eq!(b.link.leases.read(&ann).await.unwrap(), [PresenceStatus::Offline]);
}

/// It was replaced behind a name or an address, and nobody cut its clients off. What is published there still comes
/// back, but nobody else hears it.
#[tokio::test]
async fn a_server_that_became_a_replica_is_left() {
    let (redis, other, options) = (Redis::start().unwrap(), Redis::start().unwrap(), options());
    let a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&redis.url(), &options, 2).await;
    b.subscribe(room(1)).await;
    let follow = ["REPLICAOF", "127.0.0.1", &other.port().to_string()];
    assert_eq!(ask(redis.port(), &follow).await, "+OK\r\n");
    let lease = [Lease { user: user("ann"), connection: ConnectionId(1), status: PresenceStatus::Online }];
    for peer in [&a, &b] {
        assert!(peer.link.leases.renew(&lease, LONG).await.is_err());
        peer.becomes_unhealthy().await;
    }
    assert_eq!(ask(redis.port(), &["REPLICAOF", "NO", "ONE"]).await, "+OK\r\n");
    recovers(&a, &mut b).await;
    eventually("leases work", async || a.link.leases.renew(&lease, LONG).await.ok()).await;
}

#[tokio::test]
async fn a_deaf_bus_is_noticed_though_its_connections_are_open() {
    let (_redis, proxy, a, mut b) = two().await;
    proxy.swallow(true);
    let took = b.becomes_unhealthy().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(a.is_healthy(), "the other node has nothing to do with it");
    b.lost_all().await;
    a.head(room(1), 99);
    proxy.swallow(false);
    recovers(&a, &mut b).await;
}

#[tokio::test]
async fn a_server_out_of_reach_at_the_start_is_joined_later() {
    let (redis, options) = (Redis::start().unwrap(), options());
    let proxy = Proxy::to(redis.port()).await;
    proxy.refuse(true);
    let a = Peer::join(&redis.url(), &options, 1).await;
    let mut b = Peer::join(&proxy.url(), &options, 2).await;
    assert!(!b.is_healthy());
    b.lost_all().await;
    let topic = Topic::Room(room(1));
    assert!(b.link.bus.subscribe(std::slice::from_ref(&topic)).await.is_err());
    proxy.refuse(false);
    // The subscription stands all the same.
    recovers(&a, &mut b).await;
}

#[tokio::test]
async fn nobody_listens_at_all() {
    let url = format!("redis://127.0.0.1:{}", free_port().unwrap());
    let start = Instant::now();
    let mut peer = Peer::join(&url, &options(), 1).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    peer.lost_all().await;
    assert!(!peer.is_healthy());
    assert!(peer.link.leases.read(&[user("ann")]).await.is_err());
    // Left at once, whatever it is doing.
    drop(peer.link.bus);
    while peer.link.incoming.recv().await.is_some() {}
}

#[tokio::test]
async fn a_slow_way_is_no_fault() {
    let (_redis, proxy, a, mut b) = two().await;
    proxy.delay(Duration::from_millis(60));
    for n in 2..=50 {
        a.head(room(1), n);
    }
    b.heard(room(1), 50).await;
    b.subscribe(room(2)).await;
    a.head(room(2), 1);
    b.heard(room(2), 1).await;
    assert!(b.is_healthy());
}

#[tokio::test]
async fn an_ended_subscription_is_ended_in_redis_when_the_grace_is_over() {
    let redis = Redis::start().unwrap();
    let options = options().with_release_grace(Duration::from_millis(300));
    let b = Peer::join(&redis.url(), &options, 2).await;
    let topics = [Topic::Room(room(1)), Topic::User(user("ann"))];
    b.link.bus.subscribe(&topics).await.unwrap();
    let channels = async || texts(&ask(redis.port(), &["PUBSUB", "CHANNELS", "*:[ru][os]*"]).await);
    assert_eq!(channels().await.len(), 2);
    b.link.bus.unsubscribe(&topics).await;
    b.subscribe(room(1)).await;
    eventually("Redis knows", async || (channels().await.len() == 1).then_some(())).await;
    assert!(channels().await[0].ends_with(":room:1"));
}
