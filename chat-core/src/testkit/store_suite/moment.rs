//! Reads while others write.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    scene::{ALL, Scene},
    words::*,
};
use crate::{
    model::{RoomId, Seq},
    store::{ChangeBody, MessageQuery, NewMessage, Store, UNREAD_CAP},
};

/// Reads of each kind beside which something was committed: as many are enough.
const BESIDE: u32 = 50;

/// Sends at most, where a store is so fast that few reads meet one.
const SENDS_MAX: u64 = 20_000;

/// What a writer and a reader know of each other.
#[derive(Debug, Default)]
struct Beside {
    sent: AtomicU64,
    is_enough: AtomicBool,
}

impl Beside {
    /// A read, counted where something was committed meanwhile.
    async fn read<T>(&self, met: &mut u32, read: impl Future<Output = T>) -> T {
        let before = self.sent.load(Ordering::Acquire);
        let answer = read.await;
        *met += u32::from(self.sent.load(Ordering::Acquire) > before);
        answer
    }
}

/// While messages are sent, every read is of one moment: pages without a hole up to the head that they tell, history
/// up to `as_of`, lists whose count, head and last message belong together.
pub async fn reads_beside_writes_are_of_one_moment(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let beside = Arc::new(Beside::default());
    let (message, change) =
        (scene.text("hello"), scene.change("ann", room, ChangeBody::Send(scene.text("hello"))));
    let writing = tokio::spawn({
        let (store, beside) = (Arc::clone(store), Arc::clone(&beside));
        async move {
            for n in 0..SENDS_MAX {
                if beside.is_enough.load(Ordering::Acquire) {
                    return;
                }
                let mut change = change.clone();
                let client_id = key(&format!("beside {n}"));
                change.body = ChangeBody::Send(NewMessage { client_id, ..message.clone() });
                store.commit(vec![change]).await.expect("a healthy store commits");
                beside.sent.fetch_add(1, Ordering::Release);
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut cursor, mut met) = (Seq::ZERO, [0; 3]);
    while met.iter().any(|met| *met < BESIDE) && !writing.is_finished() {
        cursor = read_all(&scene, room, cursor, &beside, &mut met).await;
        tokio::task::yield_now().await;
    }
    beside.is_enough.store(true, Ordering::Release);
    writing.await.expect("the writer ends well");
    // What was there at the end.
    cursor = read_all(&scene, room, cursor, &beside, &mut met).await;
    assert_eq!(cursor.get(), beside.sent.load(Ordering::Acquire) + 1);
}

/// Reads what may be torn, one after the other; how far the log was read.
async fn read_all(
    scene: &Scene<'_>,
    room: RoomId,
    mut cursor: Seq,
    beside: &Beside,
    [events, messages, rooms]: &mut [u32; 3],
) -> Seq {
    let page = beside.read(events, scene.events(room, cursor, ALL)).await;
    for event in &page.events {
        assert_eq!(event.seq, cursor.next());
        cursor = event.seq;
    }
    assert_eq!(page.head, cursor, "all up to the head");
    let newest = MessageQuery { limit: 100, ..everything() };
    let page = beside.read(messages, scene.page(room, &newest)).await;
    let positions: Vec<u64> = page.messages.iter().map(|view| view.message.seq.get()).collect();
    let head = page.as_of.get();
    let expected: Vec<u64> = (head.saturating_sub(99).max(2)..=head).collect();
    assert_eq!(positions, expected, "all messages up to as_of");
    assert!(page.as_of >= cursor, "a later read sees what an earlier one saw");
    let entry = beside.read(rooms, scene.entry(Some("bob"), room)).await;
    assert!(entry.head >= page.as_of);
    let unread = (entry.head.get() - 1).min(u64::from(UNREAD_CAP));
    assert_eq!(u64::from(entry.unread), unread, "unread up to the head");
    let message = entry.last_message.map_or(Seq::new(1), |message| message.seq);
    assert_eq!(message, entry.head, "the last message is at the head");
    cursor
}
