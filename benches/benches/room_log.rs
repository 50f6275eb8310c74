//! The state machine that decides what a node shows of a room, hearing a thousand events.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Event,
    model::Seq,
    testkit::{HeardLog, Rng},
};
use criterion::{BatchSize, Criterion, Throughput};

#[path = "common/message.rs"]
mod message;

const EVENTS: u64 = 1_000;

/// Those that are never told, and must be read from the store.
const LOST: std::ops::Range<u64> = 500..510;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let events: Vec<Arc<Event>> = (1..=EVENTS).map(|seq| Arc::new(message::message(seq, 128))).collect();
    let mut shuffled = events.clone();
    let mut rng = Rng::new(7);
    shuffled.sort_by_cached_key(|_| rng.next_u64());
    let mut holed = shuffled.clone();
    holed.retain(|event| !LOST.contains(&event.seq.get()));
    // A page begins with what was shown last.
    let page = LOST.start - 1..LOST.end;
    let lost: Vec<Event> = page.map(|seq| message::message(seq, 128)).collect();

    let mut group = criterion.benchmark_group("room_log");
    group.throughput(Throughput::Elements(EVENTS));
    for (name, order) in [("in_order", &events), ("shuffled", &shuffled)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || order.clone(),
                |order| hear(HeardLog::new(Seq::ZERO), order),
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("shuffled_and_filled", |bencher| {
        bencher.iter_batched(
            || (holed.clone(), lost.clone()),
            |(order, lost)| {
                let mut log = hear(HeardLog::new(Seq::ZERO), order);
                assert_eq!(log.wait(), Some(Seq::new(LOST.start - 2)), "what to read");
                log.fill(lost, Seq::new(EVENTS));
                assert_eq!(log.head(), Seq::new(EVENTS), "all is shown");
                log
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
    criterion.final_summary();
}

fn hear(mut log: HeardLog, events: Vec<Arc<Event>>) -> HeardLog {
    for event in events {
        log.hear(event);
    }
    log
}
