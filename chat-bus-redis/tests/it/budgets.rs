//! Budgets of several nodes.

use chat_core::{bus::QuotaKey, limits::Rate};
use xtask::Redis;

use crate::peer::{Peer, ask, eventually, options, texts, user};

/// Earns nothing while a test runs.
const SLOW: f64 = 0.001;

fn sends(name: &str) -> QuotaKey {
    QuotaKey::Sends(user(name))
}

/// What one node granted the other does not grant again, once it has asked.
#[tokio::test]
async fn a_budget_spent_elsewhere_is_spent() {
    let (redis, options) = (Redis::start().unwrap(), options());
    let a = Peer::join(&redis.url(), &options, 1).await;
    let b = Peer::join(&redis.url(), &options, 2).await;
    let rate = Rate::new(SLOW, 10);
    for _ in 0..10 {
        a.link.quota.take(sends("ann"), 1, rate).unwrap();
    }
    assert!(a.link.quota.take(sends("ann"), 1, rate).is_err());
    // What both have spent, once Redis has been told: it counts the microseconds that earn it.
    let spent = async |at_least: u64| {
        eventually("it is settled", async || {
            let keys = texts(&ask(redis.port(), &["KEYS", "*"]).await);
            let budget = texts(&ask(redis.port(), &["GET", keys.first()?]).await);
            let (_, total) = budget.first()?.split_once(':')?;
            (total.parse::<u64>().unwrap() >= at_least * 1_000_000_000).then_some(())
        })
        .await;
    };
    spent(10).await;
    let mut granted = 0;
    while b.link.quota.take(sends("ann"), 1, rate).is_ok() {
        granted += 1;
        // So that the burst is not spent before it could have heard.
        spent(10 + granted).await;
    }
    assert!(granted < 10, "{granted} granted by a node that was told of the others'");
    b.link.quota.take(sends("bob"), 10, rate).unwrap();
}

/// Without Redis each node grants by itself.
#[tokio::test]
async fn a_node_alone_grants_the_whole() {
    let (mut redis, options) = (Redis::start().unwrap(), options());
    let a = Peer::join(&redis.url(), &options, 1).await;
    let b = Peer::join(&redis.url(), &options, 2).await;
    redis.kill();
    a.becomes_unhealthy().await;
    let rate = Rate::new(SLOW, 10);
    for peer in [&a, &b] {
        for _ in 0..10 {
            peer.link.quota.take(sends("ann"), 1, rate).unwrap();
        }
        assert!(peer.link.quota.take(sends("ann"), 1, rate).is_err());
    }
}
