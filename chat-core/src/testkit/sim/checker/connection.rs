//! One client's record, frame by frame.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Findings,
    history::RoomHistory,
    sends::{Answer, Attempt},
};
use crate::{
    event::Event,
    model::{ClientId, Membership, Message, RoomId, Seq},
    protocol::{Hello, Subscribe},
    signal::UnsubscribeReason,
    testkit::sim::{
        frame::{Listed, Page, Seen},
        record::{Asked, Record, What},
    },
};

pub(super) struct Walk<'a> {
    record: &'a Record,
    rooms: &'a BTreeMap<RoomId, RoomHistory>,
    found: &'a mut Findings,
    attempts: &'a mut Vec<Attempt>,
    at: Duration,
    /// Keys that were asked for before, on whatever connection.
    keys: BTreeSet<(RoomId, ClientId)>,
    // Of the connection:
    hello: Option<Hello>,
    is_welcome: bool,
    /// What it is subscribed to, and the last position of each.
    subs: BTreeMap<RoomId, Seq>,
    /// What the client has unsubscribed from, and when it asked for that: it may read the answer much later.
    declined: BTreeMap<RoomId, Duration>,
    /// When it asked to be unsubscribed, by request.
    unsubscribes: BTreeMap<u64, Duration>,
    asked: BTreeMap<u64, (Asked, bool)>,
    /// By room: what was asked for, in order, and where it is in the log.
    applied: BTreeMap<RoomId, BTreeMap<u64, Seq>>,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(
        record: &'a Record,
        rooms: &'a BTreeMap<RoomId, RoomHistory>,
        found: &'a mut Findings,
        attempts: &'a mut Vec<Attempt>,
    ) -> Self {
        Self {
            record,
            rooms,
            found,
            attempts,
            at: Duration::ZERO,
            keys: BTreeSet::new(),
            hello: None,
            is_welcome: false,
            subs: BTreeMap::new(),
            declined: BTreeMap::new(),
            unsubscribes: BTreeMap::new(),
            asked: BTreeMap::new(),
            applied: BTreeMap::new(),
        }
    }

    /// Goes through the record; `memberships`: where the user is a member in the end.
    pub(super) fn go(mut self, memberships: &[Membership]) {
        for note in &self.record.notes {
            self.at = note.at;
            match &note.what {
                What::Begins { hello } => {
                    self.end_connection();
                    self.found.stats.connections += 1;
                    self.hello = Some(hello.clone());
                }
                What::Asks { id, asked } => {
                    let is_first = match asked {
                        Asked::Send { room, client_id, .. } => self.keys.insert((*room, client_id.clone())),
                        Asked::Unsubscribe => {
                            self.unsubscribes.insert(*id, note.at);
                            true
                        }
                        _ => true,
                    };
                    self.asked.insert(*id, (asked.clone(), is_first));
                }
                What::Sees(seen) => self.see(seen),
                What::Read { room, since, events, head } => self.read(*room, *since, events, *head),
                What::Ends => self.end_connection(),
            }
        }
        if self.record.is_open {
            self.settled(memberships);
        }
        self.end_connection();
    }

    fn wrong(&mut self, what: &str) {
        let Record { client, user, .. } = self.record;
        self.found.add(format!("{what} (client {client} of {user}, at {:.3}s)", self.at.as_secs_f64()));
    }

    /// What was not answered may have happened or not; what was applied was applied in order.
    fn end_connection(&mut self) {
        for (asked, is_first) in std::mem::take(&mut self.asked).into_values() {
            self.found.stats.unanswered += 1;
            self.attempt(&asked, is_first, Answer::Unknown);
        }
        for (room, applied) in std::mem::take(&mut self.applied) {
            let positions: Vec<_> = applied.values().copied().collect();
            if !positions.is_sorted() {
                self.wrong(&format!("G9: room {room}: commands in order {applied:?}"));
            }
        }
        self.hello = None;
        self.is_welcome = false;
        self.subs.clear();
        self.declined.clear();
        self.unsubscribes.clear();
    }

    fn attempt(&mut self, asked: &Asked, is_first: bool, answer: Answer) {
        if let Asked::Send { room, client_id, content } = asked {
            self.attempts.push(Attempt {
                user: self.record.user.clone(),
                room: *room,
                client_id: client_id.clone(),
                content: content.clone(),
                is_first,
                answer,
            });
        }
    }

    fn see(&mut self, seen: &Seen) {
        if !self.is_welcome && !matches!(seen, Seen::Welcome { .. } | Seen::Bye { .. }) {
            self.wrong(&format!("protocol: before the welcome came {seen:?}"));
        }
        match seen {
            Seen::Welcome { reset, heads, gone, rooms, .. } => self.welcome(*reset, heads, gone, rooms),
            Seen::Subscribed { id, room, from, head } => self.subscribed(*id, *room, *from, *head),
            Seen::Event(event) => self.event(event),
            Seen::Gap { room, from, to } => self.gap(*room, *from, *to),
            Seen::RoomAdded(listed) => self.room_added(listed),
            Seen::Unsubscribed { room, reason } => {
                self.found.stats.unsubscribed += 1;
                if self.subs.remove(room).is_none() {
                    self.wrong(&format!("protocol: unsubscribed ({reason:?}) from {room}, which it was not"));
                }
                if *reason == UnsubscribeReason::Requested {
                    // The answers come in the order of the requests, each behind what it is about.
                    let open = self.asked.keys().find_map(|id| self.unsubscribes.get(id));
                    self.declined.insert(*room, open.copied().unwrap_or(self.at));
                }
            }
            Seen::Ok { id, seq, message, repeat, page } => {
                self.ok(*id, *seq, message.as_deref(), *repeat, page.as_ref());
            }
            Seen::Error { id: Some(id), code } => self.error(*id, code),
            Seen::Error { id: None, code } => self.wrong(&format!("protocol: an error without id: {code}")),
            Seen::Pong { id, heads } => {
                if id.is_none_or(|id| self.asked.remove(&id).is_none()) {
                    self.wrong("protocol: a pong that was not asked for");
                }
                for (room, head) in heads {
                    if self.rooms.get(room).is_none_or(|history| *head > history.head()) {
                        self.wrong(&format!("protocol: pong tells head {head} of room {room}"));
                    }
                }
            }
            Seen::Signal(_) => self.found.stats.signals += 1,
            Seen::Bye { reason } => {
                if reason == "reset" {
                    self.wrong("G3: the store is said to have gone back, and it has not");
                }
            }
            Seen::Garbage(text) => self.wrong(&format!("protocol: no frame: {text}")),
        }
    }

    fn welcome(&mut self, reset: bool, heads: &BTreeMap<RoomId, Seq>, gone: &[RoomId], rooms: &[Listed]) {
        let Some(hello) = self.hello.clone().filter(|_| !self.is_welcome) else {
            return self.wrong("protocol: a second welcome");
        };
        self.is_welcome = true;
        if reset {
            self.wrong("G3: reset, and the store did not go back");
        }
        for (room, head) in heads {
            let since = hello.rooms.get(room).copied().flatten().filter(|_| !reset);
            self.found.stats.resumes += u64::from(since.is_some());
            if since.is_some_and(|since| since > *head) {
                self.wrong(&format!("G3: room {room} has head {head}, below what was seen: {since:?}"));
            }
            if hello.subscribe == Subscribe::Listed && !hello.rooms.contains_key(room) {
                self.wrong(&format!("protocol: room {room} was not listed"));
            }
            self.subs.insert(*room, since.unwrap_or(*head));
        }
        for room in gone {
            if heads.contains_key(room) || !hello.rooms.contains_key(room) {
                self.wrong(&format!("protocol: room {room} is gone, and subscribed or not listed"));
            }
        }
        for listed in rooms {
            self.listed(listed);
        }
    }

    fn listed(&mut self, listed: &Listed) {
        let room = listed.id;
        let Some(history) = self.rooms.get(&room) else { return self.wrong("G8: a room without a log") };
        if listed.role.is_none() {
            self.wrong(&format!("G8: room {room} is shown to who is not in it"));
        }
        if listed.head > history.head() {
            self.wrong(&format!("G1: room {room} is shown with head {}", listed.head));
        }
        if let Some(message) = &listed.last_message {
            let shown = Message { content: String::new(), ..message.clone() };
            if !history.may_see(&self.record.user, message.seq, self.at) {
                self.wrong(&format!("G6: last message of room {room}: {shown:?}"));
            }
        }
    }

    fn subscribed(&mut self, id: Option<u64>, room: RoomId, from: Seq, head: Seq) {
        let Some((Asked::Subscribe { room: asked, since }, _)) = id.and_then(|id| self.asked.remove(&id))
        else {
            return self.wrong("protocol: subscribed without having asked");
        };
        // Without a position, a subscription that stands goes on where it is.
        let goes_on = self.subs.get(&room) == Some(&from);
        let right = since.map_or(goes_on || from == head, |since| from >= since.min(head));
        if asked != room || !right || from > head {
            self.wrong(&format!("G2: room {room}: asked for {since:?}, got {from} of {head}"));
        }
        self.declined.remove(&room);
        self.subs.insert(room, from);
    }

    fn event(&mut self, event: &Event) {
        self.found.stats.events += 1;
        let (room, seq) = (event.room, event.seq);
        let Some(history) = self.rooms.get(&room) else {
            return self.wrong(&format!("G8: an event of a room without a log: {event:?}"));
        };
        let may_see = history.may_see(&self.record.user, seq, self.at);
        let difference = history.compare(event, self.at);
        if !may_see {
            let stays = history.stays(&self.record.user);
            self.wrong(&format!("G6: room {room}: given {seq}, stays {stays:?}"));
        }
        if let Some(difference) = difference {
            self.wrong(&format!("G2: room {room}: {event:?} {difference}"));
        }
        match self.subs.get_mut(&room) {
            None => self.wrong(&format!("G2: room {room} is not subscribed, and {seq} came")),
            Some(cursor) => {
                let before = std::mem::replace(cursor, seq);
                if seq != before.next() {
                    self.wrong(&format!("G2: room {room}: {seq} came after {before}"));
                }
            }
        }
    }

    fn gap(&mut self, room: RoomId, from: Seq, to: Seq) {
        self.found.stats.gaps += 1;
        let head = self.rooms.get(&room).map_or(Seq::ZERO, RoomHistory::head);
        match self.subs.get_mut(&room) {
            None => self.wrong(&format!("G2: room {room} is not subscribed, and a gap came")),
            Some(cursor) => {
                let before = std::mem::replace(cursor, to);
                if from != before.next() || to < from || to > head {
                    self.wrong(&format!("G2: room {room}: gap {from} to {to} after {before}, of {head}"));
                }
            }
        }
    }

    fn room_added(&mut self, listed: &Listed) {
        self.found.stats.rooms_added += 1;
        let room = listed.id;
        self.listed(listed);
        if self.subs.insert(room, listed.head).is_some() {
            self.wrong(&format!("G2: room {room} is added, and was subscribed"));
        }
        let stays = self.rooms.get(&room).map_or(&[][..], |history| history.stays(&self.record.user));
        if let Some(declined) = self.declined.remove(&room)
            && !stays.iter().any(|stay| stay.since >= declined)
        {
            self.wrong(&format!("protocol: room {room} is added, and the client had unsubscribed"));
        }
    }

    fn ok(
        &mut self,
        id: u64,
        seq: Option<Seq>,
        message: Option<&Message>,
        repeat: bool,
        page: Option<&Page>,
    ) {
        let Some((asked, is_first)) = self.asked.remove(&id) else {
            return self.wrong(&format!("protocol: an answer to {id}, which is not open"));
        };
        match &asked {
            Asked::Send { room, .. } => {
                self.found.stats.acknowledged += 1;
                self.found.stats.repeats += u64::from(repeat);
                let (Some(seq), Some(message)) = (seq, message) else {
                    return self.wrong("protocol: a send without a position");
                };
                let history = self.rooms.get(room);
                let wrong = history.map(|history| history.compare_message(message, message.seq, self.at));
                if message.seq != seq || wrong != Some(None) {
                    self.wrong(&format!("G1: room {room}: acknowledged at {seq}: {message:?} {wrong:?}"));
                }
                if is_first {
                    self.applied.entry(*room).or_default().insert(id, seq);
                }
                self.attempt(&asked, is_first, Answer::Stored { seq, repeat });
            }
            Asked::Write { room } => {
                if let Some(seq) = seq {
                    self.applied.entry(*room).or_default().insert(id, seq);
                    let by = self.rooms.get(room).and_then(|history| history.event(seq)?.actor.as_ref());
                    if by != Some(&self.record.user) {
                        self.wrong(&format!(
                            "G1: room {room}: acknowledged at {seq}, where {by:?} did something"
                        ));
                    }
                }
            }
            Asked::History { room } => {
                if let Some(page) = page {
                    self.history(*room, page);
                }
            }
            _ => {}
        }
    }

    fn error(&mut self, id: u64, code: &str) {
        let Some((asked, is_first)) = self.asked.remove(&id) else {
            return self.wrong(&format!("protocol: {code} to {id}, which is not open"));
        };
        let answer = match code {
            "outcome_unknown" => Answer::Unknown,
            "body_mismatch" => Answer::Mismatch,
            _ => Answer::Refused,
        };
        self.found.stats.unavailable += u64::from(code == "unavailable");
        self.found.stats.unknown += u64::from(code == "outcome_unknown");
        self.found.stats.mismatches += u64::from(code == "body_mismatch");
        if matches!(code, "internal" | "bad_frame") {
            self.wrong(&format!("protocol: {code} to {asked:?}"));
        }
        self.attempt(&asked, is_first, answer);
    }

    fn history(&mut self, room: RoomId, page: &Page) {
        self.found.stats.pages += 1;
        let Some(history) = self.rooms.get(&room) else { return self.wrong("G8: history without a log") };
        for message in &page.messages {
            if !history.may_see(&self.record.user, message.seq, self.at) {
                self.wrong(&format!("G6: room {room}: history shows {}", message.seq));
            }
            if let Some(wrong) = history.compare_as_of(message, page.as_of) {
                self.wrong(&format!("G2: room {room}: history shows {message:?}, which {wrong}"));
            }
        }
    }

    fn read(&mut self, room: RoomId, since: Seq, events: &[Event], head: Seq) {
        self.found.stats.pages += 1;
        let Some(history) = self.rooms.get(&room) else { return self.wrong("G8: events without a log") };
        let mut next = events.first().map_or(since, |event| event.seq);
        if next < since {
            self.wrong(&format!("G2: room {room}: events above {since} begin at {next}"));
        }
        for event in events {
            if event.seq != next || event.seq > head {
                self.wrong(&format!("G2: room {room}: {} in the place of {next}, head {head}", event.seq));
            }
            next = event.seq.next();
            if !history.may_see(&self.record.user, event.seq, self.at) {
                self.wrong(&format!("G6: room {room}: events show {}", event.seq));
            }
            let read: Event = serde_json::to_vec(event)
                .and_then(|text| serde_json::from_slice(&text))
                .expect("an event is JSON and back");
            if let Some(wrong) = history.compare(&read, self.at) {
                self.wrong(&format!("G2: room {room}: {event:?} {wrong}"));
            }
        }
    }

    /// Everything has had its time: whoever is connected is level with the logs.
    fn settled(&mut self, memberships: &[Membership]) {
        for (id, (asked, _)) in self.asked.clone() {
            self.wrong(&format!("protocol: {id} was never answered: {asked:?}"));
        }
        for (room, cursor) in self.subs.clone() {
            let head = self.rooms.get(&room).map_or(Seq::ZERO, RoomHistory::head);
            if !memberships.iter().any(|membership| membership.room == room) {
                self.wrong(&format!(
                    "G6: room {room}: still subscribed at {cursor} of {head}, and no member"
                ));
            } else if cursor != head {
                self.wrong(&format!("G2: room {room}: came to {cursor} of {head} and no further"));
            }
        }
        if self.hello.as_ref().is_some_and(|hello| hello.subscribe == Subscribe::All) {
            for Membership { room, .. } in memberships {
                if !self.subs.contains_key(room) && !self.declined.contains_key(room) {
                    self.wrong(&format!("G2: room {room}: a member, and never told of it"));
                }
            }
        }
        if !self.is_welcome {
            self.wrong("protocol: never welcomed");
        }
    }
}
