//! Holds what every client did and saw against what was committed. Pure: it knows no engine, no time and no chance.

mod connection;
mod history;
mod sends;

use std::collections::BTreeMap;

use self::{connection::Walk, history::RoomHistory, sends::Attempt};
use super::{record::Record, witness::Logs};
use crate::{
    model::{Membership, RoomId},
    store::EventPage,
};

/// What came of a simulation.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) violations: Vec<String>,
    pub(super) stats: Stats,
}

/// How often what happened: a simulation in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are named after what they count")]
pub struct Stats {
    pub connections: u64,
    pub resumes: u64,
    pub committed: u64,
    pub events: u64,
    pub gaps: u64,
    pub rooms_added: u64,
    pub unsubscribed: u64,
    pub acknowledged: u64,
    pub repeats: u64,
    pub mismatches: u64,
    pub unavailable: u64,
    pub unknown: u64,
    pub unanswered: u64,
    pub pages: u64,
    pub signals: u64,
}

impl Stats {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.connections, other.connections),
            (&mut self.resumes, other.resumes),
            (&mut self.committed, other.committed),
            (&mut self.events, other.events),
            (&mut self.gaps, other.gaps),
            (&mut self.rooms_added, other.rooms_added),
            (&mut self.unsubscribed, other.unsubscribed),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.repeats, other.repeats),
            (&mut self.mismatches, other.mismatches),
            (&mut self.unavailable, other.unavailable),
            (&mut self.unknown, other.unknown),
            (&mut self.unanswered, other.unanswered),
            (&mut self.pages, other.pages),
            (&mut self.signals, other.signals),
        ] {
            *mine += theirs;
        }
    }
}

/// What a store holds in the end.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The log of each room, in one page.
    pub(super) logs: BTreeMap<RoomId, EventPage>,
    /// Where each client's user is a member.
    pub(super) memberships: Vec<Vec<Membership>>,
}

/// Holds every client's record against the logs.
pub(super) fn check(records: &[Record], logs: &Logs, stored: &Stored) -> Findings {
    let mut found = Findings::default();
    let histories: BTreeMap<RoomId, RoomHistory> =
        logs.iter().map(|(room, log)| (*room, RoomHistory::new(*room, log, &mut found))).collect();
    for (room, history) in &histories {
        history.check_stored(*room, stored.logs.get(room), &mut found);
        found.stats.committed += history.len();
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    for record in records {
        let walk = Walk::new(record, &histories, &mut found, &mut attempts);
        walk.go(stored.memberships.get(record.client).map_or(&[], Vec::as_slice));
    }
    sends::check(&attempts, &histories, &mut found);
    found
}

impl Findings {
    pub(super) fn add(&mut self, what: String) {
        // The first ones say most.
        if self.violations.len() < 50 {
            self.violations.push(what);
        }
    }
}

#[cfg(test)]
mod tests;
