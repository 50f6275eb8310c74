//! Cases of [`Leases`](crate::bus::Leases).
//!
//! Edges are told at least once and may be told again, so a case looks at the last one of its user.

use std::time::Duration;

use super::peer::{Peer, eventually, soon, user};
use crate::{
    bus::{Cluster, Edge, Lease},
    model::{ConnectionId, UserId},
    signal::PresenceStatus::{self, Away, Offline, Online},
};

/// Does not run out in a test.
const LONG: Duration = Duration::from_secs(600);

/// Runs out at once, but not before the call that makes it has returned.
const SHORT: Duration = Duration::from_millis(200);

impl Peer {
    /// Renews one lease and gives the edge told of its user, if any was.
    async fn renew(&self, name: &str, connection: u64, status: PresenceStatus, ttl: Duration) -> Told {
        let lease = Lease { user: user(name), connection: ConnectionId(connection), status };
        let edges = soon("a renewal", self.link.leases.renew(&[lease], ttl)).await;
        told(&edges.expect("a healthy bus takes leases"), name)
    }

    async fn release(&self, name: &str, connection: u64) -> Told {
        let lease = (user(name), ConnectionId(connection));
        let edges = soon("a release", self.link.leases.release(&[lease])).await;
        told(&edges.expect("a healthy bus ends leases"), name)
    }

    async fn status(&self, name: &str) -> PresenceStatus {
        self.statuses(&[user(name)]).await[0]
    }

    async fn statuses(&self, users: &[UserId]) -> Vec<PresenceStatus> {
        soon("a read", self.link.leases.read(users)).await.expect("a healthy bus reads leases")
    }

    async fn expired(&self) -> Vec<Edge> {
        soon("a sweep", self.link.leases.expired()).await.expect("a healthy bus sweeps leases")
    }
}

type Told = Option<PresenceStatus>;

fn told(edges: &[Edge], name: &str) -> Told {
    edges.iter().rev().find(|edge| edge.user.as_str() == name).map(|edge| edge.status)
}

/// A user's first lease is told, and seen from every node.
pub async fn lease_first_connection_is_an_edge(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    assert_eq!(b.status("ann").await, Offline);
    assert_eq!(a.renew("ann", 1, Online, LONG).await, Some(Online));
    assert_eq!(b.status("ann").await, Online);
    assert_eq!(a.status("ann").await, Online);
    assert_eq!(b.status("bob").await, Offline);
}

/// The end of a user's last lease is told, of an earlier one not, whichever nodes they are on.
pub async fn lease_last_connection_is_an_edge(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Online, LONG).await;
    b.renew("ann", 2, Online, LONG).await;
    assert_ne!(a.release("ann", 1).await, Some(Offline));
    assert_eq!(a.status("ann").await, Online);
    assert_eq!(b.release("ann", 2).await, Some(Offline));
    assert_eq!(a.status("ann").await, Offline);
}

/// Of several leases the greatest status counts: online on one is online, away on all is away.
pub async fn lease_greatest_status_counts(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    assert_eq!(a.renew("ann", 1, Away, LONG).await, Some(Away));
    assert_eq!(b.renew("ann", 2, Online, LONG).await, Some(Online));
    assert_ne!(a.renew("ann", 1, Away, LONG).await, Some(Away));
    assert_eq!(a.status("ann").await, Online);
    assert_eq!(b.renew("ann", 2, Away, LONG).await, Some(Away));
    assert_eq!(a.renew("ann", 1, Online, LONG).await, Some(Online));
    assert_eq!(a.release("ann", 1).await, Some(Away));
    // A connection that is not to be seen holds a lease that says so.
    assert_eq!(b.renew("ann", 2, Offline, LONG).await, Some(Offline));
    assert_eq!(b.status("ann").await, Offline);
}

/// A renewal counts from when it was made.
pub async fn lease_renewed_outlives_its_first_time(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Online, SHORT).await;
    a.renew("ann", 1, Online, LONG).await;
    // Made later and for as long as the first: when it is gone, the first would be.
    b.renew("bob", 2, Online, SHORT).await;
    let mut edges = Vec::new();
    eventually("the other lease has run out", async || {
        edges.extend(b.expired().await);
        told(&edges, "bob")
    })
    .await;
    assert_eq!(told(&edges, "bob"), Some(Offline));
    assert_ne!(told(&edges, "ann"), Some(Offline));
    assert_eq!(b.status("ann").await, Online);
}

/// A lease that ran out is told to one of those who ask, also when nobody of its own node does.
pub async fn lease_expiry_is_told_once_asked(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Online, SHORT).await;
    drop(a);
    let edge = eventually("the lease has run out", async || told(&b.expired().await, "ann")).await;
    assert_eq!(edge, Offline);
    assert_eq!(b.status("ann").await, Offline);
}

/// Where one of several leases runs out, the edge told is what the others say.
pub async fn lease_expiry_leaves_what_the_others_say(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Away, LONG).await;
    b.renew("ann", 2, Online, SHORT).await;
    let edge = eventually("the lease has run out", async || told(&a.expired().await, "ann")).await;
    assert_eq!(edge, Away);
    assert_eq!(b.status("ann").await, Away);
}

/// A lease that ran out counts no more, told or not; and where it is made again in between, that is told.
pub async fn lease_expired_counts_no_more_before_it_is_told(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Online, SHORT).await;
    eventually("the lease has run out", async || (b.status("ann").await == Offline).then_some(())).await;
    let again = a.renew("ann", 1, Online, LONG).await;
    let later = told(&b.expired().await, "ann");
    assert_eq!(later.or(again), Some(Online), "who saw the user go must learn that it is back");
    assert_eq!(b.status("ann").await, Online);
}

/// Ending a lease that is not there is no error and changes nothing.
pub async fn lease_release_is_idempotent(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    assert_ne!(a.release("ann", 1).await, Some(Online));
    a.renew("ann", 1, Online, LONG).await;
    b.renew("ann", 2, Away, LONG).await;
    assert_eq!(a.release("ann", 1).await, Some(Away));
    assert!(matches!(a.release("ann", 1).await, None | Some(Away)));
    assert_eq!(a.status("ann").await, Away);
    assert_eq!(a.release("ann", 2).await, Some(Offline), "any node may end it");
    assert!(matches!(b.release("ann", 2).await, None | Some(Offline)));
}

/// Answers stand in the order of the users asked for, known or not, and as often as asked.
pub async fn lease_reads_answer_in_the_order_asked(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    a.renew("ann", 1, Online, LONG).await;
    a.renew("bob:{1} *\n", 2, Away, LONG).await;
    // No other order of them has the same answers: neither backwards, nor sorted.
    let asked = ["nobody", "bob:{1} *\n", "ann", "bob:{1} *\n", "ann2", "ann"].map(user);
    assert_eq!(b.statuses(&asked).await, [Offline, Away, Online, Away, Offline, Online]);
    assert_eq!(b.statuses(&[]).await, []);
}

/// One call takes the leases of a whole node, and several of one user.
pub async fn lease_many_in_one_call(cluster: &dyn Cluster) {
    const USERS: u64 = 2_000;
    let (a, b) = Peer::two(cluster).await;
    let users: Vec<_> = (0..USERS).map(|n| user(&format!("user {n}"))).collect();
    let leases: Vec<_> = (0..2 * USERS)
        .map(|n| {
            let (index, status) = ((n / 2) as usize, if n % 2 == 0 { Online } else { Away });
            Lease { user: users[index].clone(), connection: ConnectionId(n), status }
        })
        .collect();
    let edges =
        soon("a renewal", a.link.leases.renew(&leases, LONG)).await.expect("a healthy bus takes leases");
    assert!(users.iter().all(|user| told(&edges, user.as_str()) == Some(Online)));
    assert!(b.statuses(&users).await.iter().all(|status| *status == Online));
    let ends: Vec<_> = leases.into_iter().map(|lease| (lease.user, lease.connection)).collect();
    let edges = soon("a release", b.link.leases.release(&ends)).await.expect("a healthy bus ends leases");
    assert!(users.iter().all(|user| told(&edges, user.as_str()) == Some(Offline)));
    assert!(a.statuses(&users).await.iter().all(|status| *status == Offline));
    assert_eq!(soon("an empty call", a.link.leases.renew(&[], LONG)).await.expect("nothing to do"), []);
}
