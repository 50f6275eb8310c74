//! Cases of long logs, and of many rooms.

use std::sync::Arc;

use super::{
    scene::{ALL, Scene},
    words::*,
};
use crate::{
    event::EventBody,
    model::{RoomId, Seq},
    store::{Change, ChangeBody, EventLimit, Head, MessageQuery, Range, Store},
};

/// A log of more than a thousand positions is whole, whatever the size of its pages, and so is what was said in it.
pub async fn a_long_log_has_no_holes(store: &Arc<dyn Store>) {
    const BATCH: u64 = 200;
    const HEAD: u64 = 6 * BATCH + 1;
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for batch in 0..6 {
        let text = |n: u64| scene.text(&format!("at {}", batch * BATCH + n));
        let say = |n| scene.change("ann", room, ChangeBody::Send(text(n)));
        let changes: Vec<Change> = (2..BATCH + 2).map(say).collect();
        assert!(scene.commit(changes).await.iter().all(|answer| name_of(answer) == "applied"));
    }
    for events in [50, 200, 5_000] {
        let (mut cursor, mut pages) = (Seq::ZERO, 0);
        while cursor < Seq::new(HEAD) {
            let page = scene.events(room, cursor, EventLimit { events, ..ALL }).await;
            assert_eq!(page.head.get(), HEAD);
            assert!(!page.events.is_empty(), "nothing above {cursor}");
            for event in page.events {
                assert_eq!(event.seq, cursor.next(), "pages of {events}");
                cursor = event.seq;
                if let EventBody::Message { message } = &event.body {
                    assert_eq!((message.seq, message.content.as_str()), (cursor, &*format!("at {cursor}")));
                }
            }
            pages += 1;
        }
        assert_eq!((cursor.get(), pages), (HEAD, HEAD.div_ceil(events as u64)));
    }
    let mut below = Seq::MAX;
    for left in (1..=6).rev() {
        let query = MessageQuery { range: Range::Before(below), limit: 200, ..everything() };
        let page = scene.page(room, &query).await;
        let positions: Vec<u64> = page.messages.iter().map(|view| view.message.seq.get()).collect();
        let expected: Vec<u64> = ((left - 1) * BATCH + 2..=left * BATCH + 1).collect();
        assert_eq!((positions, page.more), (expected, left > 1));
        below = page.messages[0].message.seq;
    }
}

/// All rooms are listed by id, of every kind, deleted ones too, each once with its head, whatever the size of a page.
pub async fn all_rooms_are_listed_by_id(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let after = async |room: Option<RoomId>, limit: usize| {
        store.heads_after(room, limit).await.expect("a healthy store lists rooms")
    };
    assert_eq!(after(None, 10).await, []);
    let mut rooms = vec![scene.direct(&["ann", "bob"]).await, scene.open(&["ann"]).await];
    for _ in 0..5 {
        rooms.push(scene.group(&["ann"]).await);
    }
    for room in &rooms[3..5] {
        scene.say("ann", *room, "hello").await;
    }
    scene.apply("ann", rooms[1], ChangeBody::DeleteRoom).await;
    // Nobody is left in it.
    scene.apply("ann", rooms[2], ChangeBody::Leave).await;
    let heads = [1, 2, 2, 2, 2, 1, 1].map(Seq::new);
    let mut expected: Vec<Head> =
        rooms.iter().zip(heads).map(|(room, head)| Head { room: *room, head }).collect();
    let asked: Vec<RoomId> = rooms.iter().rev().copied().collect();
    let in_order = store.heads(&asked).await.expect("a healthy store reads heads");
    assert_eq!(in_order, expected.iter().rev().copied().collect::<Vec<_>>(), "in the order asked for");
    expected.sort_unstable_by_key(|head| head.room);
    for limit in [1, 3, 7, 100] {
        let (mut found, mut last) = (Vec::new(), None);
        while found.len() <= expected.len() {
            let page = after(last, limit).await;
            assert!(page.len() <= limit, "{} of {limit}", page.len());
            let Some(head) = page.last() else { break };
            last = Some(head.room);
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert_eq!(after(None, 0).await, []);
    assert_eq!(after(Some(nowhere()), 10).await, []);
    assert_eq!(after(Some(expected[3].room), 2).await, expected[4..6]);
}
