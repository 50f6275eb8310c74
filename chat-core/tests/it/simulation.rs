//! The simulator over many seeds. `CHAT_SIM_SEEDS` sets how many, `CHAT_SIM_FROM` where they begin, `CHAT_SIM_SEED`
//! replays one.

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use chat_core::testkit::sim::{Report, Simulation, Stats};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Runs every seed of a range, on all cores.
fn over(seeds: std::ops::Range<u64>, run: impl Fn(u64) -> Report + Sync) -> Vec<Report> {
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = run(seed);
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|report| report.seed);
    reports
}

fn total(reports: &[Report]) -> Stats {
    let mut total = Stats::default();
    reports.iter().for_each(|report| total.add(&report.stats));
    total
}

fn assert_clean(reports: &[Report]) {
    let failed: Vec<_> = reports.iter().filter(|report| !report.violations.is_empty()).collect();
    for report in failed.iter().take(5) {
        eprintln!("{report}");
    }
    let seeds: Vec<_> = failed.iter().map(|report| report.seed).collect();
    assert!(failed.is_empty(), "{} of {} seeds failed: {seeds:?}", failed.len(), reports.len());
}

#[test]
fn simulation_keeps_every_promise() {
    if let Some(seed) = number("CHAT_SIM_SEED") {
        let report = Simulation::new(seed).with_trace().run();
        report.lines.iter().for_each(|line| println!("{line}"));
        return assert_clean(&[report]);
    }
    let from = number("CHAT_SIM_FROM").unwrap_or(0);
    let count = number("CHAT_SIM_SEEDS").unwrap_or(200);
    let reports = over(from..from + count, |seed| Simulation::new(seed).run());
    println!("{:?}", total(&reports));
    assert_clean(&reports);
}
