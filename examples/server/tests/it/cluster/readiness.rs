//! Whether a node that is cut off says so.

use std::time::Duration;

use tokio::time::Instant;

use super::{nodes::Nodes, proxy::Mode};

/// Until a balancer should know.
const TOLD: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_says_so() {
    let nodes = Nodes::start(&[]).await;
    for number in 0..3 {
        nodes.node(number).says(200).await;
    }
    let start = Instant::now();
    nodes.node(0).redis.set(Mode::Swallow);
    nodes.node(1).postgres.set(Mode::Cut);
    nodes.node(0).says(503).await;
    nodes.node(1).says(503).await;
    assert!(start.elapsed() < TOLD, "told after {:?}", start.elapsed());
    assert_eq!(nodes.node(2).readiness().await, 200);
    nodes.node(0).redis.set(Mode::Pass);
    nodes.node(1).postgres.set(Mode::Pass);
    nodes.node(0).says(200).await;
    nodes.node(1).says(200).await;
}
