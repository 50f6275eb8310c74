//! Budgets of several nodes.

use chat_core::{bus::QuotaKey, limits::Rate};
use xtask::Redis;

use crate::peer::{Peer, eventually, options, user};

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
    let mut granted = 0;
    eventually("the other node knows", async || {
        match b.link.quota.take(sends("ann"), 1, rate) {
            // Slowly, so that the burst is not spent before it could have heard.
            Ok(()) => granted += 1,
            Err(_) => return Some(()),
        }
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        None
    })
    .await;
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
