//! A bus that fails as buses do, from a seed.

mod link;
mod pipe;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;

use self::link::{FaultyLeases, FaultyLink, Link};
use super::Rng;
use crate::{
    bus::{BusError, BusLink, Cluster},
    model::NodeId,
};

/// How often a [`FaultyBus`] fails, and how. The default is never; probabilities are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tests build it, with the rest from the default")]
pub struct BusFaults {
    /// Messages that never arrive at one of their receivers.
    pub drop: f64,
    /// Messages that arrive twice, the second time up to `late_by` later.
    pub repeat: f64,
    /// Every message takes up to this long, and keeps its place among the others.
    pub latency: Duration,
    /// Messages that are held back, so that later ones overtake them.
    pub late: f64,
    /// For up to this long.
    pub late_by: Duration,
    /// When a node learns that messages were lost.
    pub told: Told,
    /// Subscriptions that fail at first, and are confirmed up to `confirm_after` later.
    pub refuse: f64,
    /// Subscriptions whose confirmation takes up to `confirm_after`.
    pub stall: f64,
    /// See there.
    pub confirm_after: Duration,
    /// Calls about leases that fail, half of them after they took effect.
    pub leases: f64,
}

/// When a node learns that messages were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests choose one")]
pub enum Told {
    /// In the place of the message, or when the node hears again.
    #[default]
    AtOnce,
    /// So much later, deaf or not, as where a probe is overdue.
    After(Duration),
    /// Never. No bus may do so; it shows what the sweep of the heads alone is good for.
    Never,
}

/// What a node's way to the bus is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// Nothing comes in, and nobody can tell.
    Deaf,
    /// Nothing comes in or goes out, and calls fail.
    Cut,
}

/// A bus around another one, that drops, repeats, delays and reorders messages, goes deaf, refuses subscriptions
/// and is cut off, by rates and by hand. All chance comes from the seed and the node's id, all time from the
/// runtime. Clones are the same bus, so that a test keeps one to give orders.
///
/// Budgets pass through untouched.
pub struct FaultyBus<C: ?Sized> {
    control: Arc<Control>,
    inner: Arc<C>,
}

struct Control {
    rng: Rng,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: BusFaults,
    conditions: BTreeMap<NodeId, Condition>,
    links: Vec<Weak<Link>>,
    joins: u64,
}

impl<C: Cluster + ?Sized> FaultyBus<C> {
    /// Wraps a bus, without faults as yet.
    #[must_use]
    pub fn new(inner: Arc<C>, seed: u64) -> Self {
        let control = Control { rng: Rng::new(seed), state: Mutex::default() };
        Self { control: Arc::new(control), inner }
    }

    /// With these faults from the beginning.
    #[must_use]
    pub fn with_faults(self, faults: BusFaults) -> Self {
        self.set_faults(faults);
        self
    }

    /// From now on it fails like this.
    pub fn set_faults(&self, faults: BusFaults) {
        self.control.state.lock().faults = faults;
    }

    /// From now on a node hears nothing, and nobody can tell; what is on the way to it still arrives.
    pub fn deafen(&self, node: NodeId) {
        self.control.state.lock().conditions.insert(node, Condition::Deaf);
    }

    /// From now on a node neither hears nor is heard, its calls fail, and it knows.
    pub fn cut(&self, node: NodeId) {
        self.control.state.lock().conditions.insert(node, Condition::Cut);
    }

    /// Ends what [`FaultyBus::deafen`] or [`FaultyBus::cut`] began: subscriptions that failed are confirmed, and the
    /// node learns what it may have lost as [`BusFaults::told`] says.
    pub fn mend(&self, node: NodeId) {
        let (was, links) = {
            let mut state = self.control.state.lock();
            (state.conditions.remove(&node), state.links.clone())
        };
        if was.is_some() {
            links
                .iter()
                .filter_map(Weak::upgrade)
                .filter(|link| link.node() == node)
                .for_each(|link| link.mend());
        }
    }
}

#[async_trait]
impl<C: Cluster + ?Sized> Cluster for FaultyBus<C> {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let inner = self.inner.join(node, epoch).await?;
        let joins = {
            let mut state = self.control.state.lock();
            state.joins += 1;
            state.joins
        };
        let rng = self.control.rng.fork(node.0).fork(joins);
        let link = Arc::new(Link::new(node, Arc::clone(&self.control), rng, inner.bus));
        {
            let mut state = self.control.state.lock();
            state.links.retain(|link| link.strong_count() > 0);
            state.links.push(Arc::downgrade(&link));
        }
        let leases = Arc::new(FaultyLeases::new(Arc::clone(&link), inner.leases));
        let (bus, incoming) = FaultyLink::start(link, inner.incoming);
        Ok(BusLink { bus: Arc::new(bus), leases, quota: inner.quota, incoming })
    }
}

impl Control {
    fn faults(&self) -> BusFaults {
        self.state.lock().faults
    }

    fn condition(&self, node: NodeId) -> Option<Condition> {
        self.state.lock().conditions.get(&node).copied()
    }
}

impl<C: ?Sized> Clone for FaultyBus<C> {
    fn clone(&self) -> Self {
        Self { control: Arc::clone(&self.control), inner: Arc::clone(&self.inner) }
    }
}

impl<C: fmt::Debug + ?Sized> fmt::Debug for FaultyBus<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.control.state.lock();
        f.debug_struct("FaultyBus")
            .field("faults", &state.faults)
            .field("conditions", &state.conditions)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
