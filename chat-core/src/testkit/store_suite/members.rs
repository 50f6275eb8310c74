//! Cases of members: added, joining, leaving, removed, and what they may read.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    event::EventBody,
    model::{HistoryMode, LeaveReason, Membership, Role, RoomId, RoomKind, Seq},
    store::{ChangeBody, NewMessage, RoomUpdate, Store},
};

async fn membership(store: &Arc<dyn Store>, who: &str, room: RoomId) -> Option<Membership> {
    let found = store.memberships(&user(who), Some(&[room]), 10).await;
    found.expect("a healthy store reads memberships").pop()
}

/// One who is added or joins is a member from that event on, has read up to it, and is counted.
pub async fn a_member_begins_at_the_join(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    scene.say("ann", room, "before").await;
    scene.wait(5);
    for (who, name, body) in [
        ("ann", "cat", add("cat")),
        ("ann", "dan", add_as("dan", Role::Moderator)),
        ("eve", "eve", ChangeBody::Join),
        ("host", "fay", add_as("fay", Role::Owner)),
    ] {
        let event = scene.apply(who, room, body).await;
        let EventBody::MemberJoined { member } = event.body else { panic!("{event:?}") };
        assert_eq!((&member.user, member.joined_at, member.muted_until), (&user(name), scene.now(), None));
        assert!(scene.members(room).await.contains(&member), "{member:?}");
        let pointer = scene.pointer(name, room).await;
        assert_eq!((pointer.read, pointer.delivered), (event.seq, event.seq));
        assert_eq!(scene.unread(name, room).await.unread, 0);
        let standing = membership(store, name, room).await.expect("a member");
        let expected = Membership {
            room,
            role: member.role,
            head: event.seq,
            visible_from: Seq::ZERO,
            member_count: scene.members(room).await.len() as u32,
        };
        assert_eq!(standing, expected);
    }
    assert_eq!(
        scene.roles(room).await,
        "ann Owner, bob Member, cat Member, dan Moderator, eve Member, fay Owner"
    );
}

/// Adding or joining where one is a member changes nothing, not even the role.
pub async fn a_member_is_added_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    assert_eq!(scene.verdict("ann", room, add("bob")).await, "unchanged");
    assert_eq!(scene.verdict("ann", room, add_as("bob", Role::Moderator)).await, "unchanged");
    assert_eq!(scene.verdict("host", room, add_as("bob", Role::Owner)).await, "unchanged");
    assert_eq!(scene.verdict("bob", room, ChangeBody::Join).await, "unchanged");
    assert_eq!(scene.verdict("ann", room, ChangeBody::Join).await, "unchanged");
    assert_eq!(scene.roles(room).await, "ann Owner, bob Member");
    assert_eq!(scene.entry(None, room).await.member_count, 2);
}

/// Anyone joins an open room; a group does not tell that it is there; the host joins nothing.
pub async fn open_rooms_alone_are_joined(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let group = scene.group(&["ann", "bob"]).await;
    let direct = scene.direct(&["ann", "bob"]).await;
    for room in [group, direct] {
        assert_eq!(scene.verdict("eve", room, ChangeBody::Join).await, "room_not_found");
        assert_eq!(scene.verdict("bob", room, ChangeBody::Join).await, "unchanged");
    }
    let open = scene.open(&["ann"]).await;
    scene.apply("eve", open, ChangeBody::Join).await;
    for room in [group, direct, open] {
        assert_eq!(scene.verdict("host", room, ChangeBody::Join).await, "forbidden");
    }
    scene.say("eve", open, "hello").await;
}

/// Who leaves or is removed is no member from that event on, by any read; to leave one must be there.
pub async fn who_goes_is_no_member(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat", "dan"]).await;
    for (who, name, body, reason) in [
        ("bob", "bob", ChangeBody::Leave, LeaveReason::Left),
        ("ann", "cat", remove("cat"), LeaveReason::Removed),
        ("host", "dan", remove("dan"), LeaveReason::Removed),
    ] {
        scene.send("ann", room, scene.naming("hello", &[name])).await;
        let event = scene.apply(who, room, body).await;
        assert_eq!(event.body, EventBody::MemberLeft { user: user(name), reason, successor: None });
        assert_eq!(membership(store, name, room).await, None);
        let all = store.memberships(&user(name), None, 10).await;
        assert_eq!(all.expect("a healthy store reads memberships"), []);
        let unread = store.unread(&user(name), &[room]).await.expect("a healthy store counts unread");
        assert_eq!(unread, []);
        assert!(scene.members(room).await.iter().all(|member| member.user != user(name)));
        let pointers = store.pointers(room, 10).await.expect("a healthy store reads pointers");
        assert!(pointers.iter().all(|pointer| pointer.user != user(name)));
        for body in [ChangeBody::Leave, ChangeBody::Send(scene.text("x")), react(Seq::new(2), THUMB)] {
            assert_eq!(scene.verdict(name, room, body).await, "room_not_found");
        }
        assert_eq!(scene.verdict("ann", room, remove(name)).await, "not_found");
    }
    assert_eq!(scene.entry(None, room).await.member_count, 1);
    let open = scene.open(&["ann"]).await;
    assert_eq!(scene.verdict("eve", open, ChangeBody::Leave).await, "forbidden");
}

/// A direct room keeps its two members as they are, whoever asks.
pub async fn a_direct_room_keeps_its_members(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Direct, &["ann", "bob"]);
    new.members[0].1 = Role::Owner;
    let room = scene.make("ann", new).await;
    for who in ["ann", "host"] {
        for body in [
            add("cat"),
            remove("bob"),
            ban("bob", None),
            mute("bob", Some(scene.then(60))),
            set_role("bob", Role::Moderator),
            transfer("bob"),
            ChangeBody::Leave,
        ] {
            assert_eq!(scene.verdict(who, room, body.clone()).await, "forbidden", "{who}: {body:?}");
        }
    }
    scene.say("bob", room, "hello").await;
}

/// Who comes back begins anew: as a plain member, with the pointers at the new join.
pub async fn who_comes_back_begins_anew(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    scene.apply("ann", room, set_role("bob", Role::Moderator)).await;
    scene.send("ann", room, scene.naming("hello", &["bob"])).await;
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.send("ann", room, scene.naming("hello", &["bob"])).await;
    scene.wait(60);
    let seq = scene.apply("bob", room, ChangeBody::Join).await.seq;
    assert_eq!(scene.roles(room).await, "ann Owner, bob Member");
    let pointer = scene.pointer("bob", room).await;
    assert_eq!((pointer.read, pointer.delivered), (seq, seq));
    let unread = scene.unread("bob", room).await;
    assert_eq!((unread.unread, unread.mentions), (0, 0));
    scene.send("ann", room, scene.naming("hello", &["bob"])).await;
    let unread = scene.unread("bob", room).await;
    assert_eq!((unread.unread, unread.mentions), (1, 1));
    assert_eq!(scene.members(room).await[1].joined_at, scene.now());
}

/// Where the room says so, a member's log begins with the own join; those who were there keep what they had.
pub async fn history_may_begin_with_the_join(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Public, &["ann"]);
    new.history = HistoryMode::FromJoin;
    let room = scene.make("ann", new).await;
    let visible_from = async |who| membership(store, who, room).await.map(|one| one.visible_from);
    scene.say("ann", room, "hello").await;
    let bob = scene.apply("bob", room, ChangeBody::Join).await.seq;
    let cat = scene.apply("ann", room, add("cat")).await.seq;
    assert_eq!(visible_from("ann").await, Some(Seq::ZERO));
    assert_eq!(visible_from("bob").await, Some(bob.back(1)), "the join itself is seen");
    assert_eq!(visible_from("cat").await, Some(cat.back(1)));
    scene.apply("ann", room, set_role("bob", Role::Moderator)).await;
    assert_eq!(visible_from("bob").await, Some(bob.back(1)), "a role moves nothing");
    let mode = |history| ChangeBody::Update(RoomUpdate { history: Some(history), ..RoomUpdate::default() });
    scene.apply("ann", room, mode(HistoryMode::All)).await;
    assert_eq!(visible_from("bob").await, Some(bob.back(1)));
    scene.apply("dan", room, ChangeBody::Join).await;
    assert_eq!(visible_from("dan").await, Some(Seq::ZERO));
    scene.apply("ann", room, mode(HistoryMode::FromJoin)).await;
    assert_eq!(visible_from("dan").await, Some(Seq::ZERO));
    scene.apply("dan", room, ChangeBody::Leave).await;
    let again = scene.apply("dan", room, ChangeBody::Join).await.seq;
    assert_eq!(visible_from("dan").await, Some(again.back(1)));
}

/// A message from before the own log begins is not there for a member: not to quote, edit, delete or react to.
pub async fn hidden_messages_are_no_targets(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Public, &["ann", "bob"]);
    new.history = HistoryMode::FromJoin;
    let room = scene.make("ann", new).await;
    let (hidden, of_ann) = (scene.say("bob", room, "bob's own").await, scene.say("ann", room, "x").await);
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.apply("bob", room, ChangeBody::Join).await;
    scene.apply("ann", room, set_role("bob", Role::Moderator)).await;
    for target in [hidden, of_ann] {
        for body in [edit(target, "y"), delete(target), react(target, THUMB), unreact(target, THUMB)] {
            assert_eq!(scene.verdict("bob", room, body.clone()).await, "not_found", "{body:?}");
        }
        for (reply_to, thread) in [(Some(target), None), (None, Some(target))] {
            let message = NewMessage { reply_to, thread, ..scene.text("x") };
            assert_eq!(scene.verdict("bob", room, ChangeBody::Send(message)).await, "invalid");
        }
    }
    let seen = scene.say("ann", room, "seen").await;
    let message = NewMessage { reply_to: Some(seen), thread: Some(seen), ..scene.text("x") };
    scene.apply("bob", room, ChangeBody::Send(message)).await;
    scene.apply("bob", room, delete(seen)).await;
    scene.apply("ann", room, react(hidden, THUMB)).await;
    scene.apply("host", room, delete(of_ann)).await;
}
