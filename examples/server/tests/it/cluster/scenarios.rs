//! One fault at a time, and what is left of everything after it.

use std::time::Duration;

use super::{
    fault::Fault,
    fleet::{Fleet, Scale},
    nodes::{NODES, Nodes},
};

/// All nodes.
pub(super) const ALL: [usize; NODES] = [0, 1, 2];

/// Acknowledgements of each node before something goes wrong, and after.
pub(super) const SOME: u64 = 60;

/// And while it lasts: fewer, as rooms that a stricken node holds have to wait.
pub(super) const FEW: u64 = 15;

pub(super) const SCALE: Scale = Scale { seed: 1, clients: 200, pace: Duration::from_millis(1_500) };

/// Load, a fault that is held while the load goes on, load again; then all is read, and checked.
async fn survives(what: &str, fault: Fault, hold: Duration) {
    let mut nodes = Nodes::start(&[]).await;
    let mut fleet = Fleet::set_out(&nodes, SCALE).await;
    fleet.more(&ALL, SOME).await;
    fault.begin(&mut nodes);
    let held = tokio::time::sleep(hold);
    fleet.more(&fault.working(), FEW).await;
    held.await;
    fault.end(&mut nodes);
    fleet.more(&ALL, SOME).await;
    fleet.come_home(&nodes).await.hold(&nodes, what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_killed() {
    survives("a node is killed", Fault::NodeKilled(1), Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_stands_still_and_goes_on() {
    survives("a node stands still", Fault::NodeFrozen(2), Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_comes_back_empty() {
    survives("redis is killed", Fault::RedisKilled, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_deaf() {
    survives("redis is deaf", Fault::RedisDeaf, Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_out_of_reach() {
    survives("redis is out of reach", Fault::RedisUnreachable, Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restarted() {
    survives("postgres is restarted", Fault::PostgresDown, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_takes_nobody() {
    survives("postgres takes nobody", Fault::PostgresRefuses, Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_waits_for_postgres_and_nobody_tells_it() {
    survives("a node waits for postgres", Fault::PostgresBlackHole(0), Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_comes_back_at_once() {
    let nodes = Nodes::start(&[]).await;
    let mut fleet = Fleet::set_out(&nodes, SCALE).await;
    for _ in 0..3 {
        fleet.more(&ALL, SOME).await;
        fleet.scatter();
    }
    fleet.more(&ALL, SOME).await;
    fleet.come_home(&nodes).await.hold(&nodes, "everyone comes back");
}
