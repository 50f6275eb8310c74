//! A bus with a flaw that one case looks for.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    bus::{BusError, BusLink, Cluster, Edge, Lease, Leases},
    memory::LocalBus,
    model::{ConnectionId, NodeId, UserId},
    signal::PresenceStatus,
};

/// In which order leases are answered.
#[derive(Clone, Copy, Debug)]
enum Order {
    Backwards,
    ByUser,
}

#[derive(Debug)]
struct Disordered(LocalBus, Order);

#[async_trait]
impl Cluster for Disordered {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let link = self.0.join(node, epoch).await?;
        Ok(BusLink { leases: Arc::new(DisorderedLeases(link.leases, self.1)), ..link })
    }
}

#[derive(Debug)]
struct DisorderedLeases(Arc<dyn Leases>, Order);

#[async_trait]
impl Leases for DisorderedLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        self.0.renew(leases, ttl).await
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        self.0.release(leases).await
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        let mut users = users.to_vec();
        match self.1 {
            Order::Backwards => users.reverse(),
            Order::ByUser => users.sort(),
        }
        self.0.read(&users).await
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        self.0.expired().await
    }
}

#[test]
fn leases_answered_in_another_order_are_found_out() {
    for order in [Order::Backwards, Order::ByUser] {
        let case = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let bus = Disordered(LocalBus::default(), order);
            runtime.block_on(super::lease_reads_answer_in_the_order_asked(&bus));
        };
        assert!(std::thread::spawn(case).join().is_err(), "{order:?}");
    }
}
