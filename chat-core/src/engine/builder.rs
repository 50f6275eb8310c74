//! Putting an engine together.

use std::sync::{Arc, atomic::AtomicUsize};

use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, Inner, LastClone, Link,
    after::AfterHooks,
    guarded::Guarded,
    in_turn::InTurn,
    naming::{ClaimsUnderWay, Nameless},
    presence::Presence,
    registry::Registry,
    users::Users,
    writer::Writer,
};
use crate::{
    bus::{BusError, BusLink, Cluster, Topic},
    clock::{Clock, SystemClock},
    hooks::{Hooks, Host, NoHooks, Policy, RolesOnly, UserDirectory},
    limits::Limits,
    memory::{LocalBus, MemoryStore},
    model::NodeId,
    people::People,
    store::{Store, StoreError},
};

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The store gave no epoch.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// The bus could not be joined.
    #[error("the bus could not be joined")]
    Bus(#[from] BusError),
}

/// Puts an engine together. Without more it keeps everything in memory and stands alone.
#[derive(Debug)]
#[must_use = "an engine is made by `build`"]
pub struct EngineBuilder {
    store: Arc<dyn Store>,
    bus: Arc<dyn Cluster>,
    policy: Arc<dyn Policy>,
    hooks: Arc<dyn Hooks>,
    directory: Option<Arc<dyn UserDirectory>>,
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            bus: Arc::new(LocalBus::default()),
            policy: Arc::new(RolesOnly),
            hooks: Arc::new(NoHooks),
            directory: None,
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
        }
    }
}

impl EngineBuilder {
    /// Where rooms are kept.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Where rooms are kept, shared with others.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// How nodes hear of each other.
    pub fn bus(mut self, bus: impl Cluster) -> Self {
        self.bus = Arc::new(bus);
        self
    }

    /// Who may do what.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// What happens before and after.
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// What is shown of users.
    pub fn directory(mut self, directory: impl UserDirectory) -> Self {
        self.directory = Some(Arc::new(directory));
        self
    }

    /// Time of day and chance.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the store's epoch, joins the bus and starts the engine's tasks on the current tokio runtime.
    ///
    /// # Errors
    /// Where the store or the bus is out of reach.
    pub async fn build(self) -> Result<Engine, BuildError> {
        let epoch = self.store.epoch().await?;
        let node = NodeId(self.clock.random());
        let BusLink { bus, leases, quota, incoming } = self.bus.join(node, &epoch).await?;
        if let Err(error) = bus.subscribe(&[Topic::Node(node)]).await {
            tracing::warn!(%error, "bus out of reach; going on without");
        }
        let (writer, lanes) = Writer::new(self.limits.lanes, self.limits.lane_queue_max);
        let (cancel, lanes_end) = (CancellationToken::new(), CancellationToken::new());
        let inner = Arc::new(Inner {
            epoch: RwLock::new(epoch.into()),
            store: self.store,
            link: Link {
                bus: Arc::new(Guarded(bus)),
                leases: Arc::new(Guarded(leases)),
                quota: Arc::new(Guarded(quota)),
            },
            host: Host {
                policy: Arc::new(Guarded(self.policy)),
                hooks: Arc::new(Guarded(self.hooks)),
                directory: self.directory.map(|directory| Arc::new(Guarded(directory)) as _),
            },
            clock: self.clock,
            rooms: Registry::default(),
            users: Users::default(),
            presence: Presence::default(),
            recoveries: InTurn::default(),
            people: Arc::new(People::new(self.limits.people_max, self.limits.people_fresh)),
            nameless: Nameless::default(),
            claims: ClaimsUnderWay::default(),
            after: AfterHooks::default(),
            writer,
            hot_bytes: Arc::new(AtomicUsize::new(0)),
            catch_up_reads: Semaphore::new(self.limits.catch_up_reads),
            limits: self.limits,
            tasks: TaskTracker::new(),
            cancel: cancel.clone(),
            lanes_end: lanes_end.clone(),
        });
        for lane in lanes {
            inner.spawn(Arc::clone(&inner).run_lane(lane));
        }
        inner.spawn(Arc::clone(&inner).listen(incoming));
        inner.spawn(Arc::clone(&inner).sweep_heads());
        inner.spawn(Arc::clone(&inner).sweep_room_sets());
        inner.spawn(Arc::clone(&inner).expire_typing());
        inner.spawn(Arc::clone(&inner).tell_receipts());
        inner.spawn(Arc::clone(&inner).keep_leases());
        inner.spawn(Arc::clone(&inner).watch_leases());
        inner.spawn(Arc::clone(&inner).keep_signals());
        inner.spawn(Arc::clone(&inner).watch_tokens());
        Ok(Engine { inner, _last: Arc::new(LastClone(cancel, lanes_end)) })
    }
}
