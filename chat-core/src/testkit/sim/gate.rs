//! What makes a node mortal: from its death on nothing of it is seen any more, whatever its tasks still do.

use std::{
    fmt,
    future::{Future, pending},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, BusError, BusLink, Cluster, Edge, Lease, Leases, Payload, Topic},
    model::{ConnectionId, NodeId, UserId},
    signal::PresenceStatus,
    testkit::forward::prelude::*,
};

/// The life of one node.
#[derive(Debug)]
pub(super) struct Gate {
    dead: CancellationToken,
    /// Messages that it still publishes before it dies.
    fuse: AtomicU64,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { dead: CancellationToken::new(), fuse: AtomicU64::new(u64::MAX) })
    }

    /// It dies now.
    pub(super) fn kill(&self) {
        self.dead.cancel();
    }

    /// It dies in the midst of publishing, after `messages` more.
    pub(super) fn light(&self, messages: u64) {
        self.fuse.store(messages, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    pub(super) async fn died(&self) {
        self.dead.cancelled().await;
    }

    /// Does `call` unless the node dies before or meanwhile: then it never returns.
    async fn alive<T>(&self, call: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.died() => pending().await,
            answer = call => answer,
        }
    }

    fn may_publish(&self) -> bool {
        if self.is_dead() {
            return false;
        }
        let left = self.fuse.load(Ordering::SeqCst);
        if left == 0 {
            self.kill();
            return false;
        }
        if left < u64::MAX {
            self.fuse.store(left - 1, Ordering::SeqCst);
        }
        true
    }
}

/// A node's way to the store.
pub(super) struct GatedStore<S: ?Sized> {
    inner: Arc<S>,
    gate: Arc<Gate>,
}

impl<S: Store + ?Sized> GatedStore<S> {
    pub(super) const fn new(inner: Arc<S>, gate: Arc<Gate>) -> Self {
        Self { inner, gate }
    }

    async fn pass<T>(
        &self,
        _: Kind,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.gate.alive(call).await
    }

    async fn commit_through(
        &self,
        changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        self.gate.alive(holds.commit(&*self.inner, changes)).await
    }

    async fn events_through(
        &self,
        room: RoomId,
        after: Seq,
        limit: EventLimit,
    ) -> Result<EventPage, StoreError> {
        self.gate.alive(self.inner.events(room, after, limit)).await
    }
}

forward_store!(GatedStore);

impl<S: ?Sized> fmt::Debug for GatedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedStore").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// A node's way to the bus.
#[derive(Debug)]
pub(super) struct GatedCluster<C> {
    inner: C,
    gate: Arc<Gate>,
    /// Who has joined.
    pub(super) node: Arc<AtomicU64>,
}

impl<C> GatedCluster<C> {
    pub(super) const fn new(inner: C, gate: Arc<Gate>, node: Arc<AtomicU64>) -> Self {
        Self { inner, gate, node }
    }
}

#[async_trait]
impl<C: Cluster> Cluster for GatedCluster<C> {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        self.node.store(node.0, Ordering::SeqCst);
        let link = self.inner.join(node, epoch).await?;
        let gate = &self.gate;
        Ok(BusLink {
            bus: Arc::new(GatedBus { inner: link.bus, gate: Arc::clone(gate) }),
            leases: Arc::new(GatedLeases { inner: link.leases, gate: Arc::clone(gate) }),
            quota: link.quota,
            incoming: link.incoming,
        })
    }
}

#[derive(Debug)]
struct GatedBus {
    inner: Arc<dyn Bus>,
    gate: Arc<Gate>,
}

#[async_trait]
impl Bus for GatedBus {
    fn publish(&self, topic: Topic, payload: Payload) {
        if self.gate.may_publish() {
            self.inner.publish(topic, payload);
        }
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        self.gate.alive(self.inner.subscribe(topics)).await
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        self.gate.alive(self.inner.unsubscribe(topics)).await;
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        self.gate.alive(self.inner.renew_epoch(epoch)).await
    }

    fn is_healthy(&self) -> bool {
        self.inner.is_healthy()
    }
}

#[derive(Debug)]
struct GatedLeases {
    inner: Arc<dyn Leases>,
    gate: Arc<Gate>,
}

#[async_trait]
impl Leases for GatedLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        self.gate.alive(self.inner.renew(leases, ttl)).await
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        self.gate.alive(self.inner.release(leases)).await
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        self.gate.alive(self.inner.read(users)).await
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        self.gate.alive(self.inner.expired()).await
    }
}
