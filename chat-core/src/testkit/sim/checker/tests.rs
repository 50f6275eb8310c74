//! Histories written by hand, each with one promise broken.

use std::{collections::BTreeMap, time::Duration};

use super::{Stored, check};
use crate::{
    event::{Event, EventBody},
    model::{
        ClientId, LeaveReason, Member, Membership, Message, MessageId, MessageKind, Metadata, Role, Room,
        RoomId, RoomKind, Seq, Timestamp, UserId,
    },
    protocol::Hello,
    store::EventPage,
    testkit::sim::{
        frame::Seen,
        record::{Asked, Note, Record, What},
        witness::{Committed, Logs},
    },
};

fn room() -> RoomId {
    RoomId::new(1).unwrap()
}

fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

fn key(key: &str) -> ClientId {
    ClientId::new(key).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_micros(1_000_000)
}

/// A log with ann in its room, and what a client of hers sees.
struct Scene {
    log: Vec<Committed>,
    notes: Vec<Note>,
    is_member: bool,
}

impl Scene {
    fn new() -> Self {
        let member = Member { user: ann(), role: Role::Owner, joined_at: at(), muted_until: None };
        let body =
            EventBody::RoomCreated { room: Room::new(room(), RoomKind::Group, at()), members: vec![member] };
        let mut scene = Self { log: Vec::new(), notes: Vec::new(), is_member: true };
        scene.commit(None, None, body);
        scene.note(What::Begins { hello: Hello::default() });
        scene.sees(Seen::Welcome {
            epoch: "epoch".to_owned(),
            reset: false,
            heads: BTreeMap::from([(room(), Seq::new(1))]),
            gone: Vec::new(),
            rooms: Vec::new(),
        });
        scene
    }

    fn commit(&mut self, actor: Option<UserId>, client_id: Option<ClientId>, body: EventBody) -> Event {
        let seq = Seq::new(self.log.len() as u64 + 1);
        let event = Event { room: room(), seq, at: at(), actor, client_id, body };
        self.log.push(Committed { event: event.clone(), at: Duration::ZERO });
        event
    }

    fn commit_message(&mut self, client_id: &str) -> Event {
        let seq = Seq::new(self.log.len() as u64 + 1);
        let message = Message {
            id: MessageId::new(i64::try_from(seq.get()).unwrap()).unwrap(),
            room_id: room(),
            seq,
            sender: Some(ann()),
            kind: MessageKind::text(),
            content: client_id.to_owned(),
            at: at(),
            edited_at: None,
            version: 1,
            deleted: false,
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        };
        self.commit(Some(ann()), Some(key(client_id)), EventBody::Message { message })
    }

    fn commit_removal(&mut self) -> Event {
        self.is_member = false;
        let body = EventBody::MemberLeft { user: ann(), reason: LeaveReason::Removed, successor: None };
        self.commit(None, None, body)
    }

    fn note(&mut self, what: What) {
        self.notes.push(Note { at: Duration::from_secs(1), what });
    }

    fn sees(&mut self, seen: Seen) {
        self.note(What::Sees(seen));
    }

    fn given(&mut self, event: &Event) {
        self.sees(Seen::Event(Box::new(event.clone())));
    }

    fn asks(&mut self, id: u64, client_id: &str) {
        let asked = Asked::Send { room: room(), client_id: key(client_id), content: client_id.to_owned() };
        self.note(What::Asks { id, asked });
    }

    fn told(&mut self, id: u64, event: &Event) {
        let EventBody::Message { message } = &event.body else { panic!("no message") };
        let message = Some(Box::new(message.clone()));
        self.sees(Seen::Ok { id, seq: Some(event.seq), message, repeat: false, page: None });
    }

    /// Asks for a message, is told and given it.
    fn says(&mut self, id: u64, client_id: &str) {
        self.asks(id, client_id);
        let event = self.commit_message(client_id);
        self.told(id, &event);
        self.given(&event);
    }

    fn violations(self) -> Vec<String> {
        let head = Seq::new(self.log.len() as u64);
        let events = self.log.iter().map(|committed| committed.event.clone()).collect();
        let page = EventPage { events, head, floor: Seq::ZERO };
        let membership =
            Membership { room: room(), role: Role::Owner, head, visible_from: Seq::ZERO, member_count: 1 };
        let memberships = vec![if self.is_member { vec![membership] } else { Vec::new() }];
        let stored = Stored { logs: BTreeMap::from([(room(), page)]), memberships };
        let record = Record { client: 0, user: ann(), notes: self.notes, is_open: true };
        check(&[record], &Logs::from([(room(), self.log)]), &stored).violations
    }

    fn must_be_found(self, promise: &str) {
        let violations = self.violations();
        assert!(violations.iter().any(|violation| violation.starts_with(promise)), "{violations:?}");
    }
}

#[test]
fn what_is_kept_is_not_found_fault_with() {
    let mut scene = Scene::new();
    scene.says(1, "a");
    scene.says(2, "b");
    assert_eq!(scene.violations(), Vec::<String>::new());
}

#[test]
fn commands_that_changed_places() {
    let mut scene = Scene::new();
    scene.asks(1, "a");
    scene.asks(2, "b");
    let (b, a) = (scene.commit_message("b"), scene.commit_message("a"));
    scene.told(1, &a);
    scene.told(2, &b);
    scene.given(&b);
    scene.given(&a);
    scene.must_be_found("G9");
}

#[test]
fn a_message_that_is_stored_twice() {
    let mut scene = Scene::new();
    scene.says(1, "a");
    let again = scene.commit_message("a");
    scene.given(&again);
    scene.must_be_found("G4");
}

#[test]
fn a_message_that_nobody_sent() {
    let mut scene = Scene::new();
    let message = scene.commit_message("a");
    scene.given(&message);
    scene.must_be_found("G4");
}

#[test]
fn a_message_that_was_refused_and_stored() {
    let mut scene = Scene::new();
    scene.asks(1, "a");
    scene.sees(Seen::Error { id: Some(1), code: "unavailable".to_owned() });
    let message = scene.commit_message("a");
    scene.given(&message);
    scene.must_be_found("G5");
}

#[test]
fn a_message_that_was_acknowledged_and_not_stored() {
    let mut scene = Scene::new();
    scene.asks(1, "a");
    let message = scene.commit_message("a");
    scene.log.pop();
    scene.told(1, &message);
    scene.must_be_found("G1");
}

#[test]
fn a_tail_that_never_came() {
    let mut scene = Scene::new();
    scene.says(1, "a");
    scene.asks(2, "b");
    let b = scene.commit_message("b");
    scene.told(2, &b);
    scene.must_be_found("G2");
}

#[test]
fn a_removal_that_was_never_told() {
    let mut scene = Scene::new();
    scene.commit_removal();
    scene.must_be_found("G6");
}

#[test]
fn what_came_after_a_removal() {
    let mut scene = Scene::new();
    let removal = scene.commit_removal();
    let body = EventBody::RoomChanged { room: Room::new(room(), RoomKind::Public, at()) };
    let after = scene.commit(None, None, body);
    scene.given(&removal);
    scene.given(&after);
    scene.must_be_found("G6");
}

#[test]
fn a_page_that_shows_what_came_after_a_removal() {
    let mut scene = Scene::new();
    scene.commit_removal();
    let body = EventBody::RoomChanged { room: Room::new(room(), RoomKind::Public, at()) };
    let after = scene.commit(None, None, body);
    let (since, head) = (Seq::new(2), after.seq);
    scene.note(What::Read { room: room(), since, events: vec![after], head });
    scene.must_be_found("G6");
}

#[test]
fn a_command_that_was_never_answered() {
    let mut scene = Scene::new();
    scene.note(What::Asks { id: 1, asked: Asked::Other });
    scene.must_be_found("protocol");
}

#[test]
fn a_message_of_who_is_no_member() {
    let mut scene = Scene::new();
    scene.commit_removal();
    scene.asks(1, "a");
    scene.commit_message("a");
    scene.must_be_found("G8");
}
