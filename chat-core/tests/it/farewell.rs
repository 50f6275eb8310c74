//! How an engine ends: who is answered first, who is told `bye` when.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Engine, Limits,
    memory::MemoryStore,
    model::{RoomId, Seq},
    store::EventLimit,
    testkit::{FaultyStore, HeldStore},
};
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::client::{Client, room_of};

/// The time of a shutdown, in which 60 s are for answers.
const DEADLINE: Duration = Duration::from_secs(80);

fn shut_down(engine: &Engine) -> JoinHandle<bool> {
    let engine = engine.clone();
    tokio::spawn(async move { engine.shutdown(DEADLINE).await })
}

/// What a client is answered until it is told `bye`: the kind of each and its id.
async fn answers_before_bye(client: &mut Client) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    loop {
        let frame = client.next().await.expect("a bye");
        match frame["type"].as_str().unwrap() {
            "bye" => {
                assert_eq!(frame["reason"], "shutdown");
                assert!(client.next().await.is_none(), "nothing after it");
                return answers;
            }
            kind @ ("ok" | "error") => {
                answers.push((kind.to_owned(), frame["id"].as_str().unwrap_or_default().to_owned()));
            }
            _ => {}
        }
    }
}

async fn stored(engine: &Engine, room: RoomId) -> usize {
    let limit = EventLimit { events: 99, bytes: 999_999 };
    engine.store().events(room, Seq::new(1), limit).await.unwrap().events.len()
}

fn oks(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| ("ok".to_owned(), n.to_string())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_answered_before_bye() {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let engine = Engine::builder().store(faulty.clone()).build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    ann.expect("welcome").await;
    faulty.freeze();
    for n in 0..14 {
        ann.send(room, "last words", &n.to_string());
    }
    let begun = Instant::now();
    let shutdown = shut_down(&engine);
    sleep(Duration::from_secs(1)).await;
    faulty.thaw();
    assert_eq!(answers_before_bye(&mut ann).await, oks(14));
    assert_eq!((stored(&engine, room).await, begun.elapsed()), (14, Duration::from_secs(1)));
    drop(ann);
    assert!(shutdown.await.unwrap(), "every task ended");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_in_a_chain_is_answered_too() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    ann.expect("welcome").await;
    // The room of two has to be found first, and what follows waits behind it.
    ann.say(&json!({"type": "send", "id": "0", "to_user": "2", "content": "hi", "client_id": "0"}));
    for n in 1..9 {
        ann.send(room, "last words", &n.to_string());
    }
    let shutdown = shut_down(&engine);
    assert_eq!(answers_before_bye(&mut ann).await, oks(9));
    drop(ann);
    assert!(shutdown.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_any_more_once_it_has_begun() {
    let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::default())));
    let engine = Engine::builder().shared_store(Arc::clone(&store) as _).build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    ann.expect("welcome").await;
    store.hold(room);
    ann.send(room, "before", "0");
    let shutdown = shut_down(&engine);
    sleep(Duration::from_millis(10)).await;
    // The transport is told to read no more, for as long as there is something to wait for.
    assert!(!ann.commands.is_ready());
    store.free(room);
    assert_eq!(answers_before_bye(&mut ann).await, oks(1));
    ann.commands.ready().await;
    ann.send(room, "after", "1");
    drop(ann);
    assert!(shutdown.await.unwrap());
    assert_eq!(stored(&engine, room).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stands_still_holds_up_only_who_waits_for_it() {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let mut limits = Limits::default();
    limits.store_timeout = Duration::from_secs(1_000);
    let engine = Engine::builder().store(faulty.clone()).limits(limits).build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let (mut ann, mut bob) = (Client::connect(&engine, "1").await, Client::connect(&engine, "2").await);
    ann.expect("welcome").await;
    bob.expect("welcome").await;
    faulty.freeze();
    ann.send(room, "is not answered", "0");
    let begun = Instant::now();
    let shutdown = shut_down(&engine);
    assert_eq!(answers_before_bye(&mut bob).await, []);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(answers_before_bye(&mut ann).await, []);
    assert_eq!(begun.elapsed(), Duration::from_secs(60), "a quarter of the time is left for the goodbye");
    drop((ann, bob));
    assert!(!shutdown.await.unwrap(), "the commit is under way still");
    assert_eq!(begun.elapsed(), DEADLINE);
}
