//! Cases of pointers and of what is unread.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{Pointer, RoomId, Seq, Unread},
    store::{ChangeBody, PointerMove, Store, UNREAD_CAP},
};

fn to(who: &str, room: RoomId, read: u64, delivered: u64) -> PointerMove {
    PointerMove { room, user: user(who), read: Seq::new(read), delivered: Seq::new(delivered) }
}

async fn advance(store: &Arc<dyn Store>, moves: &[PointerMove]) -> Vec<Option<(u64, u64)>> {
    let moved = store.advance(moves).await.expect("a healthy store moves pointers");
    moved.into_iter().map(|one| one.map(|one| (one.read.get(), one.delivered.get()))).collect()
}

impl Scene<'_> {
    /// Read pointer, unread messages, mentions.
    async fn counts(&self, who: &str, room: RoomId) -> (u64, u32, u32) {
        let Unread { read, unread, mentions } = self.unread(who, room).await;
        (read.get(), unread, mentions)
    }
}

/// Pointers go forward and stop at the head; a read pointer pulls the delivered one along, never the other way.
pub async fn pointers_go_forward_up_to_the_head(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for n in 0..7 {
        scene.say("ann", room, &format!("text {n}")).await;
    }
    for (read, delivered, expected) in [
        (0, 0, (1, 1)),
        (0, 3, (1, 3)),
        (2, 0, (2, 3)),
        (0, 1, (2, 3)),
        (1, 2, (2, 3)),
        (5, 0, (5, 5)),
        (4, 6, (5, 6)),
        (0, 99, (5, 8)),
        (99, 0, (8, 8)),
        (u64::MAX, u64::MAX, (8, 8)),
        (1, 1, (8, 8)),
    ] {
        assert_eq!(advance(store, &[to("bob", room, read, delivered)]).await, [Some(expected)]);
        let pointer = scene.pointer("bob", room).await;
        assert_eq!((pointer.read.get(), pointer.delivered.get()), expected, "{read} {delivered}");
    }
    scene.say("ann", room, "one more").await;
    assert_eq!(scene.counts("bob", room).await, (8, 1, 0), "what was above the head is not kept");
    assert_eq!(scene.log(room).await.len(), 9, "a pointer takes no position");
}

/// The answers are in the order of the moves; who is no member has none; one user may be moved twice.
pub async fn pointers_are_answered_in_order(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await);
    for room in [room, other] {
        for n in 0..3 {
            scene.say("ann", room, &format!("text {n}")).await;
        }
    }
    let moves = [
        to("bob", other, 2, 0),
        to("eve", room, 2, 0),
        to("bob", room, 3, 0),
        to("bob", nowhere(), 2, 0),
        to("bob", room, 2, 4),
        to("ann", room, 1, 1),
    ];
    let expected = [Some((2, 2)), None, Some((3, 3)), None, Some((3, 4)), Some((4, 4))];
    assert_eq!(advance(store, &moves).await, expected);
    assert_eq!(advance(store, &[]).await, []);
    let pointers = store.pointers(room, 10).await.expect("a healthy store reads pointers");
    let pointer = |name, read, delivered| Pointer {
        user: user(name),
        read: Seq::new(read),
        delivered: Seq::new(delivered),
    };
    assert_eq!(pointers, [pointer("ann", 4, 4), pointer("bob", 3, 4)]);
    let pointers = store.pointers(room, 1).await.expect("a healthy store reads pointers");
    assert_eq!(pointers, [pointer("ann", 4, 4)]);
    assert_eq!(store.pointers(nowhere(), 10).await.expect("a healthy store reads pointers"), []);
}

/// An own send moves the own pointers to itself; others' pointers stay; changes that are no sends move none.
pub async fn an_own_send_moves_the_own_pointers(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for n in 0..3 {
        scene.say("ann", room, &format!("text {n}")).await;
    }
    assert_eq!((scene.counts("ann", room).await, scene.counts("bob", room).await), ((4, 0, 0), (1, 3, 0)));
    scene.apply("bob", room, react(Seq::new(2), THUMB)).await;
    assert_eq!(scene.counts("bob", room).await, (1, 3, 0));
    let seq = scene.say("bob", room, "mine").await;
    assert_eq!(scene.counts("bob", room).await, (seq.get(), 0, 0));
    assert_eq!(scene.pointer("bob", room).await.delivered, seq);
    assert_eq!(scene.counts("ann", room).await, (4, 1, 0));
    scene.apply("bob", room, edit(seq, "still mine")).await;
    assert_eq!(scene.counts("bob", room).await, (seq.get(), 0, 0));
}

/// Unread are the messages above the read pointer: tombstones too, notices and other events not.
pub async fn unread_counts_messages_above_the_pointer(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let first = scene.say("ann", room, "one").await;
    scene.send("host", room, scene.notice("a notice")).await;
    scene.say("host", room, "of the host, to be read").await;
    scene.apply("ann", room, edit(first, "uno")).await;
    scene.apply("ann", room, react(first, THUMB)).await;
    scene.send("host", room, scene.notice("a notice")).await;
    let last = scene.say("ann", room, "three").await;
    scene.apply("ann", room, rename("x")).await;
    assert_eq!(last, Seq::new(8));
    assert_eq!(scene.counts("bob", room).await, (1, 3, 0));
    scene.apply("ann", room, delete(first)).await;
    assert_eq!(scene.counts("bob", room).await, (1, 3, 0), "a tombstone counts");
    for (read, unread) in [(2, 2), (3, 2), (4, 1), (7, 1), (8, 0), (10, 0)] {
        advance(store, &[to("bob", room, read, 0)]).await;
        assert_eq!(scene.counts("bob", room).await, (read, unread, 0), "read up to {read}");
    }
    scene.send("host", room, scene.notice("a notice")).await;
    assert_eq!(scene.counts("bob", room).await, (10, 0, 0));
    scene.say("ann", room, "four").await;
    assert_eq!(scene.counts("bob", room).await, (10, 1, 0));
}

/// Mentions above the read pointer count, as the message names users now; in notices and tombstones they do not.
pub async fn mentions_count_as_they_stand(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let one = scene.send("ann", room, scene.naming("one", &["bob", "bob", "cat"])).await;
    let two = scene.send("ann", room, scene.naming("two", &["bob"])).await;
    let mut notice = scene.notice("a notice");
    notice.mentions = users(&["bob"]);
    let notice = scene.send("host", room, notice).await;
    assert_eq!(scene.counts("bob", room).await, (1, 2, 2));
    assert_eq!(scene.counts("cat", room).await, (1, 2, 1));
    scene.apply("ann", room, edit_naming(two, "two", &["cat"])).await;
    assert_eq!((scene.counts("bob", room).await.2, scene.counts("cat", room).await.2), (1, 2));
    scene.apply("host", room, edit_naming(notice, "a notice!", &["bob", "cat"])).await;
    assert_eq!((scene.counts("bob", room).await.2, scene.counts("cat", room).await.2), (1, 2));
    scene.apply("ann", room, edit(one, "still one")).await;
    assert_eq!(scene.counts("bob", room).await.2, 1, "an edit of the text alone leaves them");
    advance(store, &[to("cat", room, one.get(), 0)]).await;
    assert_eq!(scene.counts("cat", room).await, (one.get(), 1, 1));
    scene.apply("ann", room, edit_naming(one, "one", &["cat"])).await;
    assert_eq!(scene.counts("cat", room).await.2, 1, "what was read is not unread again");
    assert_eq!(scene.counts("bob", room).await.2, 0);
    scene.apply("ann", room, delete(two)).await;
    assert_eq!(scene.counts("cat", room).await, (one.get(), 1, 0));
    scene.send("host", room, scene.naming("of the host", &["cat"])).await;
    assert_eq!(scene.counts("cat", room).await, (one.get(), 2, 1));
}

/// Unread messages and mentions are counted up to a bound.
pub async fn unread_counts_are_capped(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let count =
        |n: u32| (0..n).map(|_| scene.change("ann", room, ChangeBody::Send(scene.naming("x", &["bob"]))));
    scene.commit(count(UNREAD_CAP - 1).collect()).await;
    let below = UNREAD_CAP - 1;
    assert_eq!(scene.counts("bob", room).await, (1, below, below));
    scene.commit(count(5).collect()).await;
    assert_eq!(scene.counts("bob", room).await, (1, UNREAD_CAP, UNREAD_CAP));
    let entry = scene.entry(Some("bob"), room).await;
    assert_eq!((entry.unread, entry.mentions), (UNREAD_CAP, UNREAD_CAP));
    advance(store, &[to("bob", room, 5, 0)]).await;
    assert_eq!(scene.counts("bob", room).await, (5, UNREAD_CAP, UNREAD_CAP));
    advance(store, &[to("bob", room, 6, 0)]).await;
    assert_eq!(scene.counts("bob", room).await, (6, below, below));
}

/// Counts are given for the rooms asked for where the user is a member, and for no other.
pub async fn unread_is_of_the_rooms_one_is_in(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms =
        [scene.group(&["ann", "bob"]).await, scene.open(&["ann"]).await, scene.group(&["ann", "bob"]).await];
    for (n, room) in rooms.into_iter().enumerate() {
        for _ in 0..=n {
            scene.say("ann", room, "hello").await;
        }
    }
    let asked = [rooms[2], nowhere(), rooms[1], rooms[0]];
    let mut unread = store.unread(&user("bob"), &asked).await.expect("a healthy store counts unread");
    unread.sort_by_key(|(room, _)| *room);
    let read = Seq::new(1);
    let counted = |unread| Unread { read, unread, mentions: 0 };
    assert_eq!(unread, [(rooms[0], counted(1)), (rooms[2], counted(3))]);
    assert_eq!(store.unread(&user("bob"), &[]).await.expect("a healthy store counts unread"), []);
}
