//! The simulator: several engines over one store and one bus that fail, clients that come and go, and a checker that
//! holds what every client saw against what was committed. All of it from one seed, under paused time.
//!
//! Nobody sleeps for real and nothing depends on the machine: a seed that fails once fails always.

mod checker;
mod client;
mod clock;
mod frame;
mod gate;
mod names;
mod outlet;
mod plan;
mod record;
mod tamper;
mod trouble;
mod witness;
mod world;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::{Instant, sleep, sleep_until};

pub use self::{checker::Stats, clock::SimClock, tamper::Tampering};
use self::{
    checker::{Findings, Stored},
    client::Client,
    plan::Plan,
    record::Record,
    tamper::Tamper,
    witness::{Logs, Witness},
    world::{Phase, Trace, World},
};
use super::{BrokenStore, Flaw, Rng};
use crate::{
    memory::MemoryStore,
    model::Seq,
    store::{EventLimit, LogStore as _, RoomStore as _, Store},
};

/// A simulation that is to be run.
#[derive(Clone, Debug)]
pub struct Simulation {
    seed: u64,
    tampering: Option<Tampering>,
    flaw: Option<(Flaw, u64)>,
    is_calm: bool,
    keeps_trace: bool,
}

/// What came of a simulation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The seed that it was run with.
    pub seed: u64,
    /// Everything that clients saw, in order, as a number: the same for the same seed.
    pub trace: u64,
    /// The same as lines, where they were asked for.
    pub lines: Vec<String>,
    /// What was promised and not kept.
    pub violations: Vec<String>,
    /// How often what happened.
    pub stats: Stats,
    /// How often a tampering or flaw has shown.
    pub spoilt: u64,
}

impl Simulation {
    /// The simulation of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, tampering: None, flaw: None, is_calm: false, keeps_trace: false }
    }

    /// With frames that are spoilt before clients see them.
    #[must_use]
    pub const fn with_tampering(mut self, tampering: Tampering) -> Self {
        self.tampering = Some(tampering);
        self
    }

    /// With a store that is wrong.
    #[must_use]
    pub const fn with_flaw(mut self, flaw: Flaw, every: u64) -> Self {
        self.flaw = Some((flaw, every));
        self
    }

    /// Without anything that fails.
    #[must_use]
    pub const fn without_faults(mut self) -> Self {
        self.is_calm = true;
        self
    }

    /// With the trace as lines.
    #[must_use]
    pub const fn with_trace(mut self) -> Self {
        self.keeps_trace = true;
        self
    }

    /// Runs it, on a runtime of its own.
    ///
    /// # Panics
    /// Where no runtime can be made.
    #[must_use]
    pub fn run(&self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without threads and sockets");
        runtime.block_on(self.play())
    }

    async fn play(&self) -> Report {
        let began = Instant::now();
        let plan = Plan::of(self.seed);
        let rng = Rng::new(self.seed).fork(6);
        let spoilt = Arc::new(AtomicU64::new(0));
        let memory = Arc::new(MemoryStore::with_epoch(format!("epoch of {}", self.seed)));
        let witness = Arc::new(Witness::new(Arc::clone(&memory), began));
        let logs = witness.logs();
        let broken =
            self.flaw.map(|(flaw, every)| Arc::new(BrokenStore::new(Arc::clone(&witness), flaw, every)));
        let store: Arc<dyn Store> = match &broken {
            Some(broken) => Arc::clone(broken) as _,
            None => witness,
        };
        let trace = Trace::new(self.keeps_trace);
        let world = Arc::new(World::new(began, plan, rng, store, trace));
        for place in 0..world.plan.nodes {
            world.start(place).await;
        }
        trouble::found_rooms(&world).await;
        let clients: Vec<_> = (0..world.plan.clients)
            .map(|index| {
                let (met, user) = (Arc::clone(&spoilt), world.user(index));
                let tamper = Tamper::new(self.tampering, met, Arc::clone(&logs), user);
                tokio::spawn(Client::new(Arc::clone(&world), index, tamper).run())
            })
            .collect();
        let until = began + world.plan.storm;
        let host = tokio::spawn(trouble::host(Arc::clone(&world), until));
        if self.is_calm {
            sleep_until(until).await;
        } else {
            trouble::storm(Arc::clone(&world), until).await;
        }
        world.turn(Phase::Calm);
        drop(host.await);
        sleep(world.plan.calm).await;
        world.turn(Phase::Hush);
        sleep(world.plan.hush).await;
        world.turn(Phase::Over);
        let mut records = Vec::new();
        for client in clients {
            match client.await {
                Ok(record) => records.push(record),
                Err(panicked) => return self.panicked(&panicked),
            }
        }
        let logs = logs.lock().clone();
        let Findings { violations, stats } =
            checker::check(&records, &logs, &stored(&memory, &logs, &records).await);
        Report {
            seed: self.seed,
            trace: world.trace.hash(),
            lines: world.trace.lines(),
            violations,
            stats,
            spoilt: spoilt.load(Ordering::SeqCst) + broken.map_or(0, |broken| broken.times_met()),
        }
    }

    fn panicked(&self, panicked: &dyn fmt::Display) -> Report {
        Report {
            seed: self.seed,
            trace: 0,
            lines: Vec::new(),
            violations: vec![format!("a client panicked: {panicked}")],
            stats: Stats::default(),
            spoilt: 0,
        }
    }
}

/// What the store holds in the end.
async fn stored(store: &MemoryStore, logs: &Logs, records: &[Record]) -> Stored {
    let mut stored = Stored::default();
    let all = EventLimit { events: usize::MAX, bytes: usize::MAX };
    for room in logs.keys() {
        if let Ok(page) = store.events(*room, Seq::ZERO, all).await {
            stored.logs.insert(*room, page);
        }
    }
    for record in records {
        let memberships = store.memberships(&record.user, None, usize::MAX).await;
        stored.memberships.push(memberships.unwrap_or_default());
    }
    stored
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {} violations, {:?}", self.seed, self.violations.len(), self.stats)?;
        for violation in self.violations.iter().take(12) {
            writeln!(f, "  {violation}")?;
        }
        write!(f, "  again: CHAT_SIM_SEED={} cargo test -p chat-core --test it simulation", self.seed)
    }
}
