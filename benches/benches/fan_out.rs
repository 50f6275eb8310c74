//! From a send in process to the last reader's outlet: what a delivery costs, by how many there are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_core::{
    Commands, Engine,
    model::{ClientId, RoomId},
    protocol::{ClientFrame, Command, FrameId, Hello, Send, SendTo, Subscribe},
};
use criterion::{BenchmarkId, Criterion, Throughput};

#[path = "common/announcing.rs"]
mod announcing;
#[path = "common/blocked.rs"]
mod blocked;
#[path = "common/events_only.rs"]
mod events_only;
#[path = "common/house.rs"]
mod house;
#[path = "common/tally.rs"]
mod tally;

use announcing::Announcing;
use blocked::Blocked;
use events_only::EventsOnly;
use house::{House, connect, runtime};
use tally::{Reader, Tally};

const CONTENT_BYTES: usize = 128;

/// Messages after which a house is built anew: the store keeps all of them.
const MESSAGES_MAX: usize = 100_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for window in [1, 16] {
        for readers in [1, 10, 100, 1_000, 10_000] {
            measure(
                &mut criterion,
                &format!("window_{window}"),
                Plan { rooms: 1, readers, blocked: 0, window },
            );
        }
    }
    measure(&mut criterion, "rooms_1000", Plan { rooms: 1_000, readers: 10, blocked: 0, window: 1 });
    for blocked in [0, 1] {
        let plan = Plan { rooms: 1, readers: 100, blocked, window: 1 };
        measure(&mut criterion, &format!("blocked_{blocked}_beside"), plan);
    }
    criterion.final_summary();
}

/// One measurement: rooms of so many readers, and so many messages to each at once.
#[derive(Clone, Copy)]
struct Plan {
    rooms: usize,
    readers: usize,
    /// Connections to each room that take nothing.
    blocked: usize,
    window: usize,
}

fn measure(criterion: &mut Criterion, name: &str, plan: Plan) {
    let mut group = criterion.benchmark_group(format!("fan_out/{name}"));
    let deliveries = plan.rooms * plan.readers * plan.window;
    group.throughput(Throughput::Elements(deliveries as u64));
    // Built when the first measurement asks for it: those that a filter leaves out cost nothing.
    let mut crowd: Option<Crowd> = None;
    group.bench_function(BenchmarkId::from_parameter(plan.readers), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut passed = Duration::ZERO;
            for _ in 0..iterations {
                if crowd.as_ref().is_none_or(|crowd| crowd.said >= MESSAGES_MAX) {
                    crowd = None;
                    crowd = Some(Crowd::new(plan));
                }
                passed += crowd.as_mut().expect("it was built").round();
            }
            if let Some(crowd) = &crowd {
                crowd.check();
            }
            passed
        });
    });
    group.finish();
}

/// A house full of readers.
struct Crowd {
    house: House,
    plan: Plan,
    halls: Vec<Hall>,
    publisher: Option<Commands>,
    said: usize,
}

/// A room and who is in it.
struct Hall {
    room: RoomId,
    format: Arc<Announcing>,
    readers: Vec<(Commands, Arc<AtomicU64>)>,
    _blocked: Vec<Commands>,
}

impl Crowd {
    fn new(plan: Plan) -> Self {
        let house = House::of(runtime(), Engine::builder());
        let seats = plan.readers + plan.blocked;
        let first = |n: usize| 1 + n * seats;
        let rooms: Vec<_> = (0..plan.rooms).map(|n| house.room(first(n)..first(n) + seats)).collect();
        let engine = &house.engine;
        let (halls, publisher) = house.runtime.block_on(async {
            let mut halls = Vec::with_capacity(plan.rooms);
            for (n, room) in rooms.into_iter().enumerate() {
                halls.push(Hall::fill(engine, room, first(n), plan).await);
            }
            // It follows no room: what it is told is its answers.
            let hello = Hello { subscribe: Subscribe::Listed, ..Hello::default() };
            let (outlet, _) = Reader::new(&Tally::new());
            (halls, connect(engine, 0, hello, Arc::new(EventsOnly), outlet).await)
        });
        Self { house, plan, halls, publisher: Some(publisher), said: 0 }
    }

    /// Sends a window into each room and waits until every reader has it.
    fn round(&mut self) -> Duration {
        let publisher = self.publisher.as_ref().expect("it goes last");
        let mut frames = Vec::with_capacity(self.halls.len() * self.plan.window);
        for hall in &self.halls {
            hall.format.expect(self.plan.window);
            for n in 0..self.plan.window {
                let key = format!("0190c2f0-0000-7000-8000-{:012}", self.said + n);
                let send = Send::text(SendTo::Room(hall.room), "x".repeat(CONTENT_BYTES))
                    .with_client_id(ClientId::new(key).expect("a key of that form"));
                let (id, command) = (Some(FrameId::Number(n as u64)), Command::Send(Box::new(send)));
                frames.push(ClientFrame { id, command });
            }
        }
        self.said += frames.len();
        self.house.runtime.block_on(async {
            let start = Instant::now();
            for frame in frames {
                publisher.submit(frame).expect("nothing limits what may be unanswered");
            }
            for hall in &self.halls {
                hall.format.tally().reached().await;
            }
            start.elapsed()
        })
    }

    /// Every reader has taken all that was said in its room.
    fn check(&self) {
        for hall in &self.halls {
            let said = hall.format.said();
            for (_, taken) in &hall.readers {
                assert_eq!(taken.load(Ordering::SeqCst), said, "bytes of one reader");
            }
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // A connection that ends has tasks to start.
        let _entered = self.house.runtime.enter();
        self.publisher = None;
        self.halls.clear();
    }
}

impl Hall {
    async fn fill(engine: &Engine, room: RoomId, first: usize, plan: Plan) -> Self {
        let format = Arc::new(Announcing::new(plan.readers));
        let mut readers = Vec::with_capacity(plan.readers);
        for number in first..first + plan.readers {
            let (outlet, taken) = Reader::new(format.tally());
            let format = Arc::clone(&format);
            readers.push((connect(engine, number, Hello::default(), format, outlet).await, taken));
        }
        let mut blocked = Vec::with_capacity(plan.blocked);
        for number in first + plan.readers..first + plan.readers + plan.blocked {
            let format = Arc::clone(&format);
            blocked.push(connect(engine, number, Hello::default(), format, Box::new(Blocked)).await);
        }
        Self { room, format, readers, _blocked: blocked }
    }
}
