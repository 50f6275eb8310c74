//! The nodes, what they stand on, and everything that the actors of a simulation share.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    clock::SimClock,
    gate::{Gate, GatedCluster, GatedStore},
    names::MoodyDirectory,
    plan::Plan,
};
use crate::{
    engine::Engine,
    memory::LocalBus,
    model::{NodeId, RoomId, UserId},
    store::Store,
    testkit::{FaultyBus, FaultyStore, HeldStore, Rng},
};

/// What time it is in the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Things go wrong.
    Storm,
    /// Nothing goes wrong any more, and nothing new is asked for.
    Calm,
    /// Not even what is not settled is asked for again.
    Hush,
    /// Everyone stops where they are.
    Over,
}

/// A node that runs.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: usize,
    pub(super) id: NodeId,
    pub(super) engine: Engine,
    pub(super) gate: Arc<Gate>,
    pub(super) store: FaultyStore<dyn Store>,
}

/// What the actors share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) began: Instant,
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    pub(super) bus: FaultyBus<LocalBus>,
    pub(super) rooms: Mutex<Vec<RoomId>>,
    phase: Mutex<Phase>,
    /// A new phase has begun. (Not a `watch`, which wakes its waiters in an order of chance.)
    pub(super) turned: Notify,
    pub(super) trace: Trace,
    /// In which other users of the database hold rooms.
    pub(super) store: Arc<HeldStore<dyn Store>>,
    nodes: Mutex<Vec<Option<Arc<Node>>>>,
    starts: AtomicU64,
}

impl World {
    pub(super) fn new(began: Instant, plan: Plan, rng: Rng, store: Arc<dyn Store>, trace: Trace) -> Self {
        let bus = FaultyBus::new(Arc::new(LocalBus::default()), rng.fork(2).next_u64());
        let nodes = Mutex::new((0..plan.nodes).map(|_| None).collect());
        Self {
            began,
            plan,
            bus,
            rng,
            rooms: Mutex::default(),
            phase: Mutex::new(Phase::Storm),
            turned: Notify::new(),
            trace,
            store: Arc::new(HeldStore::new(store)),
            nodes,
            starts: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock()
    }

    pub(super) fn turn(&self, phase: Phase) {
        *self.phase.lock() = phase;
        self.turned.notify_waiters();
    }

    /// A node that runs, or one that died a moment ago.
    pub(super) fn pick(&self, rng: &mut Rng) -> Option<Arc<Node>> {
        let running: Vec<_> = self.nodes.lock().iter().flatten().cloned().collect();
        rng.pick(&running).cloned()
    }

    pub(super) fn node(&self, place: usize) -> Option<Arc<Node>> {
        self.nodes.lock()[place].clone()
    }

    /// Starts the node of a place, where none runs.
    pub(super) async fn start(&self, place: usize) {
        if self.node(place).is_some() {
            return;
        }
        let start = self.starts.fetch_add(1, Ordering::SeqCst);
        let mut rng = self.rng.fork(1_000 + start);
        let gate = Gate::new();
        let store = FaultyStore::<dyn Store>::new(Arc::clone(&self.store) as _, rng.next_u64());
        let id = Arc::new(AtomicU64::new(0));
        let ahead = rng.up_to(Duration::from_millis(800));
        let built = Engine::builder()
            .store(GatedStore::new(Arc::new(store.clone()), Arc::clone(&gate)))
            .bus(GatedCluster::new(self.bus.clone(), Arc::clone(&gate), Arc::clone(&id)))
            .clock(SimClock::new(self.began, ahead, rng))
            .directory(MoodyDirectory::new(self.rng.fork(30_000 + start)))
            .limits(self.plan.limits.clone())
            .build()
            .await;
        if let Ok(engine) = built {
            let id = NodeId(id.load(Ordering::SeqCst));
            self.nodes.lock()[place] = Some(Arc::new(Node { place, id, engine, gate, store }));
        }
    }

    /// The node of a place is not there for new clients any more.
    pub(super) fn take(&self, place: usize) -> Option<Arc<Node>> {
        self.nodes.lock()[place].take()
    }

    /// The `n`th user.
    pub(super) fn user(&self, n: usize) -> UserId {
        UserId::new(format!("u{}", n % self.plan.users)).expect("a short text")
    }
}

/// Everything that clients saw, in one order, as a number, and as lines where wanted.
#[derive(Debug, Default)]
pub(super) struct Trace {
    hash: Mutex<u64>,
    lines: Option<Mutex<Vec<String>>>,
}

impl Trace {
    pub(super) fn new(keep: bool) -> Self {
        Self { hash: Mutex::default(), lines: keep.then(Mutex::default) }
    }

    pub(super) fn add(&self, at: Duration, who: usize, what: &str) {
        let mut hash = self.hash.lock();
        let mut hasher = DefaultHasher::new();
        (*hash, at, who, what).hash(&mut hasher);
        *hash = hasher.finish();
        if let Some(lines) = &self.lines {
            lines.lock().push(format!("{:>10.6} {who:>3} {what}", at.as_secs_f64()));
        }
    }

    pub(super) fn hash(&self) -> u64 {
        *self.hash.lock()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.as_ref().map(|lines| lines.lock().clone()).unwrap_or_default()
    }
}
