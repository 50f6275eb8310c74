//! Short words for what the tests ask of a store.

use chat_core::{
    Event,
    model::{ClientId, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Seq, Timestamp, UserId},
    store::{
        Actor, Change, ChangeBody, EventLimit, LogStore as _, NewMessage, NewRoom, Outcome, Refusal, Require,
    },
};
use chat_store_postgres::PostgresStore;

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn key(n: usize) -> ClientId {
    ClientId::new(format!("key {n}")).unwrap()
}

/// A change by ann.
pub(crate) fn change(room: Option<RoomId>, body: ChangeBody) -> Change {
    let actor = Actor::User(user("ann"));
    Change { room, actor, at: Timestamp::from_micros(1), require: Require::NOTHING, body }
}

/// The same by someone else, who must be a member.
pub(crate) fn by(name: &str, change: Change) -> Change {
    Change { actor: Actor::User(user(name)), require: Require::WRITER, ..change }
}

/// A send by ann, under the n-th key.
pub(crate) fn send(room: RoomId, n: usize) -> Change {
    change(
        Some(room),
        ChangeBody::Send(NewMessage {
            client_id: key(n),
            digest: [1; 16],
            kind: MessageKind::text(),
            content: format!("message {n}"),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }),
    )
}

pub(crate) fn delete(room: RoomId, target: Seq) -> Change {
    change(Some(room), ChangeBody::Delete { target })
}

pub(crate) fn remove(room: RoomId, name: &str) -> Change {
    change(Some(room), ChangeBody::Remove { user: user(name) })
}

/// A room of ann, who owns it, and bob.
pub(crate) fn create() -> Change {
    create_for(None)
}

/// The same, for an object of the host's.
pub(crate) fn create_for(subject: Option<&str>) -> Change {
    change(
        None,
        ChangeBody::Create(NewRoom {
            kind: RoomKind::Group,
            name: None,
            metadata: Metadata::default(),
            subject: subject.map(str::to_owned),
            history: HistoryMode::All,
            members: vec![(user("ann"), Role::Owner), (user("bob"), Role::Member)],
            client_id: None,
        }),
    )
}

/// A direct room of ann, who makes it, and bob.
pub(crate) fn create_direct() -> Change {
    let mut direct = create();
    if let ChangeBody::Create(new) = &mut direct.body {
        new.kind = RoomKind::Direct;
        new.members = vec![(user("ann"), Role::Member), (user("bob"), Role::Member)];
    }
    direct
}

/// ann becomes a member, as ann herself asks for it.
pub(crate) fn add_ann(room: RoomId) -> Change {
    change(Some(room), ChangeBody::AddMember { user: user("ann"), role: Role::Member })
}

/// Commits one change.
pub(crate) async fn commit(store: &PostgresStore, change: Change) -> Result<Outcome, Refusal> {
    store.commit(vec![change]).await.unwrap().pop().unwrap()
}

/// A new room.
pub(crate) async fn room(store: &PostgresStore) -> RoomId {
    commit(store, create()).await.unwrap().event().unwrap().room
}

/// Commits as the engine does: what someone else holds is asked again, by itself.
pub(crate) async fn commit_surely(store: &PostgresStore, change: Change) -> Result<Outcome, Refusal> {
    let mut answer = commit(store, change.clone()).await;
    while answer == Err(Refusal::Held) {
        answer = store.commit_held(vec![change.clone()]).await.unwrap().pop().unwrap();
    }
    answer
}

pub(crate) async fn head(store: &PostgresStore, room: RoomId) -> Seq {
    store.heads(&[room]).await.unwrap()[0].head
}

pub(crate) async fn assert_sound(store: &PostgresStore) {
    let damage = store.verify().await.unwrap();
    assert!(damage.is_empty(), "{damage:#?}");
}

/// All events of a room.
pub(crate) async fn log(store: &PostgresStore, room: RoomId) -> Vec<Event> {
    let all = EventLimit { events: 100_000, bytes: usize::MAX };
    store.events(room, Seq::ZERO, all).await.unwrap().events
}
