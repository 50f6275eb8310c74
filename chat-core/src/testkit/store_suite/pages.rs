//! Cases of pages of messages.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{RoomId, Seq},
    store::{MessageQuery, NewMessage, Range, Store},
};

/// Positions of a page, and whether there are more.
async fn page(scene: &Scene<'_>, room: RoomId, query: MessageQuery) -> (Vec<u64>, bool) {
    let page = scene.page(room, &query).await;
    assert_eq!(page.as_of, scene.head(room).await, "{query:?}");
    (page.messages.iter().map(|view| view.message.seq.get()).collect(), page.more)
}

fn at(range: Range, limit: usize) -> MessageQuery {
    MessageQuery { range, limit, ..everything() }
}

/// A room whose messages are at 2, 4, 6, 8, 10 and 12, with reactions between and after them.
async fn even(scene: &Scene<'_>) -> RoomId {
    let room = scene.group(&["ann", "bob"]).await;
    for n in 1..=6 {
        let seq = scene.say("ann", room, &format!("text {n}")).await;
        scene.apply("bob", room, react(seq, THUMB)).await;
    }
    room
}

/// Backwards: the newest ones below a position, oldest first; `more` where older ones are left.
pub async fn pages_before_a_position(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = even(&scene).await;
    for (before, limit, expected, more) in [
        (Seq::MAX, 2, vec![10, 12], true),
        (Seq::MAX, 5, vec![4, 6, 8, 10, 12], true),
        (Seq::MAX, 6, vec![2, 4, 6, 8, 10, 12], false),
        (Seq::MAX, 50, vec![2, 4, 6, 8, 10, 12], false),
        (Seq::new(12), 2, vec![8, 10], true),
        (Seq::new(11), 2, vec![8, 10], true),
        (Seq::new(6), 2, vec![2, 4], false),
        (Seq::new(6), 1, vec![4], true),
        (Seq::new(2), 2, vec![], false),
        (Seq::ZERO, 2, vec![], false),
    ] {
        assert_eq!(
            page(&scene, room, at(Range::Before(before), limit)).await,
            (expected, more),
            "{before} {limit}"
        );
    }
}

/// Forwards: the oldest ones above a position; `more` where newer ones are left.
pub async fn pages_after_a_position(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = even(&scene).await;
    for (after, limit, expected, more) in [
        (0, 2, vec![2, 4], true),
        (1, 2, vec![2, 4], true),
        (2, 2, vec![4, 6], true),
        (3, 5, vec![4, 6, 8, 10, 12], false),
        (8, 2, vec![10, 12], false),
        (8, 1, vec![10], true),
        (12, 2, vec![], false),
        (u64::MAX, 2, vec![], false),
    ] {
        let answer = page(&scene, room, at(Range::After(Seq::new(after)), limit)).await;
        assert_eq!(answer, (expected, more), "{after} {limit}");
    }
}

/// Around: half before, the message itself, the rest after; `more` where older ones are left.
pub async fn pages_around_a_position(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = even(&scene).await;
    for (around, limit, expected, more) in [
        (6, 3, vec![4, 6, 8], true),
        (6, 5, vec![2, 4, 6, 8, 10], false),
        (6, 4, vec![2, 4, 6, 8], false),
        (6, 1, vec![6], true),
        (7, 4, vec![4, 6, 8, 10], true),
        (2, 3, vec![2, 4], false),
        (12, 3, vec![10, 12], true),
        (13, 4, vec![10, 12], true),
        (6, 50, vec![2, 4, 6, 8, 10, 12], false),
        (u64::MAX, 4, vec![10, 12], true),
    ] {
        let answer = page(&scene, room, at(Range::Around(Seq::new(around)), limit)).await;
        assert_eq!(answer, (expected, more), "{around} {limit}");
    }
}

/// Nothing at or below where the reader's log begins is shown, or counted as more.
pub async fn pages_begin_where_the_readers_log_does(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = even(&scene).await;
    let from = |seq, query| MessageQuery { visible_from: Seq::new(seq), ..query };
    for (visible, range, limit, expected, more) in [
        (5, Range::Before(Seq::MAX), 4, vec![6, 8, 10, 12], false),
        (6, Range::Before(Seq::MAX), 4, vec![8, 10, 12], false),
        (5, Range::Before(Seq::MAX), 3, vec![8, 10, 12], true),
        (6, Range::Before(Seq::new(10)), 3, vec![8], false),
        (6, Range::Before(Seq::new(4)), 3, vec![], false),
        (6, Range::After(Seq::ZERO), 2, vec![8, 10], true),
        (6, Range::Around(Seq::new(8)), 3, vec![8, 10], false),
        (6, Range::Around(Seq::new(4)), 4, vec![8, 10], false),
        (12, Range::Before(Seq::MAX), 4, vec![], false),
        (u64::MAX, Range::After(Seq::ZERO), 4, vec![], false),
    ] {
        let answer = page(&scene, room, from(visible, at(range, limit))).await;
        assert_eq!(answer, (expected, more), "{visible} {range:?} {limit}");
    }
}

/// A thread's pages hold its messages, without the first and without others; the first tells how many there are.
pub async fn pages_of_a_thread(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let roots = [scene.say("ann", room, "one").await, scene.say("ann", room, "two").await];
    for n in 0..8 {
        let new = NewMessage { thread: Some(roots[n % 2]), ..scene.text("in it") };
        scene.send("bob", room, new).await;
    }
    scene.send("ann", room, NewMessage { reply_to: Some(roots[0]), ..scene.text("no part of it") }).await;
    let of = |root: usize, query| MessageQuery { thread: Some(roots[root]), ..query };
    for (root, range, limit, expected, more) in [
        (0, Range::Before(Seq::MAX), 9, vec![4, 6, 8, 10], false),
        (1, Range::Before(Seq::MAX), 3, vec![7, 9, 11], true),
        (0, Range::Before(Seq::new(8)), 1, vec![6], true),
        (0, Range::After(Seq::new(5)), 2, vec![6, 8], true),
        (1, Range::After(Seq::ZERO), 4, vec![5, 7, 9, 11], false),
        (0, Range::Around(Seq::new(6)), 3, vec![4, 6, 8], false),
    ] {
        let answer = page(&scene, room, of(root, at(range, limit))).await;
        assert_eq!(answer, (expected, more), "{root} {range:?} {limit}");
    }
    let none = MessageQuery { thread: Some(Seq::new(4)), ..everything() };
    assert_eq!(page(&scene, room, none).await, (vec![], false), "a message without a thread");
    let hidden = MessageQuery { visible_from: Seq::new(6), ..of(0, everything()) };
    assert_eq!(page(&scene, room, hidden).await, (vec![8, 10], false));
    let history = scene.history(room, None).await;
    let threads: Vec<_> = history
        .iter()
        .map(|view| view.replies.map(|replies| (replies.count, replies.last_seq.get())))
        .collect();
    assert_eq!(threads[..2], [Some((4, 10)), Some((4, 11))]);
    assert!(threads[2..].iter().all(Option::is_none), "{threads:?}");
}

/// Messages of other rooms at the same positions are not mixed in, nor their reactions, threads and versions.
pub async fn pages_are_of_one_room(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann"]).await, scene.group(&["ann"]).await];
    for (room, text) in rooms.into_iter().zip(["here", "there"]) {
        let seq = scene.say("ann", room, text).await;
        scene.apply("ann", room, react(seq, text)).await;
        scene.send("ann", room, NewMessage { thread: Some(seq), ..scene.text(text) }).await;
        scene.apply("ann", room, edit(seq, &format!("{text}!"))).await;
    }
    for (room, text) in rooms.into_iter().zip(["here", "there"]) {
        let history = scene.history(room, Some("ann")).await;
        let texts: Vec<_> = history.iter().map(|view| view.message.content.as_str()).collect();
        assert_eq!(texts, [format!("{text}!").as_str(), text]);
        assert_eq!(history[0].reactions.len(), 1);
        assert_eq!(history[0].reactions[0].emoji.as_str(), text);
        assert_eq!(history[0].replies.map(|replies| replies.count), Some(1));
        let versions = store.versions(room, Seq::new(2), 9).await.expect("a healthy store reads versions");
        assert_eq!(versions.iter().map(|one| one.content.as_str()).collect::<Vec<_>>(), [text]);
    }
}
