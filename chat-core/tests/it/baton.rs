//! Lost wake-ups, in every order that threads may take: the engine's own baton, built of atomics that a scheduler
//! controls, and the rule by which a drain and a pump hand a connection to each other.

use shuttle::{
    check_random,
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
};

mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

#[path = "../../src/engine/baton.rs"]
mod subject;

use self::{subject::Baton, sync::AtomicU64};

const ORDERS: usize = 5_000;

/// Whoever took the baton works until it is laid down, as the pump does.
fn work(baton: &Baton) {
    loop {
        let head = baton.head();
        if head > baton.done() {
            baton.did(head);
        }
        if baton.lay_down() {
            return;
        }
    }
}

#[test]
fn what_was_raised_is_worked_off_by_someone() {
    check_random(
        || {
            let baton = Arc::new(Baton::new(0));
            // Raised in order, as under the log's lock.
            let log = Arc::new(Mutex::new(0));
            let publishers: Vec<_> = (0..3)
                .map(|_| {
                    let (baton, log) = (Arc::clone(&baton), Arc::clone(&log));
                    thread::spawn(move || {
                        let mut workers = Vec::new();
                        for _ in 0..2 {
                            let mut head = log.lock().unwrap();
                            *head += 1;
                            baton.raise(*head);
                            drop(head);
                            if baton.take() {
                                let baton = Arc::clone(&baton);
                                workers.push(thread::spawn(move || work(&baton)));
                            }
                        }
                        workers.into_iter().for_each(|worker| worker.join().unwrap());
                    })
                })
                .collect();
            publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
            // Nobody is at it any more, and nothing is left lying.
            assert_eq!(baton.done(), 6);
        },
        ORDERS,
    );
}

/// A connection's side: what the lock guards.
#[derive(Default)]
struct Out {
    draining: bool,
    queued: bool,
    cursor: u64,
}

/// The pump visits after the head was raised: it gives, or it leaves it to the drain that is at it.
fn visit(out: &Mutex<Out>, head: &AtomicU64) {
    let mut out = out.lock().unwrap();
    if out.draining {
        out.queued = true;
    } else {
        out.cursor = head.load(Ordering::SeqCst);
    }
}

/// The drain: looks at the head, and stops, under one hold of the lock.
fn drain(out: &Mutex<Out>, head: &AtomicU64) {
    loop {
        let mut out = out.lock().unwrap();
        if !out.queued {
            out.draining = false;
            return;
        }
        let head = head.load(Ordering::SeqCst);
        if out.cursor < head {
            out.cursor += 1;
        } else {
            out.queued = false;
        }
    }
}

#[test]
fn a_drain_that_stops_and_a_pump_that_passes_by_do_not_miss_each_other() {
    check_random(
        || {
            let out = Arc::new(Mutex::new(Out { draining: true, queued: true, cursor: 0 }));
            let head = Arc::new(AtomicU64::new(2));
            let drainer = {
                let (out, head) = (Arc::clone(&out), Arc::clone(&head));
                thread::spawn(move || drain(&out, &head))
            };
            for next in 3..6 {
                head.store(next, Ordering::SeqCst);
                visit(&out, &head);
            }
            drainer.join().unwrap();
            assert_eq!(out.lock().unwrap().cursor, 5);
        },
        ORDERS,
    );
}
