//! What a case works with: a store, a time that it moves itself, and what must hold of every answer.

use std::{cell::Cell, sync::Arc, time::Duration};

use super::words::{actor, name_of, require_of, user};
use crate::{
    event::{Event, EventBody},
    model::{
        ClientId, HistoryMode, Member, MessageKind, MessageView, Metadata, Pointer, Role, RoomEntry, RoomId,
        RoomKind, Seq, Timestamp, Unread,
    },
    store::{
        Change, ChangeBody, EventLimit, EventPage, MessagePage, MessageQuery, NewMessage, NewRoom, Outcome,
        Range, Refusal, Require, RoomScope, RoomsQuery, Store,
    },
};

pub(super) type Answer = Result<Outcome, Refusal>;

/// All of a log.
pub(super) const ALL: EventLimit = EventLimit { events: 100_000, bytes: usize::MAX };

/// When a case begins; not a whole millisecond.
const BEGIN: Timestamp = Timestamp::from_micros(1_700_000_000_123_457);

pub(super) struct Scene<'s> {
    pub(super) store: &'s Arc<dyn Store>,
    now: Cell<Timestamp>,
    keys: Cell<u64>,
}

impl<'s> Scene<'s> {
    pub(super) const fn of(store: &'s Arc<dyn Store>) -> Self {
        Self { store, now: Cell::new(BEGIN), keys: Cell::new(0) }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now.get()
    }

    /// So many seconds from now.
    pub(super) fn then(&self, seconds: u64) -> Timestamp {
        self.now().plus(Duration::from_secs(seconds))
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.now.set(self.then(seconds));
    }

    /// A key that was not used in this case.
    pub(super) fn key(&self) -> ClientId {
        self.keys.set(self.keys.get() + 1);
        ClientId::new(format!("key {}", self.keys.get())).expect("a short key")
    }

    /// A plain message under a key of its own.
    pub(super) fn text(&self, content: &str) -> NewMessage {
        NewMessage {
            client_id: self.key(),
            digest: [7; 16],
            kind: MessageKind::text(),
            content: content.to_owned(),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }
    }

    /// A message of the host that does not count as unread.
    pub(super) fn notice(&self, content: &str) -> NewMessage {
        NewMessage { kind: MessageKind::system(), ..self.text(content) }
    }

    /// A message that names users.
    pub(super) fn naming(&self, content: &str, names: &[&str]) -> NewMessage {
        NewMessage { mentions: names.iter().map(|name| user(name)).collect(), ..self.text(content) }
    }

    /// A change by a user, or by `host`, with what the engine requires for it.
    pub(super) fn change(&self, who: &str, room: RoomId, body: ChangeBody) -> Change {
        let require = require_of(&body);
        Change { room: Some(room), actor: actor(who), at: self.now(), require, body }
    }

    pub(super) fn create(&self, who: &str, room: NewRoom) -> Change {
        let body = ChangeBody::Create(room);
        Change { room: None, actor: actor(who), at: self.now(), require: Require::NOTHING, body }
    }

    pub(super) async fn commit(&self, changes: Vec<Change>) -> Vec<Answer> {
        let count = changes.len();
        let answers = self.store.commit(changes).await.expect("a healthy store commits");
        assert_eq!(answers.len(), count, "one answer a change");
        answers
    }

    /// Commits one change and looks at what must hold of every answer: an applied change is at the next position and
    /// is read back as answered, every other one takes no position.
    pub(super) async fn commit_one(&self, change: Change) -> Answer {
        let before = match change.room {
            Some(room) => self.head(room).await,
            None => Seq::ZERO,
        };
        let (room, by) = (change.room, change.actor.user().cloned());
        let at = change.at;
        let answer = self.commit(vec![change]).await.remove(0);
        match &answer {
            Ok(Outcome::Applied(event)) => {
                assert_eq!(event.seq, before.next(), "the next position: {event:?}");
                assert!(room.is_none_or(|room| room == event.room), "another room: {event:?}");
                assert_eq!((&event.actor, event.at.max(at)), (&by, event.at), "{event:?}");
                let page = self.events(event.room, before, ALL).await;
                assert_eq!(page.events, [Event::clone(event)], "read back as answered");
                assert_eq!(page.head, event.seq, "the head is the newest event's position");
            }
            _ => {
                if let Some(room) = room {
                    assert_eq!(self.head(room).await, before, "no position for {answer:?}");
                }
            }
        }
        answer
    }

    pub(super) async fn ask(&self, who: &str, room: RoomId, body: ChangeBody) -> Answer {
        self.commit_one(self.change(who, room, body)).await
    }

    /// The name of what comes of a change.
    pub(super) async fn verdict(&self, who: &str, room: RoomId, body: ChangeBody) -> &'static str {
        name_of(&self.ask(who, room, body).await)
    }

    /// Makes a change that must be applied.
    pub(super) async fn apply(&self, who: &str, room: RoomId, body: ChangeBody) -> Event {
        let shown = format!("{who}: {body:?}");
        match self.ask(who, room, body).await {
            Ok(Outcome::Applied(event)) => event,
            other => panic!("{shown}: to be applied, not {other:?}"),
        }
    }

    /// Makes a room that is not there yet.
    pub(super) async fn make(&self, who: &str, room: NewRoom) -> RoomId {
        match self.commit_one(self.create(who, room)).await {
            Ok(Outcome::Applied(event)) => event.room,
            other => panic!("a room was to be made, not {other:?}"),
        }
    }

    /// A group: the first owns it, the others are members.
    pub(super) async fn group(&self, names: &[&str]) -> RoomId {
        self.make(names[0], self.new_room(RoomKind::Group, names)).await
    }

    /// An open room: the first owns it, the others are members.
    pub(super) async fn open(&self, names: &[&str]) -> RoomId {
        self.make(names[0], self.new_room(RoomKind::Public, names)).await
    }

    pub(super) async fn direct(&self, names: &[&str; 2]) -> RoomId {
        self.make(names[0], self.new_room(RoomKind::Direct, names)).await
    }

    /// A room as it is asked for: the first member owns it but for a direct one.
    pub(super) fn new_room(&self, kind: RoomKind, names: &[&str]) -> NewRoom {
        let role = |at: usize| match at {
            0 if kind != RoomKind::Direct => Role::Owner,
            _ => Role::Member,
        };
        NewRoom {
            kind,
            name: None,
            metadata: Metadata::default(),
            subject: None,
            history: HistoryMode::All,
            members: names.iter().enumerate().map(|(at, name)| (user(name), role(at))).collect(),
            client_id: None,
        }
    }

    /// Sends a text that is taken.
    pub(super) async fn say(&self, who: &str, room: RoomId, content: &str) -> Seq {
        self.send(who, room, self.text(content)).await
    }

    /// Sends a message that is taken.
    pub(super) async fn send(&self, who: &str, room: RoomId, message: NewMessage) -> Seq {
        self.apply(who, room, ChangeBody::Send(message)).await.seq
    }

    /// The head of a room; zero for an unknown one.
    pub(super) async fn head(&self, room: RoomId) -> Seq {
        let heads = self.store.heads(&[room]).await.expect("a healthy store reads heads");
        heads.first().map_or(Seq::ZERO, |head| head.head)
    }

    pub(super) async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> EventPage {
        self.store.events(room, after, limit).await.expect("a healthy store reads events")
    }

    /// The whole log, of which every position from the floor to the head is there.
    pub(super) async fn log(&self, room: RoomId) -> Vec<Event> {
        let page = self.events(room, Seq::ZERO, ALL).await;
        let positions: Vec<u64> = page.events.iter().map(|event| event.seq.get()).collect();
        let expected: Vec<u64> = (page.floor.get() + 1..=page.head.get()).collect();
        assert_eq!(positions, expected, "every position once, from the floor to the head");
        page.events
    }

    /// The kinds of the events of a log.
    pub(super) async fn kinds(&self, room: RoomId) -> Vec<&'static str> {
        self.log(room).await.iter().map(|event| event.body.kind()).collect()
    }

    pub(super) async fn page(&self, room: RoomId, query: &MessageQuery) -> MessagePage {
        self.store.messages(room, query).await.expect("a healthy store reads messages")
    }

    /// All messages of a room as one who sees everything reads them.
    pub(super) async fn history(&self, room: RoomId, viewer: Option<&str>) -> Vec<MessageView> {
        let query = MessageQuery {
            viewer: viewer.map(user),
            range: Range::After(Seq::ZERO),
            thread: None,
            visible_from: Seq::ZERO,
            limit: 100_000,
        };
        self.page(room, &query).await.messages
    }

    /// One message as everyone reads it now.
    pub(super) async fn message(&self, room: RoomId, seq: Seq) -> MessageView {
        let found = self.history(room, None).await.into_iter().find(|view| view.message.seq == seq);
        found.unwrap_or_else(|| panic!("no message at {seq}"))
    }

    pub(super) async fn unread(&self, who: &str, room: RoomId) -> Unread {
        let unread = self.store.unread(&user(who), &[room]).await.expect("a healthy store counts unread");
        assert_eq!(unread.len(), 1, "{who} is a member");
        unread[0].1
    }

    pub(super) async fn members(&self, room: RoomId) -> Vec<Member> {
        self.store.members(room, None, 1_000).await.expect("a healthy store reads members")
    }

    /// Members with their roles, as text.
    pub(super) async fn roles(&self, room: RoomId) -> String {
        let members = self.members(room).await;
        let shown = members.iter().map(|member| format!("{} {:?}", member.user, member.role));
        shown.collect::<Vec<_>>().join(", ")
    }

    pub(super) async fn pointer(&self, who: &str, room: RoomId) -> Pointer {
        let pointers = self.store.pointers(room, 1_000).await.expect("a healthy store reads pointers");
        let found = pointers.into_iter().find(|pointer| pointer.user == user(who));
        found.unwrap_or_else(|| panic!("{who} has no pointers"))
    }

    pub(super) async fn rooms(&self, query: &RoomsQuery) -> Vec<RoomEntry> {
        self.store.rooms(query).await.expect("a healthy store lists rooms")
    }

    /// A room as a user sees it in a list, or as the host does.
    pub(super) async fn entry(&self, viewer: Option<&str>, room: RoomId) -> RoomEntry {
        let scope = RoomScope::These(vec![room]);
        let query = RoomsQuery { viewer: viewer.map(user), scope, before: None, limit: 10 };
        let mut rooms = self.rooms(&query).await;
        assert_eq!(rooms.len(), 1, "the room is there");
        rooms.remove(0)
    }
}

/// The message of an event that carries one.
pub(super) fn carried(event: &Event) -> &crate::model::Message {
    match &event.body {
        EventBody::Message { message } | EventBody::MessageEdited { message } => message,
        other => panic!("a message was due, not {other:?}"),
    }
}
