//! Holds what clients saw against the logs.

mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::AddAssign,
};

use serde_json::Value;

use super::{
    nodes::{GAP_AFTER, GAP_KEEP, Nodes},
    record::{Connection, Given, Place, Record, SharedLedger},
};

/// Findings that are shown.
const SHOWN: usize = 20;

/// What the network does to a connection shows no code, and a node that goes away says 1001.
const CLOSES: [Option<u16>; 2] = [None, Some(1001)];

/// The store was restored.
const RESTORED: u16 = 1012;

/// All that there is to judge by.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) records: Vec<Record>,
    /// The heads when everyone had fallen silent.
    pub(crate) heads: BTreeMap<u64, u64>,
    /// The logs after all that; each dense from 1.
    pub(crate) logs: BTreeMap<u64, Vec<Value>>,
    pub(crate) ledger: SharedLedger,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    acknowledged: usize,
    deliveries: usize,
    events: usize,
    connections: usize,
    repeats: u64,
    gaps: usize,
    refused: u64,
    unknown: u64,
    abandoned: usize,
    given_up: u64,
}

impl Evidence {
    /// Checks everything, in the nodes' database too.
    pub(crate) fn hold(&self, nodes: &Nodes, what: &str) -> Counts {
        let mut wrong = self.wrongs();
        wrong.extend(self.wrongs_of_tables(nodes));
        for wrong in wrong.iter().take(SHOWN) {
            println!("{what}: {wrong}");
        }
        assert!(wrong.is_empty(), "{what}: {} promises broken, the first: {}", wrong.len(), wrong[0]);
        let counts = self.count();
        println!("{what}: {counts}");
        counts
    }

    /// What is wrong, by the logs as a node tells them.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        // The epoch that stands in the end: what was told under another is of a store that is gone.
        let last = |record: &Record| record.connections.last().map(|connection| connection.epoch.clone());
        let epoch = self.records.iter().find_map(last).unwrap_or_default();
        let places = self.places(&mut wrong);
        self.check_senders(&places, &mut wrong);
        for record in &self.records {
            self.check_answers(record, &epoch, &places, &mut wrong);
            self.check_deliveries(record, &epoch, &mut wrong);
            for odd in &record.odd {
                wrong.push(format!("{}: {odd}", record.name));
            }
        }
        for ((room, seq), event) in self.ledger.under(&epoch) {
            let stored = self.event(room, seq);
            if stored != Some(&event) {
                wrong.push(format!("given {event}, but stored is {stored:?}"));
            }
        }
        wrong
    }

    fn event(&self, room: u64, seq: u64) -> Option<&Value> {
        self.logs.get(&room)?.get(usize::try_from(seq).unwrap().checked_sub(1)?)
    }

    /// Where each message is, by its client id.
    fn places(&self, wrong: &mut Vec<String>) -> HashMap<&str, Place> {
        let mut places = HashMap::new();
        for (&room, log) in &self.logs {
            for event in log.iter().filter(|event| event["type"] == "message") {
                let place = (room, event["seq"].as_u64().unwrap());
                let Some(client_id) = event["client_id"].as_str() else {
                    wrong.push(format!("a message that nobody sent: {event}"));
                    continue;
                };
                if let Some(before) = places.insert(client_id, place) {
                    wrong.push(format!("stored twice, at {before:?} and at {place:?}: {client_id}"));
                }
            }
        }
        places
    }

    /// Nothing is stored but what was sent, and as its sender's.
    fn check_senders(&self, places: &HashMap<&str, Place>, wrong: &mut Vec<String>) {
        let mut senders: HashMap<&str, &Record> = HashMap::new();
        for record in &self.records {
            let known = record.acknowledged.keys().chain(&record.abandoned);
            senders.extend(known.map(|client_id| (client_id.as_str(), record)));
        }
        for (client_id, &(room, seq)) in places {
            let actor = self.event(room, seq).map(|event| &event["actor"]);
            match senders.get(client_id) {
                None => wrong.push(format!("{client_id} of room {room} at {seq} was never sent")),
                Some(sender) if actor.is_none_or(|actor| *actor != sender.user) => {
                    wrong.push(format!("{client_id} of {} is said to be of {actor:?}", sender.name));
                }
                Some(_) => {}
            }
        }
    }

    /// Every acknowledged change is where it was said to be, in the order said.
    fn check_answers(
        &self,
        record: &Record,
        epoch: &str,
        places: &HashMap<&str, Place>,
        wrong: &mut Vec<String>,
    ) {
        let name = &record.name;
        for (client_id, told) in &record.acknowledged {
            let stored = places.get(client_id.as_str());
            if told.epoch == epoch && stored != Some(&told.place) {
                wrong.push(format!("{client_id} is at {stored:?}, acknowledged at {:?}", told.place));
            }
        }
        for (told, target) in &record.reactions {
            let event = self.event(told.place.0, told.place.1);
            let is_there = event.is_some_and(|event| {
                event["type"] == "reaction_added"
                    && event["actor"] == record.user
                    && event["target"] == *target
            });
            if told.epoch == epoch && !is_there {
                wrong.push(format!("{name}: a reaction acknowledged at {:?}, where {event:?}", told.place));
            }
        }
        for connection in &record.connections {
            // What one connection says to a room is applied in the order said.
            let mut latest: HashMap<u64, (u64, u64)> = HashMap::new();
            let mut stored = connection.stored.clone();
            stored.sort_by_key(|answered| answered.frame);
            for answered in stored {
                let now = (answered.frame, answered.seq);
                if let Some(before) = latest.insert(answered.room, now).filter(|before| before.1 >= now.1) {
                    wrong.push(format!("{name}: frames {before:?} and {now:?} changed places"));
                }
            }
        }
    }

    /// Every connection was given what follows its cursors, without a hole that was not told.
    fn check_deliveries(&self, record: &Record, epoch: &str, wrong: &mut Vec<String>) {
        let name = &record.name;
        for (number, connection) in record.connections.iter().enumerate() {
            let on = format!("{name}, connection {number}, node {}", connection.node);
            check_connection(connection, &on, wrong);
            let before = number.checked_sub(1).map(|before| &record.connections[before].epoch);
            let is_news = before.is_some_and(|before| *before != connection.epoch);
            if connection.is_reset != is_news {
                wrong.push(format!("{on}: reset is {}, epoch before {before:?}", connection.is_reset));
            }
            let is_restored = connection.close == Some(RESTORED) && connection.epoch != epoch;
            if !CLOSES.contains(&connection.close) && !is_restored {
                wrong.push(format!("{on}: closed with {:?}", connection.close));
            }
        }
        if record.connections.last().is_some_and(|last| last.epoch != epoch) {
            wrong.push(format!("{name} ended under another epoch"));
        }
        for room in &record.rooms {
            let (cursor, head) = (record.cursors.get(room), self.heads.get(room));
            let end = self.logs.get(room).map(|log| log.len() as u64);
            if cursor.is_none() || cursor < head || cursor > end.as_ref() {
                wrong.push(format!("{name} ended at {cursor:?} of room {room}, whose head is {head:?}"));
            }
        }
    }

    fn count(&self) -> Counts {
        let mut counts = Counts { events: self.logs.values().map(Vec::len).sum(), ..Counts::default() };
        for record in &self.records {
            counts.acknowledged += record.acknowledged.len();
            counts.abandoned += record.abandoned.len();
            counts.repeats += record.repeats;
            counts.refused += record.refused;
            counts.unknown += record.unknown;
            counts.given_up += record.given_up;
            counts.connections += record.connections.len();
            let given = || record.connections.iter().flat_map(|connection| &connection.given);
            counts.deliveries += given().filter(|given| matches!(given, Given::Event { .. })).count();
            counts.gaps += given().filter(|given| matches!(given, Given::Gap { .. })).count();
        }
        counts
    }

    /// What is wrong, by the tables.
    fn wrongs_of_tables(&self, nodes: &Nodes) -> Vec<String> {
        let mut wrong = Vec::new();
        for line in nodes.backend.ask(BROKEN_ROOMS) {
            wrong.push(format!("positions of a room (id|floor|head|rows|positions|least|most): {line}"));
        }
        let mut stored = HashMap::new();
        for line in nodes.backend.ask(MESSAGES) {
            let columns: Vec<_> = line.split('|').collect();
            let [room, seq, sender, client_id] = columns[..] else { panic!("{line}") };
            let place: Place = (room.parse().unwrap(), seq.parse().unwrap());
            stored.insert(place, (sender.to_owned(), client_id.to_owned()));
        }
        for (&room, log) in &self.logs {
            for event in log.iter().filter(|event| event["type"] == "message") {
                let place = (room, event["seq"].as_u64().unwrap());
                let told = (event["actor"].as_str().unwrap(), event["client_id"].as_str().unwrap());
                if stored.get(&place).map(|(sender, id)| (sender.as_str(), id.as_str())) != Some(told) {
                    wrong.push(format!("in the tables {place:?} is {:?}: {event}", stored.get(&place)));
                }
            }
        }
        wrong
    }
}

/// Every position of a room above its floor is taken once, by a message or by another event.
const BROKEN_ROOMS: &str = "
    WITH taken AS (SELECT room, seq FROM chat.messages UNION ALL SELECT room, seq FROM chat.room_events),
         counted AS (SELECT room, count(*) AS n, count(DISTINCT seq) AS d, min(seq) AS lo, max(seq) AS hi
                     FROM taken GROUP BY room)
    SELECT coalesce(id, room), floor, head, n, d, lo, hi FROM chat.rooms FULL JOIN counted ON room = id
    WHERE id IS NULL OR coalesce(n, 0) <> head - floor OR (n > 0 AND (d <> n OR lo <> floor + 1 OR hi <> head))";

const MESSAGES: &str = "SELECT room, seq, sender, client_id FROM chat.messages";

fn check_connection(connection: &Connection, on: &str, wrong: &mut Vec<String>) {
    let mut cursors = connection.starts.clone();
    for given in &connection.given {
        let (room, from, to) = match *given {
            Given::Event { room, seq } => (room, seq, seq),
            Given::Gap { room, from, to } => (room, from, to),
        };
        let Some(cursor) = cursors.get_mut(&room) else {
            wrong.push(format!("{on}: {given:?} of a room that it is not subscribed to"));
            continue;
        };
        if from != *cursor + 1 || to < from {
            wrong.push(format!("{on}: {given:?} above {cursor}"));
        }
        // Who is not far behind is given all.
        if matches!(given, Given::Gap { .. }) && to + GAP_KEEP <= *cursor + GAP_AFTER {
            wrong.push(format!("{on}: {given:?} leaves out what could be given"));
        }
        *cursor = to;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.acknowledged += more.acknowledged;
        self.deliveries += more.deliveries;
        self.events += more.events;
        self.connections += more.connections;
        self.repeats += more.repeats;
        self.gaps += more.gaps;
        self.refused += more.refused;
        self.unknown += more.unknown;
        self.abandoned += more.abandoned;
        self.given_up += more.given_up;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages acknowledged ({} as repeats), {} deliveries checked of {} events, {} connections \
             ({} given up), {} gaps, {} refused, {} outcomes unknown, {} not waited for",
            self.acknowledged,
            self.repeats,
            self.deliveries,
            self.events,
            self.connections,
            self.given_up,
            self.gaps,
            self.refused,
            self.unknown,
            self.abandoned
        )
    }
}
