//! What leases leave behind in Redis, and what they say after a failure.

use std::time::Duration;

use chat_core::{
    PresenceStatus,
    bus::{Lease, QuotaKey},
    limits::Rate,
    model::ConnectionId,
};
use xtask::Redis;

use crate::{
    peer::{Peer, ask, eventually, options, source_of, texts, user},
    proxy::Proxy,
};

fn lease(n: u64) -> Lease {
    Lease { user: user("ann"), connection: ConnectionId(n), status: PresenceStatus::Online }
}

/// Nothing stays for ever, should all nodes end; and what was released is gone at once.
#[tokio::test]
async fn every_key_expires() {
    let redis = Redis::start().unwrap();
    let a = Peer::join(&redis.url(), &options(), 1).await;
    a.link.leases.renew(&[lease(1), lease(2)], Duration::from_secs(60)).await.unwrap();
    a.link.quota.take(QuotaKey::Sends(user("ann")), 1, Rate::new(1.0, 20)).unwrap();
    let keys = async || texts(&ask(redis.port(), &["KEYS", "*"]).await);
    eventually("the budget is settled", async || (keys().await.len() == 3).then_some(())).await;
    for key in keys().await {
        let lives = ask(redis.port(), &["TTL", &key]).await;
        let seconds: i64 = lives.trim_start_matches(':').trim().parse().unwrap();
        assert!((1..=700).contains(&seconds), "{key}: {seconds}");
    }
    a.link.leases.release(&[(user("ann"), ConnectionId(1)), (user("ann"), ConnectionId(2))]).await.unwrap();
    assert_eq!(keys().await.len(), 1);
}

/// A sweep leaves nothing of leases that ran out.
#[tokio::test]
async fn a_sweep_cleans_up() {
    let redis = Redis::start().unwrap();
    let a = Peer::join(&redis.url(), &options(), 1).await;
    a.link.leases.renew(&[lease(1), lease(2)], Duration::from_millis(50)).await.unwrap();
    eventually("the leases have run out", async || {
        let edges = a.link.leases.expired().await.unwrap();
        edges.iter().any(|edge| edge.status == PresenceStatus::Offline).then_some(())
    })
    .await;
    assert_eq!(texts(&ask(redis.port(), &["KEYS", "*"]).await), Vec::<String>::new());
    assert_eq!(a.link.leases.expired().await.unwrap(), []);
}

/// What a sweep found out is not lost where the rest of it fails: the next one tells it.
#[tokio::test]
async fn an_edge_outlives_a_sweep_that_fails_half_way() {
    let (redis, options) = (Redis::start().unwrap(), options());
    let proxy = Proxy::to(redis.port()).await;
    let a = Peer::join(&proxy.url(), &options, 1).await;
    a.link.leases.renew(&[Lease { user: user("bob"), ..lease(9) }], Duration::from_secs(60)).await.unwrap();
    proxy.swallow(true);
    assert!(a.link.leases.renew(&[lease(1)], Duration::from_secs(60)).await.is_err());
    proxy.swallow(false);
    // A part of what a sweep looks through is not what it should be.
    let keys = texts(&ask(redis.port(), &["KEYS", "*expiries"]).await);
    let kept = keys.first().unwrap().clone();
    ask(redis.port(), &["RENAME", &kept, "kept"]).await;
    ask(redis.port(), &["SET", &kept, "x"]).await;
    eventually("a sweep reaches Redis and fails", async || {
        let error = a.link.leases.expired().await.unwrap_err();
        (source_of(&error) == "Redis refused").then_some(())
    })
    .await;
    ask(redis.port(), &["DEL", &kept]).await;
    ask(redis.port(), &["RENAME", "kept", &kept]).await;
    let edges = a.link.leases.expired().await.unwrap();
    assert!(edges.iter().any(|edge| edge.user == user("ann") && edge.status == PresenceStatus::Online));
}

/// The script runs and its answer is lost: the next sweep tells what is true.
#[tokio::test]
async fn an_edge_lost_with_its_answer_is_told_by_the_next_sweep() {
    let (redis, options) = (Redis::start().unwrap(), options());
    let proxy = Proxy::to(redis.port()).await;
    let a = Peer::join(&proxy.url(), &options, 1).await;
    let b = Peer::join(&redis.url(), &options, 2).await;
    // From here on the server knows the script, so that one word of this node runs it.
    let bob = Lease { user: user("bob"), ..lease(9) };
    a.link.leases.renew(&[bob], Duration::from_secs(60)).await.unwrap();
    proxy.swallow(true);
    assert!(a.link.leases.renew(&[lease(1)], Duration::from_secs(60)).await.is_err());
    assert_eq!(b.link.leases.read(&[user("ann")]).await.unwrap(), [PresenceStatus::Online]);
    proxy.swallow(false);
    let edges = eventually("a sweep works", async || a.link.leases.expired().await.ok()).await;
    assert!(edges.iter().any(|edge| edge.user == user("ann") && edge.status == PresenceStatus::Online));
}

/// Scripts are sent again to a server that forgot them.
#[tokio::test]
async fn scripts_survive_being_flushed() {
    let redis = Redis::start().unwrap();
    let a = Peer::join(&redis.url(), &options(), 1).await;
    for n in 0..3 {
        a.link.leases.renew(&[lease(n)], Duration::from_secs(60)).await.unwrap();
        assert_eq!(ask(redis.port(), &["SCRIPT", "FLUSH"]).await, "+OK\r\n");
    }
    assert_eq!(a.link.leases.read(&[user("ann")]).await.unwrap(), [PresenceStatus::Online]);
}
