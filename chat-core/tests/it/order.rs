//! Two commands of one connection to one room are applied in the order sent, whatever they are.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Engine, Limits, PresenceStatus, Principal,
    memory::MemoryStore,
    model::RoomId,
    testkit::{CallFaults, FaultyStore, StoreFaults},
};
use serde_json::{Value, json};

use crate::client::{Client, room_of, user};

/// A store each of whose calls takes its time.
const SLOW: CallFaults = CallFaults {
    unavailable: 0.0,
    answer_lost: 0.0,
    request_lost: 0.0,
    stall: 1.0,
    stall_max: Duration::from_millis(300),
};

async fn scene(faults: StoreFaults) -> (Engine, Client, RoomId) {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), 7);
    let mut limits = Limits::default();
    limits.sends.burst = 1_000;
    let engine = Engine::builder().store(faulty.clone()).limits(limits).build().await.unwrap();
    let room = room_of(&engine, &["ann", "bob"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    faulty.set_faults(faults);
    (engine, ann, room)
}

async fn answer(client: &mut Client, id: u64) -> Value {
    loop {
        let frame = client.next().await.unwrap();
        assert_ne!(frame["type"], "error", "{frame}");
        if frame["id"] == id {
            return frame;
        }
    }
}

fn contents(history: &Value) -> Vec<&str> {
    history["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn history_has_what_was_sent_before_it_and_nothing_that_came_after() {
    for (commits, reads) in [(SLOW, CallFaults::default()), (CallFaults::default(), SLOW), (SLOW, SLOW)] {
        let (_engine, mut ann, room) = scene(StoreFaults { commits, reads, ..StoreFaults::default() }).await;
        let mut said = Vec::new();
        for n in 0..5_u64 {
            let text = n.to_string();
            ann.say(&json!({"type": "send", "id": 10 * n, "room_id": room, "content": text}));
            ann.say(&json!({"type": "history", "id": 10 * n + 1, "room_id": room}));
            said.push(text);
        }
        for n in 0..5_u64 {
            let page = answer(&mut ann, 10 * n + 1).await;
            assert_eq!(contents(&page), said[..=usize::try_from(n).unwrap()], "{n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_pointer_reaches_what_was_sent_before_it() {
    let (_engine, mut ann, room) = scene(StoreFaults { commits: SLOW, ..StoreFaults::default() }).await;
    for n in 0..5_u64 {
        ann.say(&json!({"type": "send", "id": 10 * n, "room_id": room, "content": "x"}));
        ann.say(
            &json!({"type": "read", "id": 10 * n + 1, "room_id": room, "seq": 9_007_199_254_740_991_u64}),
        );
        let sent = answer(&mut ann, 10 * n).await["seq"].clone();
        assert_eq!(answer(&mut ann, 10 * n + 1).await["read"], sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_is_read_from_where_it_was_subscribed() {
    let (_engine, mut ann, room) =
        scene(StoreFaults { reads: SLOW, commits: SLOW, ..StoreFaults::default() }).await;
    ann.say(&json!({"type": "unsubscribe", "id": 1, "room_id": room}));
    for n in 0..5_u64 {
        ann.say(&json!({"type": "subscribe", "id": 10 * n + 2, "room_id": room}));
        ann.say(&json!({"type": "history", "id": 10 * n + 3, "room_id": room}));
        let subscribed = answer(&mut ann, 10 * n + 2).await;
        let page = answer(&mut ann, 10 * n + 3).await;
        assert!(page["as_of"].as_u64() >= subscribed["head"].as_u64(), "{page} {subscribed}");
        ann.say(&json!({"type": "send", "id": 10 * n + 4, "room_id": room, "content": "x"}));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_word_on_ones_presence_stands() {
    let (engine, mut ann, room) = scene(StoreFaults { reads: SLOW, ..StoreFaults::default() }).await;
    let me = Principal::new(user("ann"));
    for n in 0..5_u64 {
        ann.say(&json!({"type": "history", "id": 10 * n, "room_id": room}));
        for (at, status) in ["away", "invisible", "online"].into_iter().enumerate() {
            ann.say(&json!({"type": "presence", "id": 10 * n + 1 + at as u64, "status": status}));
        }
        for id in 10 * n..10 * n + 4 {
            // One after the other: an answer that came earlier would be missed here.
            answer(&mut ann, id).await;
        }
        let now = engine.as_user(&me).presence(&[user("ann")]).await.unwrap();
        assert_eq!(now[0].status, PresenceStatus::Online);
    }
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_anew_is_not_given_what_was_sent_before() {
    for (commits, reads) in [(SLOW, CallFaults::default()), (CallFaults::default(), SLOW), (SLOW, SLOW)] {
        let (_engine, mut ann, room) = scene(StoreFaults { commits, reads, ..StoreFaults::default() }).await;
        for n in 0..5_u64 {
            ann.say(&json!({"type": "send", "id": 10 * n, "room_id": room, "content": "x"}));
            ann.say(&json!({"type": "unsubscribe", "id": 10 * n + 1, "room_id": room}));
            ann.say(&json!({"type": "subscribe", "id": 10 * n + 2, "room_id": room}));
            let sent = answer(&mut ann, 10 * n).await["seq"].clone();
            assert_eq!(ann.expect("subscribed").await["head"], sent);
            ann.say(&json!({"type": "history", "id": 10 * n + 3, "room_id": room}));
            loop {
                let frame = ann.next().await.unwrap();
                assert_ne!(frame["type"], "message", "{frame}");
                if frame["id"] == 10 * n + 3 {
                    break;
                }
            }
        }
    }
}
