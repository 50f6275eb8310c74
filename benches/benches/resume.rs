//! A session that comes back a thousand events later: from its `hello` to the last of them in its outlet.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    Commands, Engine, People, WireFormat,
    model::{RoomId, Seq},
    protocol::{Hello, Send, SendTo},
    store::EventLimit,
};
use chat_store_sqlite::Synchronous;
use criterion::{Criterion, Throughput};
use tokio::task::JoinSet;

#[path = "common/backend.rs"]
mod backend;
#[path = "common/events_only.rs"]
mod events_only;
#[path = "common/house.rs"]
mod house;
#[path = "common/tally.rs"]
mod tally;

use backend::{Backend, Opened};
use events_only::EventsOnly;
use house::{House, connect, runtime};
use tally::{Reader, Tally};

const EVENTS: usize = 1_000;
const CONTENT_BYTES: usize = 128;
const MEMORY: Backend = Backend { name: "memory", synchronous: None };
const SQLITE: Backend = Backend { name: "sqlite", synchronous: Some(Synchronous::Normal) };

/// Who was there all the time. Everyone above comes back, one after another: what is kept of a session that ended
/// (10 s, in case its user comes back) is not one user's alone then.
const WITNESS: usize = 1;
const RETURNERS: usize = 1_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("resume");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, backend, is_hot) in
        [("hot", MEMORY, true), ("store_memory", MEMORY, false), ("store_sqlite", SQLITE, false)]
    {
        let mut absence: Option<Absence> = None;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let absence = absence.get_or_insert_with(|| Absence::new(backend, is_hot));
                (0..iterations).map(|_| absence.end()).sum()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// A room in which much was said while someone was away.
struct Absence {
    house: House,
    room: RoomId,
    /// Bytes of the events.
    bytes: u64,
    /// How often someone came back.
    times: usize,
    /// Where someone was there, what was said is hot.
    witness: Option<Commands>,
    _opened: Opened,
}

impl Absence {
    fn new(backend: Backend, is_hot: bool) -> Self {
        let runtime = runtime();
        let opened = runtime.block_on(backend.open());
        let house = House::of(runtime, Engine::builder().shared_store(Arc::clone(&opened.store)));
        let room = house.room(WITNESS..=WITNESS + RETURNERS);
        let (witness, bytes) = house.runtime.block_on(async {
            let mut witness = None;
            if is_hot {
                let (outlet, _) = Reader::new(&Tally::new());
                let hello = Hello::default();
                witness = Some(connect(&house.engine, WITNESS, hello, Arc::new(EventsOnly), outlet).await);
            }
            // All at once, so that they are committed in batches.
            let mut sends = JoinSet::new();
            for _ in 0..EVENTS {
                let engine = house.engine.clone();
                let send = Send::text(SendTo::Room(room), "x".repeat(CONTENT_BYTES));
                sends.spawn(async move { engine.as_host().send(send).await });
            }
            assert!(sends.join_all().await.iter().all(Result::is_ok), "the host says something");
            let limit = EventLimit { events: EVENTS, bytes: usize::MAX };
            let page = opened.store.events(room, Seq::new(1), limit).await.expect("events are read");
            assert_eq!(page.events.len(), EVENTS, "what was said");
            let mut frames = Vec::new();
            let people = People::new(1, Duration::from_secs(1));
            page.events.iter().for_each(|event| EventsOnly.event(event, &people, &mut frames));
            (witness, frames.len() as u64)
        });
        Self { house, room, bytes, times: 0, witness, _opened: opened }
    }

    /// Comes back, takes everything and goes.
    fn end(&mut self) -> Duration {
        let tally = Tally::new();
        tally.expect(self.bytes);
        let (outlet, _) = Reader::new(&tally);
        let rooms = BTreeMap::from([(self.room, Some(Seq::new(1)))]);
        let hello = Hello { rooms, ..Hello::default() };
        self.times += 1;
        let who = WITNESS + 1 + self.times % RETURNERS;
        self.house.runtime.block_on(async {
            let start = Instant::now();
            let returner = connect(&self.house.engine, who, hello, Arc::new(EventsOnly), outlet).await;
            tally.reached().await;
            let passed = start.elapsed();
            drop(returner);
            passed
        })
    }
}

impl Drop for Absence {
    fn drop(&mut self) {
        // A connection that ends has tasks to start.
        let _entered = self.house.runtime.enter();
        self.witness = None;
    }
}
