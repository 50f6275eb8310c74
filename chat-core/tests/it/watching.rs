//! Presence for those who are subscribed to nothing, and subscriptions that are asked for twice.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Engine, Limits, NativeJson, Principal,
    memory::{LocalBus, MemoryStore},
    model::Role,
    protocol::{Hello, Send, SendTo, Subscribe},
    store::Store,
};
use serde_json::{Value, json};

use crate::client::{Client, room_of, user};

async fn nodes() -> (Engine, Engine) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let bus = LocalBus::default();
    let mut limits = Limits::default();
    limits.offline_grace = Duration::from_millis(100);
    let build = || {
        let engine = Engine::builder().shared_store(Arc::clone(&store)).bus(bus.clone());
        engine.limits(limits.clone()).build()
    };
    (build().await.unwrap(), build().await.unwrap())
}

async fn watch(engine: &Engine, id: &str) -> Client {
    let hello = Hello { subscribe: Subscribe::Watch, ..Hello::default() };
    Client::speaking(engine, Principal::new(user(id)), Arc::new(NativeJson), hello).await
}

/// Everything told until now.
async fn told(client: &mut Client) -> Vec<Value> {
    let mut told = Vec::new();
    while let Ok(frame) = tokio::time::timeout(Duration::from_millis(500), client.next()).await {
        told.push(frame.expect("it goes on"));
    }
    told
}

fn presence(user: &str, status: &str) -> (Value, Value, Value) {
    (json!("presence"), json!(user), json!(status))
}

async fn edges(client: &mut Client) -> Vec<(Value, Value, Value)> {
    let frames = told(client).await;
    frames.iter().map(|f| (f["type"].clone(), f["user"].clone(), f["status"].clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_each_edge_once_from_every_node() {
    let (one, two) = nodes().await;
    for _ in 0..3 {
        room_of(&one, &["1", "2"]).await;
    }
    room_of(&one, &["2", "4"]).await;
    for (here, there) in [(&one, &two), (&one, &one)] {
        let mut ann = watch(here, "1").await;
        assert_eq!(ann.expect("welcome").await["heads"], json!({}));
        assert_eq!(edges(&mut ann).await, []);
        let bob = Client::connect(there, "2").await;
        assert_eq!(edges(&mut ann).await, [presence("2", "online")]);
        bob.say(&json!({"type": "presence", "status": "away"}));
        assert_eq!(edges(&mut ann).await, [presence("2", "away")]);
        bob.say(&json!({"type": "presence", "status": "online"}));
        assert_eq!(edges(&mut ann).await, [presence("2", "online")]);
        drop(bob);
        assert_eq!(edges(&mut ann).await, [presence("2", "offline")]);
        let dan = Client::connect(there, "4").await;
        assert_eq!(edges(&mut ann).await, [], "they share no room");
        drop(dan);
        drop(ann);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rooms_joined_and_left_count_while_watching() {
    let (one, two) = nodes().await;
    let mut ann = watch(&one, "1").await;
    ann.expect("welcome").await;
    let room = room_of(&two, &["3"]).await;
    two.as_host().add_member(room, user("1"), Role::Member).await.unwrap();
    assert_eq!(edges(&mut ann).await, [], "no events of rooms that are not subscribed");
    let cy = Client::connect(&two, "3").await;
    assert_eq!(edges(&mut ann).await, [presence("3", "online")]);
    two.as_host().remove_member(room, user("1")).await.unwrap();
    assert_eq!(edges(&mut ann).await, []);
    drop(cy);
    assert_eq!(edges(&mut ann).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_quiet_for_long_is_watched_still() {
    let (one, two) = nodes().await;
    room_of(&one, &["1", "2"]).await;
    let mut ann = watch(&one, "1").await;
    ann.expect("welcome").await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let _bob = Client::connect(&two, "2").await;
    assert_eq!(edges(&mut ann).await, [presence("2", "online")]);
}

#[tokio::test(start_paused = true)]
async fn subscribing_where_a_subscription_stands_keeps_it() {
    let (one, _) = nodes().await;
    let room = room_of(&one, &["1", "2"]).await;
    let mut ann = Client::connect(&one, "1").await;
    ann.expect("welcome").await;
    let say = async |content: &str| {
        one.as_host().send(Send::text(SendTo::Room(room), content)).await.unwrap();
    };
    say("a").await;
    assert_eq!(ann.expect("message").await["seq"], 2);
    say("b").await;
    ann.say(&json!({"type": "subscribe", "id": 1, "room_id": room}));
    say("c").await;
    let (mut from, mut seqs) = (None, Vec::new());
    for frame in told(&mut ann).await {
        if frame["type"] == "subscribed" {
            from = Some(seqs.last().copied().unwrap_or(2));
            assert_eq!(frame["from"].as_u64(), from);
        } else if frame["type"] == "message" {
            seqs.push(frame["seq"].as_u64().unwrap());
        }
    }
    assert!(from.is_some());
    assert_eq!(seqs, [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_where_nothing_is_subscribed_is_no_error() {
    let (one, _) = nodes().await;
    let room = room_of(&one, &["1", "2"]).await;
    let mut ann = Client::connect(&one, "1").await;
    for id in 1..=3 {
        ann.say(&json!({"type": "unsubscribe", "id": id, "room_id": if id == 3 { json!(99) } else { json!(room) }}));
        assert_eq!(ann.expect("ok").await["id"], json!(id));
    }
}
