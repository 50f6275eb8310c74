//! The head of a room's log by itself, for measuring it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    engine::{Heard, RoomLog},
    event::Event,
    model::Seq,
};

/// How long it waits for a late event before it wants the store's.
const WINDOW: Duration = Duration::from_millis(20);

/// The state machine that decides what a node shows of a room, without the node: what is heard goes in, in whatever
/// order, and how much follows without a hole comes out.
#[derive(Debug)]
pub struct HeardLog {
    log: RoomLog,
    now: Instant,
}

impl HeardLog {
    /// A log of which everything up to `head` was shown.
    #[must_use]
    pub fn new(head: Seq) -> Self {
        Self { log: RoomLog::new(head, WINDOW), now: Instant::now() }
    }

    /// Hears an event; says how many events can be shown now.
    pub fn hear(&mut self, event: Arc<Event>) -> usize {
        self.log.hear(Heard::Event(event), self.now).deliver.len()
    }

    /// Lets the time for late events pass; where there is a hole still, says above which position to read the store.
    pub fn wait(&mut self) -> Option<Seq> {
        self.now += WINDOW;
        self.log.hear(Heard::Woken, self.now).fetch
    }

    /// Hears what the store answered; says how many events can be shown now.
    pub fn fill(&mut self, events: Vec<Event>, head: Seq) -> usize {
        let shown = self.log.head();
        self.log.hear(Heard::Page { events, head, shown }, self.now).deliver.len()
    }

    /// Up to where everything was shown.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.log.head()
    }
}
