//! The bus itself.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use chat_core::{
    bus::{Bus, BusError, BusLink, Cluster, Payload, Topic},
    model::NodeId,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    driver::Target, generation, leases::RedisLeases, metrics, node::Node, options::RedisOptions,
    quota::RedisQuota,
};

/// A bus on Redis 6 or later, or Valkey. A cluster must be of Redis 7 or later, for its sharded channels.
///
/// Engines whose stores are one and the same, and whose buses have one prefix, are nodes of one cluster; a store
/// that was made anew or restored has another epoch and hears nothing of before.
///
/// - Each node has two connections (for each server of a cluster), and one of them publishes: what one node
///   publishes on a topic arrives in that order.
/// - A connection that is lost, on which the node does not hear its own probes any more, or whose server has become a
///   replica (leases and budgets show it), is replaced, with 50 ms to 3 s between attempts. Meanwhile [`Bus::is_healthy`] is false; when everything is subscribed again,
///   [`Lost::All`](chat_core::bus::Lost) is told.
/// - [`Bus::publish`] never waits. What does not fit into the queue, or may not have arrived, is dropped, the bus is
///   unhealthy, and the other nodes are told which topics lost something as soon as anything can be published.
///   What a node never gets to say because it ends is found by the others' sweep of heads.
/// - [`Bus::subscribe`] costs a round trip, shared by all calls that wait. An ended subscription falls silent at
///   once and is kept for a while, so that coming and going costs nothing.
/// - After 250 ms without a connection the node knows that Redis is away: until there is one, subscriptions, leases
///   and renewals of the epoch fail at once. (Subscriptions stand all the same, and are made with the connection.)
/// - Leases and budgets are in keys that expire by themselves. A lease is timed by the clock of the server that
///   holds it.
/// - Budgets are granted by what a node knows: its own, and what it has heard of the others', at most 1 s late. So
///   someone who uses all nodes at once gets the burst of each, once; then all together grant no more than the rate.
///   While Redis is away each node grants the whole.
///
/// ```no_run
/// # async fn example() -> Result<(), chat_core::bus::BusError> {
/// use chat_bus_redis::{RedisBus, RedisOptions};
///
/// let bus = RedisBus::new("redis://127.0.0.1:6379", RedisOptions::default())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBus {
    target: Arc<Target>,
    options: RedisOptions,
}

impl RedisBus {
    /// A bus on the Redis at `url`. Nothing is connected before a node joins.
    ///
    /// - `redis://host:port/database`: one server.
    /// - `redis-sentinel://host:port?node=host:port&sentinelServiceName=name`: the primary that Sentinel names.
    /// - `redis-cluster://host:port?node=host:port`: a cluster.
    ///
    /// `node` may be repeated; each try to connect begins with another of the servers that are named. Those of a
    /// Sentinel's own: `sentinelUsername=` and `sentinelPassword=`.
    ///
    /// `valkey` stands for `redis` as well. `rediss` and `valkeys` need a TLS feature of the crate `fred`, which the
    /// host switches on. `user:password@` may stand before the host, or in
    /// [`RedisOptions::with_credentials`].
    ///
    /// # Errors
    /// Where the URL cannot be read or asks for what is not compiled in.
    pub fn new(url: &str, options: RedisOptions) -> Result<Self, BusError> {
        Ok(Self { target: Arc::new(Target::parse(url, &options)?), options })
    }
}

#[async_trait]
impl Cluster for RedisBus {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let (node, incoming) = Node::new(node, epoch, Arc::clone(&self.target), self.options.clone())?;
        let node = Arc::new(node);
        let token = CancellationToken::new();
        let quota = Arc::new(RedisQuota::new(Arc::clone(&node)));
        tokio::spawn({
            let (node, token) = (Arc::clone(&node), token.clone());
            async move {
                token.run_until_cancelled(generation::live(&node)).await;
                node.close();
            }
        });
        tokio::spawn({
            let (quota, token) = (Arc::clone(&quota), token.clone());
            async move { token.run_until_cancelled(quota.settle()).await }
        });
        let link = RedisLink { node: Arc::clone(&node), _leaves: token.drop_guard() };
        if timeout(self.options.command_timeout, node.health.up()).await.is_err() {
            node.start_away();
        }
        Ok(BusLink { bus: Arc::new(link), leases: Arc::new(RedisLeases::new(node)), quota, incoming })
    }
}

/// A node's part of the bus; leaves it when dropped.
struct RedisLink {
    node: Arc<Node>,
    _leaves: DropGuard,
}

#[async_trait]
impl Bus for RedisLink {
    fn publish(&self, topic: Topic, payload: Payload) {
        self.node.outbox.push(topic, payload);
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        let Some(ticket) = self.node.topics.lock().want(topics) else { return Ok(()) };
        self.node.topics_wanted.notify_one();
        let mut waiting = Waiting { node: &self.node, topics, is_over: false };
        let confirmed = self.node.confirmed(ticket).await;
        waiting.is_over = true;
        let Err(error) = confirmed else { return Ok(()) };
        if !self.node.topics.lock().give_up(topics) {
            return Ok(());
        }
        metrics::subscription_late();
        Err(BusError::new("subscribe").with_source(error))
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        self.node.topics.lock().release(topics, Instant::now());
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        let ticket = self.node.renew(epoch);
        // What is not confirmed is told by the loss of everything when there is a connection.
        self.node.confirmed(ticket).await.map_err(|error| BusError::new("renew_epoch").with_source(error))
    }

    fn is_healthy(&self) -> bool {
        self.node.health.is_up() && !self.node.outbox.has_losses()
    }
}

/// A subscriber that waits for the confirmation, or was dropped.
struct Waiting<'a> {
    node: &'a Node,
    topics: &'a [Topic],
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.node.topics.lock().give_up(self.topics);
        }
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLink")
            .field("node", &self.node.id)
            .field("is_healthy", &self.is_healthy())
            .finish_non_exhaustive()
    }
}
