//! Durable sends through the engine beside the same rows inserted by pgbench, in one run on one server.
//!
//! `cargo run --release -p chat-store-postgres --example against_pgbench` starts a Postgres of its own that waits for
//! the disk, measures round after round (how many, and how many seconds each: the two arguments), and prints a table of
//! medians.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program to measure with")]

mod house;
mod pgbench;

use std::time::Duration;

use house::House;
use pgbench::Pgbench;
use xtask::Postgres;

/// Clients of pgbench, and connections of the engine's pool.
const CONNECTIONS: u32 = 32;

/// Sends that are under way at once: each user waits for the answer before the next.
const USERS: usize = 1_024;

const ROOMS: usize = 256;

/// What one measurement gave.
#[derive(Clone, Copy, Debug)]
struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Figures {
    fn of(mut latencies: Vec<Duration>, rows_each: usize, time: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
        let rows = latencies.len() * rows_each;
        Self { per_second: rows as f64 / time.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let (rounds, time) = (arguments.next().unwrap_or(3), Duration::from_secs(arguments.next().unwrap_or(5)));
    let postgres = Postgres::start(true).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::open(&postgres.url()));
    let pgbench = runtime.block_on(Pgbench::new(&postgres, &house));

    let mut measured: [Vec<Figures>; 6] = Default::default();
    for round in 0..rounds {
        let figures = [
            pgbench.run("one row a transaction", &pgbench::one(), 1, time),
            pgbench.run("256 rows a transaction", &pgbench::batch(), pgbench::BATCH, time),
            pgbench.run("one with its words", &pgbench::searchable(1), 1, time),
            pgbench.run("256 with their words", &pgbench::searchable(pgbench::BATCH), pgbench::BATCH, time),
            runtime.block_on(house.send("many rooms", &house.rooms, time)),
            runtime.block_on(house.send("one room", &[house.hot], time)),
        ];
        for (all, one) in measured.iter_mut().zip(figures) {
            println!("round {round}: {one:?}");
            all.push(one);
        }
    }
    let [one, batch, one_found, batch_found, many, hot] = measured.map(|mut of| {
        of.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        of[of.len() / 2]
    });

    println!(
        "\n| workload | rows/s | p50 ms | p99 ms | × one | × batches | × one, words | × batches, words |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (name, of) in [
        ("pgbench, one row a transaction".to_owned(), one),
        ("pgbench, 256 rows a transaction".to_owned(), batch),
        ("pgbench, one row and its words a transaction".to_owned(), one_found),
        ("pgbench, 256 rows and their words a transaction".to_owned(), batch_found),
        (format!("engine, {USERS} users in {ROOMS} rooms"), many),
        (format!("engine, {USERS} users in one room"), hot),
    ] {
        println!(
            "| {name} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} |",
            of.per_second,
            of.p50.as_secs_f64() * 1e3,
            of.p99.as_secs_f64() * 1e3,
            of.per_second / one.per_second,
            of.per_second / batch.per_second,
            of.per_second / one_found.per_second,
            of.per_second / batch_found.per_second,
        );
    }
}
