use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Heard, RoomLog, Step};
use crate::{
    event::{Event, EventBody},
    model::{RoomId, Seq, Timestamp},
};

const WINDOW: Duration = Duration::from_millis(20);

fn event(seq: u64) -> Event {
    Event {
        room: RoomId::new(1).unwrap(),
        seq: Seq::new(seq),
        at: Timestamp::from_micros(i64::try_from(seq).unwrap()),
        actor: None,
        client_id: None,
        body: EventBody::MessageDeleted { target: Seq::new(1) },
    }
}

fn seqs(step: &Step) -> Vec<u64> {
    step.deliver.iter().map(|event| event.seq.get()).collect()
}

#[test]
fn shows_in_order_and_fills_a_hole_from_the_store() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::new(1), WINDOW);
    assert_eq!(seqs(&log.hear(Heard::Event(Arc::new(event(2))), now)), [2]);
    let step = log.hear(Heard::Event(Arc::new(event(4))), now);
    assert_eq!((seqs(&step), step.fetch, step.wake_at), (vec![], None, Some(now + WINDOW)));
    let step = log.hear(Heard::Woken, now + WINDOW);
    assert_eq!(step.fetch, Some(Seq::new(1)), "from the event that was shown last");
    let page = Heard::Page { events: vec![event(2), event(3)], head: Seq::new(4), shown: Seq::new(2) };
    assert_eq!(seqs(&log.hear(page, now + WINDOW)), [3, 4]);
}

#[test]
fn a_late_event_within_the_window_asks_nobody() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::ZERO, WINDOW);
    log.hear(Heard::Event(Arc::new(event(2))), now);
    let step = log.hear(Heard::Event(Arc::new(event(1))), now);
    assert_eq!((seqs(&step), step.fetch, step.wake_at), (vec![1, 2], None, None));
}

#[test]
fn a_failed_read_is_repeated_later() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::ZERO, WINDOW);
    log.hear(Heard::Head(Seq::new(1)), now);
    assert_eq!(log.hear(Heard::Woken, now + WINDOW).fetch, Some(Seq::ZERO));
    let step = log.hear(Heard::FetchFailed, now + WINDOW);
    let again = step.wake_at.unwrap();
    assert!(step.fetch.is_none() && again > now + WINDOW);
    assert_eq!(log.hear(Heard::Woken, again).fetch, Some(Seq::ZERO));
}

#[test]
fn a_store_that_went_back_is_noticed() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::ZERO, WINDOW);
    log.hear(Heard::Event(Arc::new(event(1))), now);
    assert!(!log.hear(Heard::Event(Arc::new(event(1))), now).reset, "a repeat is none");
    let mut other = event(1);
    other.at = Timestamp::from_micros(77_000);
    assert!(log.hear(Heard::Event(Arc::new(other)), now).reset);
    assert!(log.hear(Heard::StoreHead { head: Seq::ZERO, shown: Seq::new(1) }, now).reset);
    assert!(!log.hear(Heard::StoreHead { head: Seq::new(1), shown: Seq::new(1) }, now).reset);
}

/// An event of another log than [`event`] gives.
fn other(seq: u64) -> Event {
    let mut other = event(seq);
    other.at = Timestamp::from_micros(77_000 + other.at.as_micros());
    other
}

#[test]
fn nothing_is_shown_of_a_store_that_went_back_and_was_overtaken() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::new(16), WINDOW);
    for seq in 17..=21 {
        log.hear(Heard::Event(Arc::new(event(seq))), now);
    }
    log.hear(Heard::StoreHead { head: Seq::new(25), shown: Seq::new(21) }, now);
    let after = log.hear(Heard::Woken, now + WINDOW).fetch.unwrap();
    assert_eq!(after, Seq::new(20));
    let page =
        || Heard::Page { events: (21..=25).map(other).collect(), head: Seq::new(25), shown: Seq::new(21) };
    let step = log.hear(page(), now + WINDOW);
    assert!(step.reset);
    assert_eq!((seqs(&step), log.head()), (vec![], Seq::new(21)));
    // Where that led to nothing, it is found out again.
    let again = step.wake_at.unwrap();
    assert_eq!(log.hear(Heard::Woken, again).fetch, Some(Seq::new(20)));
    assert!(log.hear(page(), again).reset);
}

#[test]
fn what_was_read_back_is_remembered_and_compared() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::new(21), WINDOW);
    assert!(!log.read_back(&[event(19)]), "of what was never shown here nothing is known");
    log.hear(Heard::Event(Arc::new(event(22))), now);
    assert!(!log.read_back(&(18..=22).map(event).collect::<Vec<_>>()));
    assert!(!log.read_back(&(10..=14).map(other).collect::<Vec<_>>()), "below what is remembered");
    assert!(!log.read_back(&[other(23)]), "above what was shown");
    for seq in 18..=22 {
        assert!(log.read_back(&[other(seq)]), "{seq}");
        assert!(!log.read_back(&[event(seq)]), "{seq}");
    }
}

#[test]
fn a_copy_that_came_over_a_wire_is_the_same_event() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::ZERO, WINDOW);
    for micros in [1_700_000_000_123_456, -1] {
        let mut stored = event(log.head().get() + 1);
        stored.at = Timestamp::from_micros(micros);
        let wire = serde_json::to_string(&stored).unwrap();
        let copy: Event = serde_json::from_str(&wire).unwrap();
        assert_ne!(copy.at, stored.at, "a wire tells milliseconds");
        assert_eq!(log.hear(Heard::Event(Arc::new(stored)), now).deliver.len(), 1);
        assert!(!log.hear(Heard::Event(Arc::new(copy)), now).reset);
    }
}

proptest! {
    /// Against the naive model "the log is 1..=n": whatever is dropped, repeated or reordered, what is shown is
    /// 1, 2, 3, … and reaches n once the store answers.
    #[test]
    fn shows_exactly_the_log(n in 1_u64..60, order in prop::collection::vec((0_u64..60, 0_u64..30), 0..200)) {
        let mut now = Instant::now();
        let mut log = RoomLog::new(Seq::ZERO, WINDOW);
        let mut shown = Vec::new();
        let mut fetch = None;
        for (seq, wait) in order {
            now += Duration::from_millis(wait);
            let heard = match (fetch.take(), seq) {
                (Some(_), s) if s % 7 == 0 => Heard::FetchFailed,
                (Some(after), _) => page(after, n, log.head()),
                (None, s) if s % 5 == 0 => Heard::Woken,
                (None, s) => Heard::Event(Arc::new(event(s % n + 1))),
            };
            let step = log.hear(heard, now);
            prop_assert!(!step.reset);
            shown.extend(seqs(&step));
            fetch = step.fetch.or(fetch);
        }
        let mut heard = Heard::Head(Seq::new(n));
        for _ in 0..100 {
            let step = log.hear(heard, now);
            shown.extend(seqs(&step));
            now = step.wake_at.unwrap_or(now);
            heard = match step.fetch.or_else(|| fetch.take()) {
                Some(after) => page(after, n, log.head()),
                None => Heard::Woken,
            };
        }
        prop_assert_eq!(shown, (1..=n).collect::<Vec<_>>());
    }
}

#[test]
fn a_read_that_nobody_answers_is_asked_for_again() {
    let now = Instant::now();
    let mut log = RoomLog::new(Seq::new(1), WINDOW);
    log.hear(Heard::Head(Seq::new(3)), now);
    let due = now + WINDOW;
    assert!(log.hear(Heard::Woken, due).fetch.is_some());
    assert!(log.hear(Heard::Head(Seq::new(3)), due).fetch.is_none(), "it is under way");
    log.forget_fetch();
    assert!(log.hear(Heard::Head(Seq::new(3)), due).fetch.is_some());
}

fn page(after: Seq, n: u64, shown: Seq) -> Heard {
    Heard::Page { events: (after.get() + 1..=n).take(3).map(event).collect(), head: Seq::new(n), shown }
}
