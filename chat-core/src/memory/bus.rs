//! A bus for engines of one process.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};

use super::{inbox::Inbox, leases::LocalLeases, quota::LocalQuota};
use crate::{
    bus::{Bus, BusError, BusLink, BusMessage, Cluster, Payload, Topic},
    model::NodeId,
};

/// Messages that wait for a node that does not read; above, they are dropped and told as lost.
const INCOMING_MAX: usize = 8_192;

/// A bus within one process: the default of an engine, and the one that tests put between several.
///
/// Engines that were given clones of one `LocalBus` are nodes of one cluster, so they must share a store; an engine
/// that is alone pays one atomic load for each message. Nothing leaves the process and nothing outlives it.
///
/// - Messages on a topic from one node arrive in the order published. Where a node lets more than 8,192 wait, the
///   further ones are dropped and [`Lost::All`](crate::bus::Lost::All) comes in their place, once.
/// - A subscription is confirmed when the call returns, and no call fails.
/// - Leases of a node that leaves without releasing them run out by their time, as they would elsewhere.
/// - Budgets are shared by all nodes and exact.
///
/// ```
/// # use chat_core::{bus::Cluster, memory::LocalBus, model::NodeId};
/// # async fn example() -> Result<(), chat_core::bus::BusError> {
/// let bus = LocalBus::default();
/// let one = bus.join(NodeId(1), "epoch").await?;
/// let other = bus.clone().join(NodeId(2), "epoch").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct LocalBus {
    hub: Arc<Hub>,
    leases: Arc<LocalLeases>,
    quota: Arc<LocalQuota>,
}

/// Where messages go.
#[derive(Default)]
struct Hub {
    /// How many nodes there are, to be read without a lock.
    joined: AtomicUsize,
    nodes: RwLock<Vec<Arc<Node>>>,
}

/// A node that has joined.
struct Node {
    id: NodeId,
    epoch: RwLock<Arc<str>>,
    state: Mutex<NodeState>,
}

struct NodeState {
    topics: HashSet<Topic>,
    inbox: Inbox,
}

/// A node's own view of the hub; leaves it when dropped.
struct LocalLink {
    hub: Arc<Hub>,
    node: Arc<Node>,
}

#[async_trait]
impl Cluster for LocalBus {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let (inbox, incoming) = Inbox::new(INCOMING_MAX);
        let state = Mutex::new(NodeState { topics: HashSet::new(), inbox });
        let node = Arc::new(Node { id: node, epoch: RwLock::new(epoch.into()), state });
        {
            let mut nodes = self.hub.nodes.write();
            nodes.push(Arc::clone(&node));
            self.hub.joined.store(nodes.len(), Ordering::Release);
        }
        Ok(BusLink {
            bus: Arc::new(LocalLink { hub: Arc::clone(&self.hub), node }),
            leases: Arc::clone(&self.leases) as _,
            quota: Arc::clone(&self.quota) as _,
            incoming,
        })
    }
}

#[async_trait]
impl Bus for LocalLink {
    fn publish(&self, topic: Topic, payload: Payload) {
        // Whoever subscribed before this was published has raised the count before that, in an order that the
        // store's own lock makes visible here: the subscriber reads the head after it subscribed.
        if self.hub.joined.load(Ordering::Acquire) < 2 {
            return;
        }
        let (from, epoch) = (self.node.id, Arc::clone(&self.node.epoch.read()));
        for node in self.hub.nodes.read().iter() {
            if node.id == from || *node.epoch.read() != epoch {
                continue;
            }
            let mut state = node.state.lock();
            if state.topics.contains(&topic) {
                state.inbox.offer(|| BusMessage { from, topic: topic.clone(), payload: payload.clone() });
            }
        }
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        self.node.state.lock().topics.extend(topics.iter().cloned());
        Ok(())
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        let mut state = self.node.state.lock();
        for topic in topics {
            state.topics.remove(topic);
        }
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        *self.node.epoch.write() = epoch.into();
        Ok(())
    }

    fn is_healthy(&self) -> bool {
        true
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        let mut nodes = self.hub.nodes.write();
        nodes.retain(|node| !Arc::ptr_eq(node, &self.node));
        self.hub.joined.store(nodes.len(), Ordering::Release);
    }
}

impl fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBus")
            .field("nodes", &self.hub.joined.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLink")
            .field("node", &self.node.id)
            .field("epoch", &*self.node.epoch.read())
            .finish_non_exhaustive()
    }
}
