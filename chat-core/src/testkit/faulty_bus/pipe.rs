//! What is on the way to a node, and when it arrives: a plain state machine, told the time.

use std::collections::BTreeMap;

use tokio::{sync::oneshot, time::Instant};

use super::{BusFaults, Rng, Told};
use crate::bus::{Incoming, Lost, Topic};

/// What is on the way to a node at most; above, messages are lost, and told as lost.
const HELD_MAX: usize = 8_192;

/// Something that happens to a node at a time.
#[derive(Debug)]
pub(super) enum Held {
    /// It comes in.
    Incoming(Incoming),
    /// A subscription is made, and confirmed to whoever still waits.
    Confirm(Vec<Topic>, Option<oneshot::Sender<()>>),
}

#[derive(Debug)]
pub(super) struct Pipe {
    rng: Rng,
    /// By time, then by arrival.
    held: BTreeMap<(Instant, u64), Held>,
    arrivals: u64,
    /// When the last message in order is due: none after it may be due before.
    in_order: Option<Instant>,
    /// Whether [`Lost::All`] is on the way.
    owed: bool,
}

impl Pipe {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { rng, held: BTreeMap::new(), arrivals: 0, in_order: None, owed: false }
    }

    pub(super) const fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    pub(super) fn hold(&mut self, due: Instant, held: Held) {
        self.arrivals += 1;
        self.held.insert((due, self.arrivals), held);
    }

    pub(super) fn first_due(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn next(&mut self, now: Instant) -> Option<Held> {
        let first = self.held.first_entry().filter(|first| first.key().0 <= now)?;
        let held = first.remove();
        if matches!(held, Held::Incoming(Incoming::Lost(Lost::All))) {
            self.owed = false;
        }
        Some(held)
    }

    /// Something came from the bus within, for a node that hears.
    pub(super) fn take_in(&mut self, incoming: Incoming, faults: &BusFaults, now: Instant) {
        // Everything is drawn each time, so that one rate does not change what another one meets.
        let drop = self.rng.chance(faults.drop);
        let repeat = self.rng.chance(faults.repeat);
        let late = self.rng.chance(faults.late);
        let latency = self.rng.up_to(faults.latency);
        let (late_by, later_by) = (self.rng.up_to(faults.late_by), self.rng.up_to(faults.late_by));
        let topic = match &incoming {
            Incoming::Message(message) => &message.topic,
            Incoming::Lost(_) => {
                let due = self.keep_order(now + latency);
                return self.hold(due, Held::Incoming(incoming));
            }
        };
        if drop || self.held.len() >= HELD_MAX {
            let topics = Lost::Topics(vec![topic.clone()]);
            match faults.told {
                Told::AtOnce => {
                    let due = self.keep_order(now + latency);
                    self.hold(due, Held::Incoming(Incoming::Lost(topics)));
                }
                // One word is enough for all that is lost until then.
                Told::After(_) => self.lose_all(faults, now),
                Told::Never => {}
            }
            return;
        }
        let due = if late { now + late_by } else { self.keep_order(now + latency) };
        if repeat {
            self.hold(due + later_by, Held::Incoming(incoming.clone()));
        }
        self.hold(due, Held::Incoming(incoming));
    }

    /// Something may have been lost: it is told when the faults say so.
    pub(super) fn lose_all(&mut self, faults: &BusFaults, now: Instant) {
        let due = match faults.told {
            Told::AtOnce => self.keep_order(now),
            Told::After(wait) => now + wait,
            Told::Never => return,
        };
        if !self.owed {
            self.owed = true;
            self.hold(due, Held::Incoming(Incoming::Lost(Lost::All)));
        }
    }

    /// Subscriptions that are to be confirmed are not wanted any more.
    pub(super) fn forget(&mut self, ended: &[Topic]) {
        for held in self.held.values_mut() {
            if let Held::Confirm(topics, _) = held {
                topics.retain(|topic| !ended.contains(topic));
            }
        }
    }

    fn keep_order(&mut self, due: Instant) -> Instant {
        let due = self.in_order.map_or(due, |last| last.max(due));
        self.in_order = Some(due);
        due
    }
}
