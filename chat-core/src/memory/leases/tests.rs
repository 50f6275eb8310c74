use std::time::Duration;

use tokio::time::advance;

use super::{LocalLeases, SWEPT_MAX};
use crate::{
    bus::{Edge, Lease, Leases},
    model::{ConnectionId, UserId},
    signal::PresenceStatus::{self, Away, Offline, Online},
};

const TTL: Duration = Duration::from_secs(60);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn lease(name: &str, connection: u64, status: PresenceStatus) -> Lease {
    Lease { user: user(name), connection: ConnectionId(connection), status }
}

fn edge(name: &str, status: PresenceStatus) -> Vec<Edge> {
    vec![Edge { user: user(name), status }]
}

async fn renew(leases: &LocalLeases, name: &str, connection: u64, status: PresenceStatus) -> Vec<Edge> {
    leases.renew(&[lease(name, connection, status)], TTL).await.unwrap()
}

async fn status(leases: &LocalLeases, name: &str) -> PresenceStatus {
    leases.read(&[user(name)]).await.unwrap()[0]
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_changes_nothing_tells_nothing() {
    let leases = LocalLeases::default();
    assert_eq!(renew(&leases, "ann", 1, Online).await, edge("ann", Online));
    for _ in 0..5 {
        advance(TTL / 2).await;
        assert_eq!(renew(&leases, "ann", 1, Online).await, []);
        assert_eq!(leases.expired().await.unwrap(), []);
    }
    assert_eq!(leases.table.lock().by_expiry.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_at_its_very_time() {
    let leases = LocalLeases::default();
    renew(&leases, "ann", 1, Online).await;
    advance(TTL - Duration::from_millis(1)).await;
    assert_eq!(status(&leases, "ann").await, Online);
    assert_eq!(leases.expired().await.unwrap(), []);
    advance(Duration::from_millis(1)).await;
    assert_eq!(status(&leases, "ann").await, Offline);
    assert_eq!(leases.expired().await.unwrap(), edge("ann", Offline));
    assert_eq!(leases.expired().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn one_that_ran_out_unnoticed_and_comes_again_is_told() {
    let leases = LocalLeases::default();
    renew(&leases, "ann", 1, Online).await;
    advance(TTL).await;
    assert_eq!(status(&leases, "ann").await, Offline, "somebody sees it");
    assert_eq!(renew(&leases, "ann", 1, Online).await, edge("ann", Online));
    assert_eq!(leases.expired().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_call_on_another_connection_tells_what_ran_out() {
    let leases = LocalLeases::default();
    renew(&leases, "ann", 1, Online).await;
    advance(TTL / 2).await;
    assert_eq!(renew(&leases, "ann", 2, Away).await, []);
    advance(TTL / 2).await;
    assert_eq!(renew(&leases, "ann", 2, Away).await, edge("ann", Away));
    advance(TTL).await;
    assert_eq!(
        leases.release(&[(user("ann"), ConnectionId(2))]).await.unwrap(),
        edge("ann", Offline),
        "by the release, though the lease had run out"
    );
    assert_eq!(leases.expired().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_invisible_connection_is_nobodys_business() {
    let leases = LocalLeases::default();
    assert_eq!(renew(&leases, "ann", 1, Offline).await, []);
    assert_eq!(renew(&leases, "ann", 2, Away).await, edge("ann", Away));
    assert_eq!(renew(&leases, "ann", 2, Offline).await, edge("ann", Offline));
    advance(TTL).await;
    assert_eq!(leases.expired().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_is_bounded_and_leaves_nothing_behind() {
    let leases = LocalLeases::default();
    let count = SWEPT_MAX + 10;
    let all: Vec<_> = (0..count).map(|n| lease(&n.to_string(), 1, Online)).collect();
    assert_eq!(leases.renew(&all, TTL).await.unwrap().len(), count);
    advance(TTL).await;
    assert_eq!(leases.expired().await.unwrap().len(), SWEPT_MAX);
    assert_eq!(leases.expired().await.unwrap().len(), 10);
    let table = leases.table.lock();
    assert!(table.users.is_empty() && table.by_expiry.is_empty());
}
