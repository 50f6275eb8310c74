//! Rooms that someone else holds: what waits for them, and what does not.

use std::{future::Future, sync::Arc, time::Duration};

use chat_core::{
    CreateRoom, Engine, Error, ErrorCode, Limits, SentMessage,
    memory::MemoryStore,
    model::{RoomId, RoomKind, UserId},
    protocol::{Send, SendTo},
    testkit::HeldStore,
};

type Store = HeldStore<MemoryStore>;

/// An engine of one lane, and two rooms of it.
async fn scene() -> (Engine, Arc<Store>, RoomId, RoomId) {
    let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::default())));
    let mut limits = Limits::default();
    limits.lanes = 1;
    let engine =
        Engine::builder().shared_store(Arc::clone(&store) as _).limits(limits).build().await.unwrap();
    let (a, b) = (room(&engine).await, room(&engine).await);
    (engine, store, a, b)
}

async fn room(engine: &Engine) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group).with_members([UserId::new("ann").unwrap()]);
    engine.as_host().create_room(create).await.unwrap().room
}

fn say(
    engine: &Engine,
    room: RoomId,
    content: &str,
) -> impl Future<Output = Result<SentMessage, Error>> + use<> {
    let (engine, send) = (engine.clone(), Send::text(SendTo::Room(room), content));
    async move { engine.as_host().send(send).await }
}

/// Lets everything happen that can happen now. (Time is paused.)
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(start_paused = true)]
async fn a_held_room_delays_itself_alone() {
    let (engine, store, a, b) = scene().await;
    store.hold(a);
    let waiting = tokio::spawn(say(&engine, a, "waits"));
    settle().await;
    assert!(!waiting.is_finished());
    for n in 0..3 {
        say(&engine, b, &format!("goes on {n}")).await.unwrap();
    }
    assert!(!waiting.is_finished());
    store.free(a);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_comes_later_waits_behind_what_came_before() {
    let (engine, store, a, _) = scene().await;
    store.hold(a);
    let first = tokio::spawn(say(&engine, a, "first"));
    settle().await;
    let second = tokio::spawn(say(&engine, a, "second"));
    settle().await;
    store.free(a);
    // Behind those that wait, although the room is free again.
    let third = say(&engine, a, "third").await.unwrap().message.seq;
    let (first, second) =
        (first.await.unwrap().unwrap().message.seq, second.await.unwrap().unwrap().message.seq);
    assert!(first < second && second < third, "{first} {second} {third}");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_held_for_too_long_is_unavailable() {
    let (engine, store, a, _) = scene().await;
    let before = say(&engine, a, "before").await.unwrap().message.seq;
    store.hold(a);
    let error = say(&engine, a, "not stored").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::Unavailable, true));
    store.free(a);
    assert_eq!(say(&engine, a, "after").await.unwrap().message.seq, before.next());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_before_the_engine_ends() {
    let (engine, store, a, _) = scene().await;
    store.hold(a);
    let waiting = tokio::spawn(say(&engine, a, "waits"));
    settle().await;
    let ending = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(Duration::from_secs(5)).await }
    });
    settle().await;
    store.free(a);
    assert!(ending.await.unwrap());
    waiting.await.unwrap().unwrap();
}
