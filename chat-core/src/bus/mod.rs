//! The bus: hints between nodes, leases of who is online, budgets across nodes.
//!
//! What a bus drops, repeats, delays or reorders nobody notices, as long as it says when it may have dropped: a bus
//! that cannot say so must not exist. Every line under "To ensure correctness" has a case in `testkit::bus_suite!`, or
//! says where else it is shown.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{
    event::Event,
    limits::Rate,
    model::{ConnectionId, NodeId, RoomId, Seq, UserId},
    signal::{PresenceStatus, Signal},
};

/// What messages are about, and what a node subscribes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three kinds of topic; backends name them")]
pub enum Topic {
    /// What happens in a room.
    Room(RoomId),
    /// What happens to a user: rooms joined and left, the end of connections.
    User(UserId),
    /// What one node is told.
    Node(NodeId),
}

/// What one node tells others.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// An event was committed.
    Event(Arc<Event>),
    /// A room's log reaches up to here; its events are in the store.
    Head(RoomId, Seq),
    /// Something ephemeral.
    Signal(Signal),
    /// A user's set of rooms changed.
    RoomSet(UserId),
    /// A user's connections are to end.
    Disconnect(UserId),
    /// What the host's policy lets a user read in a room may have changed.
    Rights(UserId, RoomId),
    /// Whom a user has blocked changed.
    Blocks(UserId),
}

/// One message of the bus.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "backends build it")]
pub struct BusMessage {
    /// Who published it.
    pub from: NodeId,
    /// About what.
    pub topic: Topic,
    /// What.
    pub payload: Payload,
}

/// What comes in from the bus.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Incoming {
    /// A message on a topic that this node subscribed to.
    Message(BusMessage),
    /// Messages on these topics may have been lost since the last one.
    Lost(Lost),
}

/// What may have been lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Lost {
    /// Messages on any topic.
    All,
    /// Messages on these.
    Topics(Vec<Topic>),
}

/// A failure of the bus; always worth another try.
#[derive(Debug)]
pub struct BusError {
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BusError {
    /// A failure of `operation`.
    #[must_use]
    pub const fn new(operation: &'static str) -> Self {
        Self { operation, source: None }
    }

    /// With its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bus failed in {}", self.operation)
    }
}

impl Error for BusError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A bus that engines can join: handed to the engine's builder.
#[async_trait]
pub trait Cluster: fmt::Debug + Send + Sync + 'static {
    /// Makes `node` part of it. Messages of another `epoch` are not for this node.
    ///
    /// # Errors
    /// Where the bus cannot be set up at all; a bus that is merely out of reach joins and says so by `Lost`.
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError>;
}

#[async_trait]
impl<C: Cluster + ?Sized> Cluster for Arc<C> {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        (**self).join(node, epoch).await
    }
}

/// A node's part of a bus, as one value. Dropping it leaves the bus.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "backends build it")]
pub struct BusLink {
    /// Messages out.
    pub bus: Arc<dyn Bus>,
    /// Who is online.
    pub leases: Arc<dyn Leases>,
    /// Budgets across nodes.
    pub quota: Arc<dyn Quota>,
    /// Messages in, on subscribed topics; bounded by the backend, overflow becomes [`Incoming::Lost`].
    pub incoming: mpsc::Receiver<Incoming>,
}

/// Hints between nodes.
#[async_trait]
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Hands a message to every other node that subscribed to `topic`. Never waits; what cannot be taken is dropped.
    ///
    /// # To ensure correctness
    /// - A node that subscribed gets the message, or a [`Lost`] that covers the topic, or its own next publish and
    ///   probe fail visibly: never silence for ever (suite: `published_messages_reach_the_other_nodes`,
    ///   `every_payload_arrives_as_it_was`, `overflow_is_told_as_lost`).
    /// - The publisher's own node does not get it (suite: `a_publisher_does_not_get_its_own`), nor do nodes of
    ///   another epoch (suite: `another_epoch_is_ignored`).
    /// - While nothing fails, messages on a topic arrive once, in the order that one node published them (suite:
    ///   `messages_of_a_topic_keep_their_order`).
    fn publish(&self, topic: Topic, payload: Payload);

    /// Subscribes; resolves when confirmed, so that everything published after is delivered (or told as lost).
    ///
    /// # To ensure correctness
    /// - What is published after it resolved is delivered (suite:
    ///   `a_confirmed_subscription_gets_what_is_published_after`), nothing else is (suite:
    ///   `topics_not_subscribed_to_are_not_delivered`, `topics_are_kept_apart_whatever_their_names`).
    /// - Subscribing to what stands changes nothing (suite: `subscribing_twice_delivers_once`).
    ///
    /// # Errors
    /// The subscription stands all the same and is confirmed later, then told by [`Lost::Topics`].
    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError>;

    /// Ends subscriptions; messages on the way may still come.
    async fn unsubscribe(&self, topics: &[Topic]);

    /// The store's epoch was renewed: from here on this node belongs to those of `epoch`, and to no others. Its
    /// subscriptions stand (suite: `a_renewed_epoch_parts_nodes_and_joins_them`).
    ///
    /// # Errors
    /// As those of [`Bus::subscribe`]: it counts all the same.
    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError>;

    /// Whether messages are believed to flow now.
    fn is_healthy(&self) -> bool;
}

/// One connection's claim that its user is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "backends take it apart")]
pub struct Lease {
    /// The user.
    pub user: UserId,
    /// The connection.
    pub connection: ConnectionId,
    /// What it says.
    pub status: PresenceStatus,
}

/// A change of what others see of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct Edge {
    /// The user.
    pub user: UserId,
    /// What is true now, over all connections of all nodes.
    pub status: PresenceStatus,
}

/// Who is online, over all nodes.
///
/// # To ensure correctness
/// - A user's status is the greatest over the leases that have not expired (suite: `lease_greatest_status_counts`,
///   `lease_renewed_outlives_its_first_time`, `lease_expired_counts_no_more_before_it_is_told`).
/// - Every change of a user's status is told as an edge at least once, by the call that made it or, for an expired
///   lease, by the next [`Leases::expired`] of some node; the last edge of a user in an answer stands (suite:
///   `lease_first_connection_is_an_edge`, `lease_last_connection_is_an_edge`, `lease_expiry_is_told_once_asked`,
///   `lease_expiry_leaves_what_the_others_say`).
/// - Calls are idempotent (suite: `lease_release_is_idempotent`).
#[async_trait]
pub trait Leases: fmt::Debug + Send + Sync + 'static {
    /// Makes or renews leases for `ttl`.
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError>;

    /// Ends leases.
    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError>;

    /// The status of users now, in the order asked for, as often as asked; `Offline` for who is not known (suite:
    /// `lease_reads_answer_in_the_order_asked`).
    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError>;

    /// Edges of leases that ran out since someone asked.
    async fn expired(&self) -> Result<Vec<Edge>, BusError>;
}

/// What is counted, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaKey {
    /// Whatever takes a position in a log, by a user.
    Sends(UserId),
    /// Typing of a user in a room.
    Typing(UserId, RoomId),
    /// Rooms made by a user.
    RoomsMade(UserId),
    /// Members added by a user.
    MembersAdded(UserId),
    /// Searches of a user.
    Searches(UserId),
    /// Files uploaded by a user.
    Uploads(UserId),
}

/// Budgets across nodes. Synchronous: a backend that asks elsewhere answers from what it knows and settles later,
/// within a tolerance that it documents, and lets pass where it knows nothing.
///
/// # To ensure correctness
/// - No more than `rate.burst + rate.per_second × t` are granted in any time `t`, on one node (suite:
///   `quota_grants_the_burst_and_no_more`, `quota_stays_below_burst_and_rate`).
/// - A refusal takes nothing (suite: `quota_refusal_takes_nothing_and_names_the_wait`), and keys do not draw on
///   each other (suite: `quota_keys_have_budgets_of_their_own`).
/// - Memory is bounded: a budget that is full again is forgotten (each backend shows it for itself).
pub trait Quota: fmt::Debug + Send + Sync + 'static {
    /// Takes `cost` of a budget.
    ///
    /// # Errors
    /// How long to wait until it would be granted ([`Duration::MAX`]: more than the burst, never); nothing is
    /// taken then.
    fn take(&self, key: QuotaKey, cost: u32, rate: Rate) -> Result<(), Duration>;
}
