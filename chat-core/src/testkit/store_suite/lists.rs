//! Cases of lists: rooms, memberships, members, acquaintances.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{HistoryMode, Member, Membership, Role, RoomEntry, RoomId, RoomKind, Seq, UserId},
    store::{PREVIEW_CHARS, PointerMove, RoomScope, RoomsQuery, Store},
};

fn joined(who: &str, limit: usize) -> RoomsQuery {
    RoomsQuery { viewer: Some(user(who)), scope: RoomScope::Joined, before: None, limit }
}

fn ids(entries: &[RoomEntry]) -> Vec<RoomId> {
    entries.iter().map(|entry| entry.room.id).collect()
}

/// The rooms of a user come latest activity first, the greater id of two at once; each page goes on below the last.
pub async fn rooms_are_listed_by_activity(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut rooms = Vec::new();
    for _ in 0..7 {
        rooms.push(scene.group(&["ann", "bob"]).await);
    }
    scene.group(&["bob"]).await;
    let by_id: Vec<_> = rooms.iter().rev().copied().collect();
    assert_eq!(ids(&scene.rooms(&joined("ann", 100)).await), by_id, "all at one time");
    scene.wait(1);
    scene.say("bob", rooms[2], "hello").await;
    scene.wait(1);
    scene.apply("ann", rooms[5], rename("x")).await;
    scene.wait(1);
    scene.apply("bob", rooms[2], react(Seq::new(2), THUMB)).await;
    scene.say("bob", rooms[0], "hello").await;
    let expected = [2, 0, 5, 6, 4, 3, 1].map(|n: usize| rooms[n]);
    let all = scene.rooms(&joined("ann", 100)).await;
    assert_eq!(ids(&all), expected);
    assert_eq!(all[0].updated_at, scene.now());
    let (mut got, mut query) = (Vec::new(), joined("ann", 2));
    loop {
        let page = scene.rooms(&query).await;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        query.before = Some(last.activity);
        got.extend(page);
        assert!(got.len() <= all.len(), "a page after the last");
    }
    assert_eq!(got, all);
    let pointer =
        PointerMove { room: rooms[1], user: user("ann"), read: Seq::new(1), delivered: Seq::new(1) };
    store.advance(&[pointer]).await.expect("a healthy store moves pointers");
    assert_eq!(ids(&scene.rooms(&joined("ann", 100)).await), expected, "reading is no activity");
    assert_eq!(scene.rooms(&joined("eve", 100)).await, []);
}

/// A room in a list says what it is, and how the reader stands in it.
pub async fn a_listed_room_says_how_one_stands(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Group, &["ann", "bob"]);
    (new.name, new.metadata) = (Some("Friends".to_owned()), metadata("a", "b"));
    let room = scene.make("ann", new).await;
    scene.send("ann", room, scene.naming("one", &["bob"])).await;
    let last = scene.say("ann", room, "two").await;
    scene.wait(4);
    scene.apply("bob", room, react(last, THUMB)).await;
    for query in [
        joined("bob", 10),
        RoomsQuery { scope: RoomScope::These(vec![room, nowhere(), room]), ..joined("bob", 10) },
    ] {
        let entries = scene.rooms(&query).await;
        assert_eq!(entries.len(), 1, "{query:?}");
        let entry = &entries[0];
        assert_eq!(
            (entry.room.name.as_deref(), &entry.room.metadata),
            (Some("Friends"), &metadata("a", "b"))
        );
        assert_eq!((entry.role, &entry.peer, entry.member_count), (Some(Role::Member), &None, 2));
        assert_eq!((entry.head, entry.updated_at), (Seq::new(4), scene.now()));
        assert_eq!((entry.read, entry.unread, entry.mentions), (Seq::new(1), 2, 1));
        assert_eq!(entry.last_message, Some(scene.message(room, last).await.message));
        assert_eq!((entry.activity.at, entry.activity.room), (scene.now(), room));
    }
}

/// The peer of a direct room is the other one, for each of the two and for nobody else.
pub async fn a_direct_room_has_a_peer(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.direct(&["bob", "ann"]).await;
    for (viewer, peer) in
        [(Some("ann"), Some("bob")), (Some("bob"), Some("ann")), (Some("eve"), None), (None, None)]
    {
        let entry = scene.entry(viewer, room).await;
        assert_eq!(entry.peer.as_ref().map(UserId::as_str), peer, "{viewer:?}");
    }
    let group = scene.group(&["ann", "bob"]).await;
    assert_eq!(scene.entry(Some("ann"), group).await.peer, None);
}

/// The last message is shown to members and the host, shortened, and not to whom it is hidden.
pub async fn the_last_message_is_for_members(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Public, &["ann"]);
    (new.history, new.name) = (HistoryMode::FromJoin, Some("open".to_owned()));
    let room = scene.make("ann", new).await;
    let last = async |viewer| scene.entry(viewer, room).await.last_message.map(|last| last.content);
    assert_eq!(last(Some("ann")).await, None);
    let long = "\u{1F980}\u{E9}x".repeat(PREVIEW_CHARS);
    scene.say("ann", room, &long).await;
    let short: String = long.chars().take(PREVIEW_CHARS).collect();
    assert_eq!(last(Some("ann")).await, Some(short.clone()));
    assert_eq!(last(None).await, Some(short));
    assert_eq!(last(Some("eve")).await, None);
    let scope = RoomScope::Public("open".to_owned());
    let query = RoomsQuery { viewer: Some(user("eve")), scope, before: None, limit: 9 };
    let entry = scene.rooms(&query).await.remove(0);
    assert_eq!((entry.last_message, entry.role, entry.read, entry.unread), (None, None, Seq::ZERO, 0));
    scene.apply("bob", room, crate::store::ChangeBody::Join).await;
    assert_eq!(last(Some("bob")).await, None, "it is from before the join");
    let exact = "x".repeat(PREVIEW_CHARS);
    scene.say("ann", room, &exact).await;
    assert_eq!(last(Some("bob")).await, Some(exact));
    scene.send("host", room, scene.notice("a notice")).await;
    assert_eq!(last(Some("bob")).await.as_deref(), Some("a notice"));
}

/// Memberships are of the rooms asked for, or of all, latest activity first, as many as asked for.
pub async fn memberships_are_listed_by_activity(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut rooms = Vec::new();
    for names in [&["ann", "bob"][..], &["bob", "ann"], &["bob"], &["ann"]] {
        scene.wait(1);
        rooms.push(scene.group(names).await);
    }
    scene.wait(1);
    let seq = scene.say("bob", rooms[0], "hello").await;
    let ann = user("ann");
    let of = async |rooms: Option<&[RoomId]>, limit| {
        store.memberships(&ann, rooms, limit).await.expect("a healthy store reads memberships")
    };
    let all = of(None, 10).await;
    let standing = |n: usize, role, head, member_count| Membership {
        room: rooms[n],
        role,
        head,
        visible_from: Seq::ZERO,
        member_count,
    };
    let expected = [
        standing(0, Role::Owner, seq, 2),
        standing(3, Role::Owner, Seq::new(1), 1),
        standing(1, Role::Member, Seq::new(1), 2),
    ];
    assert_eq!(all, expected);
    assert_eq!(of(None, 2).await, expected[..2]);
    assert_eq!(
        of(Some(&[rooms[1], rooms[2], nowhere(), rooms[0], rooms[1]]), 10).await,
        [all[0].clone(), all[2].clone()]
    );
    assert_eq!(of(Some(&[rooms[1], rooms[0]]), 1).await, expected[..1]);
    assert_eq!(of(Some(&[]), 10).await, []);
    scene.apply("ann", rooms[0], crate::store::ChangeBody::Leave).await;
    assert_eq!(of(None, 10).await, expected[1..]);
}

/// Members come by id, byte by byte, after the one given, as many as asked for.
pub async fn members_are_listed_by_id(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let sorted = ["Ann", "Zoe", "ann", "ann b", "ann-b", "anna", "zoe", "\u{E9}ve", "\u{1F980}"];
    let mut names = sorted;
    names.reverse();
    let room = scene.group(&names).await;
    let of = async |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(user);
        let members =
            store.members(room, after.as_ref(), limit).await.expect("a healthy store reads members");
        members.iter().map(|member: &Member| member.user.as_str().to_owned()).collect()
    };
    assert_eq!(of(None, 100).await, sorted);
    for (n, name) in sorted.into_iter().enumerate() {
        assert_eq!(of(Some(name), 100).await, sorted[n + 1..], "after {name}");
    }
    assert_eq!(of(None, 2).await, sorted[..2]);
    assert_eq!(of(Some("Zoe"), 2).await, sorted[2..4]);
    assert_eq!(of(Some("an"), 1).await, ["ann"], "after one who is not there");
    assert_eq!(store.members(nowhere(), None, 10).await.expect("a healthy store reads members"), []);
    let pointers = store.pointers(room, 100).await.expect("a healthy store reads pointers");
    let of_pointers: Vec<_> = pointers.iter().map(|pointer| pointer.user.as_str()).collect();
    assert_eq!(of_pointers, sorted);
}

/// Members of several rooms are those that each room's list begins with, room by room.
pub async fn members_of_rooms_are_those_of_each(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut rooms = Vec::new();
    for names in
        [&["zoe", "ann", "Bob"][..], &["ann"], &["\u{1F980}", "ann b", "anna", "ann"], &["bob", "cat"]]
    {
        rooms.push(scene.group(names).await);
    }
    let left = scene.group(&["dan"]).await;
    scene.apply("dan", left, crate::store::ChangeBody::Leave).await;
    let deleted = scene.group(&["ann"]).await;
    scene.apply("host", deleted, crate::store::ChangeBody::DeleteRoom).await;
    scene.apply("zoe", rooms[0], mute("ann", Some(scene.then(60)))).await;
    scene.apply("\u{1F980}", rooms[2], set_role("anna", Role::Moderator)).await;
    let of = async |rooms: &[RoomId], limit| {
        store.members_of(rooms, limit).await.expect("a healthy store reads members")
    };
    for limit in [1, 2, 3, 100] {
        let mut expected = Vec::new();
        for room in &rooms[..3] {
            let members = store.members(*room, None, 100).await;
            let mut members = members.expect("a healthy store reads members");
            members.sort_by_key(|member| std::cmp::Reverse(member.role));
            members.truncate(limit);
            expected.push((*room, members));
        }
        expected.sort_by_key(|(room, _)| *room);
        let asked = [rooms[2], nowhere(), rooms[0], left, rooms[2], deleted, rooms[1]];
        assert_eq!(of(&asked, limit).await, expected, "{limit}");
    }
    assert_eq!(of(&[], 10).await, []);
    assert_eq!(of(&[left, deleted, nowhere()], 10).await, []);
}

/// Acquaintances share a room that is not too big; of those asked for, or of all.
pub async fn acquaintances_share_a_room(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    scene.group(&["ann", "bob", "cat"]).await;
    scene.direct(&["ann", "dan"]).await;
    scene.open(&["eve", "bob"]).await;
    let big = scene.group(&["ann", "fay", "gus", "hal"]).await;
    let of = async |who: &str, among: &[&str], most, limit| -> Vec<String> {
        let among = users(among);
        let found = store.acquaintances(&user(who), &among, most, limit).await;
        let mut found: Vec<_> = found
            .expect("a healthy store finds acquaintances")
            .iter()
            .map(|user| user.as_str().to_owned())
            .collect();
        found.sort();
        found
    };
    assert_eq!(of("ann", &[], 3, 10).await, ["bob", "cat", "dan"]);
    assert_eq!(of("ann", &[], 4, 10).await, ["bob", "cat", "dan", "fay", "gus", "hal"]);
    assert_eq!(of("ann", &[], 2, 10).await, ["dan"]);
    assert_eq!(of("ann", &["eve", "bob", "fay", "nobody"], 3, 10).await, ["bob"]);
    assert_eq!(of("ann", &["eve", "bob", "fay"], 4, 10).await, ["bob", "fay"]);
    assert_eq!(of("eve", &[], 9, 10).await, ["bob"]);
    assert_eq!(of("nobody", &[], 9, 10).await, [""; 0]);
    assert_eq!(of("ann", &[], 9, 4).await.len(), 4);
    assert_eq!(of("bob", &[], 9, 10).await, ["ann", "cat", "eve"], "each once");
    scene.apply("hal", big, crate::store::ChangeBody::Leave).await;
    assert_eq!(
        of("ann", &[], 3, 10).await,
        ["bob", "cat", "dan", "fay", "gus"],
        "it is not too big any more"
    );
    scene.apply("host", big, crate::store::ChangeBody::DeleteRoom).await;
    assert_eq!(of("ann", &[], 9, 10).await, ["bob", "cat", "dan"]);
}

/// Acquaintances come by id, the least of all rooms first, `user` not among them.
pub async fn acquaintances_are_listed_by_id(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for names in [["ann", "zoe", "dan"], ["ann", "bob", "zoe"], ["Cat", "ann", "abe"]] {
        scene.group(&names).await;
    }
    let of = async |among: &[&str], limit| -> Vec<String> {
        let found = store.acquaintances(&user("ann"), &users(among), 9, limit).await;
        found.expect("a healthy store finds acquaintances").iter().map(ToString::to_string).collect()
    };
    assert_eq!(of(&[], 9).await, ["Cat", "abe", "bob", "dan", "zoe"]);
    for limit in 1..5 {
        assert_eq!(of(&[], limit).await, of(&[], 9).await[..limit]);
    }
    assert_eq!(of(&["zoe", "ann", "bob", "abe", "zoe"], 9).await, ["abe", "bob", "zoe"]);
    assert_eq!(of(&["zoe", "bob"], 1).await, ["bob"]);
}
