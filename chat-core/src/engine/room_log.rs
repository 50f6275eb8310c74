//! The head of a room's log as one node knows it: a state machine without I/O or clock.
//!
//! It is fed what is heard of the log (own commits, the bus, reads of the store) in whatever order it comes, and
//! answers which events follow the head without a hole, what to read from the store, and when to look again. It is
//! the only place that decides what a node shows of a room, so that "exactly once, in order, without a hole" is
//! decided once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{event::Event, model::Seq};

/// Events kept that came before those below them; above it the furthest are dropped and read again.
const EARLY_MAX: usize = 1_024;

/// Latest events remembered by fingerprint, to know a different event under a position that was shown.
const FINGERPRINTS_MAX: usize = 256;

/// Between two reads of the store after one failed.
const RETRY: Duration = Duration::from_millis(250);

/// What was heard of a room's log.
#[derive(Debug)]
pub(crate) enum Heard {
    /// An event, committed by this node or told by another.
    Event(Arc<Event>),
    /// The log reaches up to here.
    Head(Seq),
    /// The store's head was here, in a read that was sent when `shown` was the head shown.
    StoreHead { head: Seq, shown: Seq },
    /// The answer to [`Step::fetch`].
    Page { events: Vec<Event>, head: Seq, shown: Seq },
    /// No answer to [`Step::fetch`].
    FetchFailed,
    /// It is time to look again.
    Woken,
}

/// What follows from it.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Events that follow what was shown, in order, without a hole.
    pub(crate) deliver: Vec<Arc<Event>>,
    /// Read the store from above this position. It lies one below what was shown last, where that is remembered: what
    /// the store answers must begin with the event that was shown, or it is another log.
    pub(crate) fetch: Option<Seq>,
    /// Look again at this time.
    pub(crate) wake_at: Option<Instant>,
    /// The store went back: what was shown is not what it holds.
    pub(crate) reset: bool,
}

/// The head of a room's log.
#[derive(Debug)]
pub(crate) struct RoomLog {
    opened: bool,
    head: Seq,
    known: Seq,
    early: BTreeMap<Seq, Arc<Event>>,
    hole_since: Option<Instant>,
    fetching: bool,
    retry_at: Option<Instant>,
    fingerprints: VecDeque<u64>,
    reorder_window: Duration,
}

impl RoomLog {
    /// A log of which everything up to `head` counts as shown.
    pub(crate) fn new(head: Seq, reorder_window: Duration) -> Self {
        Self {
            opened: true,
            head,
            known: head,
            early: BTreeMap::new(),
            hole_since: None,
            fetching: false,
            retry_at: None,
            fingerprints: VecDeque::new(),
            reorder_window,
        }
    }

    /// Up to where everything was shown.
    pub(crate) const fn head(&self) -> Seq {
        self.head
    }

    /// A log of which nothing is known yet: what is heard waits until [`RoomLog::open`].
    pub(crate) fn unopened(reorder_window: Duration) -> Self {
        Self { opened: false, ..Self::new(Seq::ZERO, reorder_window) }
    }

    /// Everything up to `head` counts as shown; what was heard meanwhile follows.
    pub(crate) fn open(&mut self, head: Seq, now: Instant) -> Step {
        let mut step = Step::default();
        self.opened = true;
        self.jump(head);
        while let Some(next) = self.early.remove(&self.head.next()) {
            self.show(next, &mut step);
        }
        self.look(now, false, &mut step);
        step
    }

    /// Goes on above `floor`, where what lies at or below is not kept any more.
    pub(crate) fn jump(&mut self, floor: Seq) {
        self.head = self.head.max(floor);
        self.known = self.known.max(floor);
        self.early = self.early.split_off(&self.head.next());
        self.fingerprints.clear();
    }

    /// Compares what was read back with what was shown, and remembers what was not remembered of it. `true`: the store
    /// went back.
    pub(crate) fn read_back(&mut self, events: &[Event]) -> bool {
        if events.iter().any(|event| self.contradicts(event)) {
            return true;
        }
        for event in events.iter().rev() {
            let below = self.head.get().checked_sub(self.fingerprints.len() as u64);
            if self.opened && below == Some(event.seq.get()) && self.fingerprints.len() < FINGERPRINTS_MAX {
                self.fingerprints.push_front(fingerprint(event));
            }
        }
        false
    }

    /// Takes what was heard.
    pub(crate) fn hear(&mut self, heard: Heard, now: Instant) -> Step {
        let mut step = Step::default();
        // A page that brought something and not all is followed by the next at once.
        let mut paging = false;
        match heard {
            Heard::Event(event) => self.take(event, &mut step),
            Heard::Head(head) => self.known = self.known.max(head),
            Heard::StoreHead { head, shown } => {
                step.reset |= head < shown;
                self.known = self.known.max(head);
            }
            Heard::Page { events, head, shown } => {
                self.fetching = false;
                self.retry_at = None;
                self.known = self.known.max(head);
                // Looked at before any of it is shown: what follows another event than was shown is of another log.
                step.reset = head < shown || events.iter().any(|event| self.contradicts(event));
                if !step.reset {
                    for event in events {
                        self.take(Arc::new(event), &mut step);
                    }
                }
                paging = !step.deliver.is_empty();
                // The answer did not fill the hole: ask again, but not at once.
                if step.deliver.is_empty() && self.head < self.known {
                    self.retry_at = Some(now + RETRY);
                }
            }
            Heard::FetchFailed => {
                self.fetching = false;
                self.retry_at = Some(now + RETRY);
            }
            Heard::Woken => {}
        }
        self.look(now, paging, &mut step);
        step
    }

    /// Nobody reads any more what [`Step::fetch`] asked for: whatever is heard next asks again.
    pub(crate) fn forget_fetch(&mut self) {
        self.fetching = false;
    }

    fn take(&mut self, event: Arc<Event>, step: &mut Step) {
        self.known = self.known.max(event.seq);
        if self.opened && event.seq <= self.head {
            step.reset |= self.contradicts(&event);
        } else if self.opened && event.seq == self.head.next() {
            self.show(event, step);
            while let Some(next) = self.early.remove(&self.head.next()) {
                self.show(next, step);
            }
        } else {
            self.early.insert(event.seq, event);
            if self.early.len() > EARLY_MAX {
                self.early.pop_last();
            }
        }
    }

    fn show(&mut self, event: Arc<Event>, step: &mut Step) {
        self.head = event.seq;
        if self.fingerprints.len() == FINGERPRINTS_MAX {
            self.fingerprints.pop_front();
        }
        self.fingerprints.push_back(fingerprint(&event));
        step.deliver.push(event);
    }

    /// Whether another event was shown under its position, as far as that is remembered.
    fn contradicts(&self, event: &Event) -> bool {
        if event.seq > self.head {
            return false;
        }
        let back = usize::try_from(self.head.since(event.seq)).unwrap_or(usize::MAX);
        let Some(at) = self.fingerprints.len().checked_sub(back.saturating_add(1)) else { return false };
        self.fingerprints[at] != fingerprint(event)
    }

    /// Decides about the hole above the head, if there is one.
    fn look(&mut self, now: Instant, paging: bool, step: &mut Step) {
        if self.head >= self.known || !self.opened {
            self.hole_since = None;
            self.retry_at = None;
            return;
        }
        if self.fetching {
            return;
        }
        if let Some(at) = self.retry_at.filter(|at| now < *at) {
            step.wake_at = Some(at);
            return;
        }
        let since = *self.hole_since.get_or_insert(now);
        // Progress closes an old hole: a new one has its own window.
        let since = if step.deliver.is_empty() { since } else { now };
        self.hole_since = Some(since);
        let due = since + self.reorder_window;
        if now < due && !paging {
            step.wake_at = Some(due);
        } else {
            self.fetching = true;
            let overlap = u64::from(!self.fingerprints.is_empty());
            step.fetch = Some(self.head.back(overlap));
        }
    }
}

/// What tells two events at one position apart, and is the same for a copy that carries a message's later state, or
/// that came over a wire, where times are milliseconds.
fn fingerprint(event: &Event) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let at = event.at.as_micros().div_euclid(1_000);
    let mut hasher = DefaultHasher::new();
    (at, &event.actor, event.body.kind(), event.body.target()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
