//! What a store makes of a batch of sends, by its size and by how many rooms it is for.

use std::time::{Duration, Instant};

use chat_core::{
    model::{ClientId, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Timestamp, UserId},
    store::{Actor, Change, ChangeBody, NewMessage, NewRoom, Outcome, Require},
};
use chat_store_sqlite::Synchronous;
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::runtime::{Builder, Runtime};

#[path = "common/backend.rs"]
mod backend;

use backend::{Backend, Opened};

const BACKENDS: [Backend; 3] = [
    Backend { name: "memory", synchronous: None },
    Backend { name: "sqlite_normal", synchronous: Some(Synchronous::Normal) },
    Backend { name: "sqlite_full", synchronous: Some(Synchronous::Full) },
];

const CONTENT_BYTES: usize = 128;

/// Messages after which a store is made anew, so that it stays small.
const MESSAGES_MAX: usize = 100_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for backend in BACKENDS {
        for rooms in [1, 256] {
            let name = if rooms == 1 { "same_room" } else { "256_rooms" };
            let mut group = criterion.benchmark_group(format!("commit/{}/{name}", backend.name));
            for batch in [1, 16, 256] {
                group.throughput(Throughput::Elements(batch as u64));
                let mut log: Option<Log> = None;
                group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                    bencher.iter_custom(|iterations| {
                        (0..iterations)
                            .map(|_| {
                                if log.as_ref().is_none_or(|log| log.said >= MESSAGES_MAX) {
                                    log = None;
                                    log = Some(Log::new(backend, rooms));
                                }
                                log.as_mut().expect("it was made").commit(batch)
                            })
                            .sum()
                    });
                });
            }
            group.finish();
        }
    }
    criterion.final_summary();
}

/// A store that is written to.
struct Log {
    runtime: Runtime,
    opened: Opened,
    rooms: Vec<RoomId>,
    user: UserId,
    said: usize,
}

impl Log {
    fn new(backend: Backend, rooms: usize) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let user = UserId::new("somebody").expect("letters are an id");
        let opened = runtime.block_on(backend.open());
        let creates = (0..rooms).map(|_| create(&user)).collect();
        let answers = runtime.block_on(opened.store.commit(creates)).expect("rooms are made");
        let made = |outcome: Outcome| outcome.event().expect("a room is an event").room;
        let rooms = answers.into_iter().map(|answer| made(answer.expect("a room is made"))).collect();
        Self { runtime, opened, rooms, user, said: 0 }
    }

    /// Commits a batch, and says how long that took without making it.
    fn commit(&mut self, batch: usize) -> Duration {
        let from = self.said;
        self.said += batch;
        let room = |n: usize| self.rooms[n % self.rooms.len()];
        let changes = (from..self.said).map(|n| send(room(n), &self.user, n)).collect();
        let (answers, passed) = self.runtime.block_on(async {
            let start = Instant::now();
            let answers = self.opened.store.commit(changes).await.expect("a batch is committed");
            (answers, start.elapsed())
        });
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Outcome::Applied(_)))), "all is applied");
        passed
    }
}

fn create(maker: &UserId) -> Change {
    Change {
        room: None,
        actor: Actor::User(maker.clone()),
        at: Timestamp::from_micros(1),
        require: Require::NOTHING,
        body: ChangeBody::Create(NewRoom {
            kind: RoomKind::Group,
            name: None,
            metadata: Metadata::default(),
            subject: None,
            history: HistoryMode::All,
            members: vec![(maker.clone(), Role::Owner)],
            client_id: None,
        }),
    }
}

fn send(room: RoomId, sender: &UserId, n: usize) -> Change {
    Change {
        room: Some(room),
        actor: Actor::User(sender.clone()),
        at: Timestamp::from_micros(n as i64),
        require: Require::WRITER,
        body: ChangeBody::Send(NewMessage {
            client_id: ClientId::new(format!("0190c2f0-0000-7000-8000-{n:012}")).expect("a key of that form"),
            digest: [7; 16],
            kind: MessageKind::text(),
            content: "x".repeat(CONTENT_BYTES),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }),
    }
}
