//! A room's log as it was committed, and what follows from it: who may see what, and what a message says when.

use std::{collections::BTreeMap, time::Duration};

use super::Findings;
use crate::{
    event::{Event, EventBody},
    model::{ClientId, HistoryMode, Message, RoomId, Seq, UserId},
    store::EventPage,
    testkit::sim::witness::Committed,
};

/// A stay of a user in a room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// When it began to be true.
    pub(super) since: Duration,
    pub(super) visible_from: Seq,
    /// The position of the removal.
    pub(super) until: Option<Seq>,
}

/// What a message became at a position.
#[derive(Clone, Debug)]
struct Version {
    from: Seq,
    since: Duration,
    message: Message,
}

/// A room's log as it was committed.
#[derive(Debug, Default)]
pub(super) struct RoomHistory {
    events: Vec<Event>,
    stays: BTreeMap<UserId, Vec<Stay>>,
    versions: BTreeMap<Seq, Vec<Version>>,
    pub(super) keys: BTreeMap<(UserId, ClientId), Vec<Seq>>,
    mode: HistoryMode,
    is_deleted: bool,
}

/// An event as clients read it: times on the wire are in milliseconds.
fn as_read(event: &Event) -> Event {
    let text = serde_json::to_vec(event).expect("an event is JSON");
    serde_json::from_slice(&text).expect("what was written can be read")
}

impl RoomHistory {
    pub(super) fn new(room: RoomId, log: &[Committed], found: &mut Findings) -> Self {
        let mut history = Self::default();
        let mut last = None;
        for (at, Committed { event, at: time }) in log.iter().enumerate() {
            if event.seq.get() != at as u64 + 1 || event.room != room || last > Some(event.at) {
                found.add(format!("log: room {room} has {event:?} at position {}", at + 1));
            }
            last = Some(event.at);
            if history.is_deleted {
                found.add(format!("log: room {room} goes on after its deletion: {event:?}"));
            }
            if let Some(actor) = &event.actor
                && !history.may_act(actor, event)
            {
                found.add(format!("G8: room {room}: {actor} is no member, and did {event:?}"));
            }
            history.take(as_read(event), *time);
        }
        history
    }

    fn may_act(&self, actor: &UserId, event: &Event) -> bool {
        let joins = match &event.body {
            EventBody::MemberJoined { member } => member.user == *actor,
            EventBody::RoomCreated { .. } => true,
            _ => false,
        };
        joins || self.is_in(actor)
    }

    fn is_in(&self, user: &UserId) -> bool {
        self.stays.get(user).and_then(|stays| stays.last()).is_some_and(|stay| stay.until.is_none())
    }

    fn take(&mut self, event: Event, time: Duration) {
        let seq = event.seq;
        match &event.body {
            EventBody::RoomCreated { room, members } => {
                self.mode = room.history;
                for member in members {
                    self.join(&member.user, Seq::ZERO, time);
                }
            }
            EventBody::RoomChanged { room } => self.mode = room.history,
            EventBody::MemberJoined { member } => {
                let from = if self.mode == HistoryMode::FromJoin { seq.back(1) } else { Seq::ZERO };
                self.join(&member.user, from, time);
            }
            EventBody::MemberLeft { user, .. } => {
                if let Some(stay) = self.stays.get_mut(user).and_then(|stays| stays.last_mut()) {
                    stay.until.get_or_insert(seq);
                }
            }
            EventBody::RoomDeleted {} => {
                self.is_deleted = true;
                for stay in self.stays.values_mut().filter_map(|stays| stays.last_mut()) {
                    stay.until.get_or_insert(seq);
                }
            }
            EventBody::Message { message } | EventBody::MessageEdited { message } => {
                let version = Version { from: seq, since: time, message: message.clone() };
                self.versions.entry(message.seq).or_default().push(version);
                if let (EventBody::Message { .. }, Some(sender), Some(key)) =
                    (&event.body, &event.actor, &event.client_id)
                {
                    self.keys.entry((sender.clone(), key.clone())).or_default().push(seq);
                }
            }
            EventBody::MessageDeleted { target } => {
                if let Some(versions) = self.versions.get_mut(target)
                    && let Some(mut message) = versions.last().map(|version| version.message.clone())
                {
                    message.redact();
                    message.version += 1;
                    versions.push(Version { from: seq, since: time, message });
                }
            }
            _ => {}
        }
        self.events.push(event);
    }

    fn join(&mut self, user: &UserId, visible_from: Seq, since: Duration) {
        self.stays.entry(user.clone()).or_default().push(Stay { since, visible_from, until: None });
    }

    pub(super) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    pub(super) fn head(&self) -> Seq {
        Seq::new(self.len())
    }

    pub(super) fn event(&self, seq: Seq) -> Option<&Event> {
        self.events.get(usize::try_from(seq.get()).ok()?.checked_sub(1)?)
    }

    pub(super) fn stays(&self, user: &UserId) -> &[Stay] {
        self.stays.get(user).map_or(&[], Vec::as_slice)
    }

    /// Whether a user may have been given a position by a time.
    pub(super) fn may_see(&self, user: &UserId, seq: Seq, by: Duration) -> bool {
        self.stays(user).iter().any(|stay| {
            stay.since <= by && stay.visible_from < seq && stay.until.is_none_or(|until| seq <= until)
        })
    }

    /// What is wrong with an event that someone was given by a time.
    pub(super) fn compare(&self, given: &Event, by: Duration) -> Option<String> {
        let Some(known) = self.event(given.seq) else { return Some("is not in the log".to_owned()) };
        let same = known.at == given.at
            && known.actor == given.actor
            && known.client_id == given.client_id
            && known.body.kind() == given.body.kind()
            && known.body.target() == given.body.target();
        if !same {
            return Some(format!("is {known:?} in the log"));
        }
        match &given.body {
            EventBody::Message { message } | EventBody::MessageEdited { message } => {
                self.compare_message(message, given.seq, by)
            }
            body if *body != known.body => Some(format!("is {known:?} in the log")),
            _ => None,
        }
    }

    /// What is wrong with a message that is no older than a position and was given by a time.
    pub(super) fn compare_message(&self, message: &Message, since: Seq, by: Duration) -> Option<String> {
        let versions = self.versions.get(&message.seq).map_or(&[][..], Vec::as_slice);
        let Some(first) = versions.iter().rposition(|version| version.from <= since) else {
            return Some("is not in the log".to_owned());
        };
        let fits = |version: &&Version| version.since <= by && version.message == *message;
        if versions[first..].iter().any(|version| fits(&version)) {
            return None;
        }
        Some(format!("has none of these versions: {:?}", &versions[first..]))
    }

    /// What is wrong with a message in an answer of which everything is as of one position.
    pub(super) fn compare_as_of(&self, message: &Message, as_of: Seq) -> Option<String> {
        let versions = self.versions.get(&message.seq).map_or(&[][..], Vec::as_slice);
        match versions.iter().rfind(|version| version.from <= as_of) {
            Some(version) if version.message == *message => None,
            known => Some(format!("is {known:?} as of {as_of}")),
        }
    }

    /// The text of a message as it was sent.
    pub(super) fn sent_text(&self, seq: Seq) -> Option<&str> {
        self.versions.get(&seq)?.first().map(|version| version.message.content.as_str())
    }

    /// Holds what the store gives back against what was committed.
    pub(super) fn check_stored(&self, room: RoomId, page: Option<&EventPage>, found: &mut Findings) {
        let Some(page) = page else {
            found.add(format!("G1: room {room} is gone from the store"));
            return;
        };
        if page.head != self.head() {
            found.add(format!("G1: room {room} has head {} and not {}", page.head, self.head()));
        }
        let mut next = page.floor.next();
        for event in &page.events {
            let event = as_read(event);
            if event.seq != next {
                found.add(format!("log: room {room} has {} in the place of {next}", event.seq));
            }
            if let Some(wrong) = self.compare(&event, Duration::MAX) {
                found.add(format!("G1: room {room}: {event:?} {wrong}"));
            }
            next = event.seq.next();
        }
        if next.back(1) != self.head() {
            found.add(format!("log: room {room} ends at {next}, below its head {}", self.head()));
        }
    }
}
