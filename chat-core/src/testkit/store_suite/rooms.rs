//! Cases of rooms themselves: made, found, changed, deleted.

use std::sync::Arc;

use super::{
    scene::{ALL, Scene},
    words::*,
};
use crate::{
    event::EventBody,
    model::{HistoryMode, Metadata, Pointer, Role, RoomId, RoomKind, Seq, Unread},
    store::{ChangeBody, NewRoom, PointerMove, Refusal, RoomKey, RoomScope, RoomUpdate, RoomsQuery, Store},
};

async fn found(store: &Arc<dyn Store>, key: RoomKey) -> Option<RoomId> {
    store.find_room(&key).await.expect("a healthy store finds rooms")
}

fn of_subject(scene: &Scene<'_>, subject: &str, names: &[&str]) -> NewRoom {
    let mut new = scene.new_room(RoomKind::Group, names);
    new.subject = Some(subject.to_owned());
    new
}

/// A room begins with one event that names it and its members, who have read it.
pub async fn a_room_begins_with_its_members(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Group, &["bob", "ann", "cat"]);
    new.members[1].1 = Role::Moderator;
    new.name = Some("Friends".to_owned());
    new.metadata = metadata("colour", "green");
    let room = scene.make("bob", new).await;
    let log = scene.log(room).await;
    let EventBody::RoomCreated { room: made, members } = &log[0].body else { panic!("{log:?}") };
    assert_eq!((made.id, made.kind, made.name.as_deref()), (room, RoomKind::Group, Some("Friends")));
    assert_eq!((&made.metadata, made.history), (&metadata("colour", "green"), HistoryMode::All));
    assert_eq!((made.created_at, made.created_by.as_ref()), (scene.now(), Some(&user("bob"))));
    let names: Vec<_> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
    assert_eq!(names, [("bob", Role::Owner), ("ann", Role::Moderator), ("cat", Role::Member)]);
    assert_eq!(scene.roles(room).await, "ann Moderator, bob Owner, cat Member");
    for member in scene.members(room).await {
        assert_eq!((member.joined_at, member.muted_until), (scene.now(), None));
        let at = Seq::new(1);
        let pointer = Pointer { user: member.user.clone(), read: at, delivered: at };
        assert_eq!(scene.pointer(member.user.as_str(), room).await, pointer);
    }
    let by_host = scene.make("host", scene.new_room(RoomKind::Public, &[])).await;
    assert_eq!(scene.log(by_host).await[0].actor, None);
    assert_eq!(scene.members(by_host).await, []);
}

/// Two users have one direct room, whoever asks and whoever comes first; it has no other number of members.
pub async fn a_direct_room_is_one_for_its_pair(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.direct(&["bob", "ann"]).await;
    for (who, names) in [("bob", ["bob", "ann"]), ("ann", ["ann", "bob"]), ("host", ["ann", "bob"])] {
        let answer = scene.commit_one(scene.create(who, scene.new_room(RoomKind::Direct, &names))).await;
        assert_eq!(name_of(&answer), "repeat");
        assert_eq!(answer.ok().and_then(|outcome| Some(outcome.event()?.room)), Some(room));
    }
    assert_eq!(scene.log(room).await.len(), 1);
    for other in [["ann", "Bob"], ["ann", "bob "], ["a", "nnbob"], ["ann", "cat"]] {
        assert_ne!(scene.direct(&other).await, room, "{other:?}");
    }
    for names in [&["ann"][..], &["ann", "bob", "cat"], &[]] {
        let answer = scene.commit_one(scene.create("ann", scene.new_room(RoomKind::Direct, names))).await;
        assert!(matches!(answer, Err(Refusal::Invalid { field: "members", .. })), "{answer:?}");
    }
    let group = scene.group(&["ann", "bob"]).await;
    assert_ne!(group, room, "a group of the same two is another room");
    assert_ne!(scene.group(&["ann", "bob"]).await, group);
}

/// A room for a host's object exists once, whoever asks, whatever else is asked for.
pub async fn a_room_for_a_subject_is_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.make("host", of_subject(&scene, "order:17", &["ann"])).await;
    let mut other = of_subject(&scene, "order:17", &["bob", "cat"]);
    other.kind = RoomKind::Public;
    for (who, new) in [("host", of_subject(&scene, "order:17", &["ann"])), ("bob", other)] {
        let answer = scene.commit_one(scene.create(who, new)).await;
        assert_eq!(name_of(&answer), "repeat");
        assert_eq!(answer.ok().and_then(|outcome| Some(outcome.event()?.room)), Some(room));
    }
    assert_eq!(scene.roles(room).await, "ann Owner", "nobody is added by it");
    for subject in ["order:1", "Order:17", "order:17 ", "order:%"] {
        assert_ne!(scene.make("host", of_subject(&scene, subject, &["ann"])).await, room, "{subject}");
    }
}

/// A room that its maker asks for again under a key is the one that stands; the key is the maker's alone.
pub async fn a_room_for_its_makers_key_is_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Group, &["ann", "bob"]);
    new.client_id = Some(key("mine"));
    let room = scene.make("ann", new.clone()).await;
    let answer = scene.commit_one(scene.create("ann", new.clone())).await;
    assert_eq!(name_of(&answer), "repeat");
    assert_eq!(answer.ok().and_then(|outcome| Some(outcome.event()?.room)), Some(room));
    assert_ne!(scene.make("bob", new.clone()).await, room);
    new.client_id = Some(key("Mine"));
    assert_ne!(scene.make("ann", new).await, room);
}

/// A room is found under each of its keys.
pub async fn rooms_are_found_under_their_keys(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let direct = scene.direct(&["bob", "ann"]).await;
    let mut new = of_subject(&scene, "order:17", &["ann"]);
    new.client_id = Some(key("mine"));
    let group = scene.make("ann", new).await;
    for (key, expected) in [
        (RoomKey::direct(&user("ann"), &user("bob")), Some(direct)),
        (RoomKey::direct(&user("bob"), &user("ann")), Some(direct)),
        (RoomKey::direct(&user("ann"), &user("cat")), None),
        (RoomKey::Subject("order:17".to_owned()), Some(group)),
        (RoomKey::Subject("order:18".to_owned()), None),
        (RoomKey::Made(user("ann"), key("mine")), Some(group)),
        (RoomKey::Made(user("bob"), key("mine")), None),
        (RoomKey::Subject("mine".to_owned()), None),
    ] {
        assert_eq!(found(store, key.clone()).await, expected, "{key:?}");
    }
}

/// A subject finds its own room, never that of one that only looks like it, and none where it only looks like one.
pub async fn subjects_are_told_apart_byte_for_byte(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    // Case, blanks, accents composed and not, what patterns and quotes mean, and what sorts as nothing.
    let subjects = [
        "Order",
        "ORDER",
        " Order",
        "Order ",
        "O%",
        "O_der",
        "\u{D6}rder",
        "O\u{308}rder",
        "Order\u{200B}",
        "Ord'er",
        "Ord\\er",
        "\u{FF2F}rder",
    ];
    let (made, not_made) = subjects.split_at(9);
    let mut rooms = Vec::new();
    for subject in made {
        rooms.push(scene.make("host", of_subject(&scene, subject, &["ann"])).await);
    }
    for (subject, room) in made.iter().zip(rooms) {
        assert_eq!(found(store, RoomKey::Subject((*subject).to_owned())).await, Some(room), "{subject:?}");
    }
    for subject in not_made.iter().chain(&["order", "oRDER", "Order  ", "", "Ord", "Orde_", "%"]) {
        assert_eq!(found(store, RoomKey::Subject((*subject).to_owned())).await, None, "{subject:?}");
    }
}

/// Name and data are changed by moderators, the history mode by owners; what is no change is none.
pub async fn a_room_is_changed_part_by_part(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    scene.apply("ann", room, set_role("bob", Role::Moderator)).await;
    scene.wait(1);
    let update = |update| ChangeBody::Update(update);
    let event = scene.apply("bob", room, rename("Friends")).await;
    let EventBody::RoomChanged { room: changed } = event.body else { panic!("{event:?}") };
    assert_eq!(changed.name.as_deref(), Some("Friends"));
    assert_eq!(scene.entry(Some("ann"), room).await.room, changed);
    let data = update(RoomUpdate { metadata: Some(metadata("a", "b")), ..RoomUpdate::default() });
    scene.apply("bob", room, data.clone()).await;
    let mode = |history| update(RoomUpdate { history: Some(history), ..RoomUpdate::default() });
    assert_eq!(scene.verdict("bob", room, mode(HistoryMode::FromJoin)).await, "forbidden");
    assert_eq!(scene.verdict("cat", room, rename("x")).await, "forbidden");
    assert_eq!(scene.verdict("eve", room, rename("x")).await, "room_not_found");
    scene.apply("ann", room, mode(HistoryMode::FromJoin)).await;
    let now = scene.entry(Some("ann"), room).await.room;
    assert_eq!((now.name.as_deref(), &now.metadata), (Some("Friends"), &metadata("a", "b")));
    assert_eq!(
        (now.history, now.kind, now.created_by),
        (HistoryMode::FromJoin, RoomKind::Group, Some(user("ann")))
    );
    for same in [update(RoomUpdate::default()), rename("Friends"), data, mode(HistoryMode::FromJoin)] {
        assert_eq!(scene.verdict("ann", room, same).await, "unchanged");
    }
    let none = RoomUpdate { name: Some(None), metadata: Some(Metadata::default()), history: None };
    scene.apply("host", room, update(none)).await;
    let now = scene.entry(None, room).await.room;
    assert_eq!((now.name, now.metadata.is_empty()), (None, true));
    // Made by the engine, it has an owner too.
    let mut new = scene.new_room(RoomKind::Direct, &["ann", "bob"]);
    new.members[0].1 = Role::Owner;
    let direct = scene.make("ann", new).await;
    assert_eq!(scene.verdict("ann", direct, rename("x")).await, "forbidden");
    assert_eq!(scene.verdict("ann", direct, mode(HistoryMode::FromJoin)).await, "forbidden");
    scene.apply("host", direct, rename("x")).await;
}

/// A deleted room leaves its row and the event that says so; all that was said, all members and bans are gone.
pub async fn a_deleted_room_leaves_nothing_but_its_end(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let other = scene.group(&["ann", "bob"]).await;
    scene.say("ann", other, "stays").await;
    let room = scene.open(&["ann", "bob", "cat"]).await;
    let seq = scene.send("ann", room, scene.naming("hello", &["bob"])).await;
    scene.apply("ann", room, edit(seq, "hello!")).await;
    scene.apply("bob", room, react(seq, THUMB)).await;
    scene.apply("ann", room, ban("cat", None)).await;
    for (who, verdict) in [("bob", "forbidden"), ("eve", "forbidden"), ("cat", "forbidden")] {
        assert_eq!(scene.verdict(who, room, ChangeBody::DeleteRoom).await, verdict, "{who}");
    }
    let end = scene.apply("ann", room, ChangeBody::DeleteRoom).await.seq;
    assert_eq!(end, Seq::new(6));
    for after in [Seq::ZERO, Seq::new(3), end.back(1)] {
        let page = scene.events(room, after, ALL).await;
        assert_eq!((page.head, page.floor, page.events.len()), (end, end.back(1), 1));
        assert_eq!((page.events[0].seq, &page.events[0].body), (end, &EventBody::RoomDeleted {}));
    }
    assert_eq!(scene.events(room, end, ALL).await.events, []);
    assert_eq!(scene.head(room).await, end);
    assert_eq!(scene.page(room, &everything()).await.messages, []);
    let ann = user("ann");
    let left = store.memberships(&ann, None, 9).await.expect("a healthy store reads memberships");
    assert_eq!(left.iter().map(|one| one.room).collect::<Vec<_>>(), [other]);
    let left = store.memberships(&ann, Some(&[room]), 9).await.expect("a healthy store reads memberships");
    assert_eq!(left, []);
    assert_eq!(scene.members(room).await, []);
    assert_eq!(store.versions(room, seq, 9).await.expect("a healthy store reads versions"), []);
    assert_eq!(store.bans(room, 9).await.expect("a healthy store reads bans"), []);
    assert_eq!(store.bans(room, 10).await.expect("a healthy store reads bans"), []);
    assert_eq!(store.pointers(room, 9).await.expect("a healthy store reads pointers"), []);
    let moved = PointerMove { room, user: ann.clone(), read: end, delivered: end };
    assert_eq!(store.advance(&[moved]).await.expect("a healthy store moves pointers"), [None]);
    let unread = store.unread(&user("bob"), &[room, other]).await.expect("a healthy store counts unread");
    assert_eq!(unread, [(other, Unread { read: Seq::new(1), unread: 1, mentions: 0 })]);
    for scope in [RoomScope::These(vec![room]), RoomScope::Public(String::new())] {
        for viewer in [None, Some(ann.clone())] {
            let query = RoomsQuery { viewer, scope: scope.clone(), before: None, limit: 9 };
            assert_eq!(scene.rooms(&query).await, [], "{query:?}");
        }
    }
    let query = RoomsQuery { viewer: Some(ann), scope: RoomScope::Joined, before: None, limit: 9 };
    assert_eq!(scene.rooms(&query).await.len(), 1);
    assert_eq!(scene.history(other, None).await.len(), 1);
}

/// A deleted room takes no change of any kind, from nobody.
pub async fn a_deleted_room_takes_no_change(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    scene.say("ann", room, "hello").await;
    scene.apply("host", room, ChangeBody::DeleteRoom).await;
    for who in ["ann", "bob", "eve", "host"] {
        for body in everything_asked(&scene) {
            assert_eq!(scene.verdict(who, room, body.clone()).await, "room_not_found", "{who}: {body:?}");
        }
    }
}

/// The pair, subject and key of a deleted room are free: what is made under them is another room.
pub async fn the_keys_of_a_deleted_room_are_free(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = of_subject(&scene, "order:17", &["ann"]);
    new.client_id = Some(key("mine"));
    for new in [new, scene.new_room(RoomKind::Direct, &["ann", "bob"])] {
        let first = scene.make("ann", new.clone()).await;
        scene.apply("host", first, ChangeBody::DeleteRoom).await;
        for key in [
            RoomKey::Subject("order:17".to_owned()),
            RoomKey::Made(user("ann"), key("mine")),
            RoomKey::direct(&user("ann"), &user("bob")),
        ] {
            assert_eq!(found(store, key).await, None);
        }
        let second = scene.make("ann", new.clone()).await;
        assert_ne!(first, second);
        assert_eq!(scene.kinds(second).await, ["room_created"]);
        assert_eq!(scene.kinds(first).await, ["room_deleted"]);
        scene.apply("host", second, ChangeBody::DeleteRoom).await;
    }
}
