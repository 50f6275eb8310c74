//! Names that are known late, or not, to a format that shows them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Engine, Principal,
    limits::Limits,
    memory::{LocalBus, MemoryStore},
    model::{Role, RoomId},
    protocol::{CloseCode, Hello, Send, SendTo},
    store::Store,
    testkit::{CallFaults, FaultyStore, StoreFaults},
};
use serde_json::{Value, json};

use crate::{
    client::{Client, room_of, user},
    named::{Directory, Named, called},
};

async fn say(engine: &Engine, room: RoomId, id: &str, content: &str) {
    let principal = Principal::new(user(id));
    engine.as_user(&principal).send(Send::text(SendTo::Room(room), content)).await.unwrap();
}

async fn with_directory(slow: &'static str, takes: Duration) -> (Engine, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let directory = Directory { slow, takes, fails: Arc::clone(&fails) };
    (Engine::builder().directory(directory).build().await.unwrap(), fails)
}

async fn named(engine: &Engine, id: &str, format: Named) -> Client {
    Client::speaking(engine, Principal::new(user(id)), Arc::new(format), Hello::default()).await
}

async fn messages(client: &mut Client, count: usize) -> Vec<(u64, Value)> {
    let mut told = Vec::new();
    while told.len() < count {
        let event = client.expect("message").await;
        told.push((event["seq"].as_u64().unwrap(), event["by"].clone()));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn events_stay_in_order_while_a_name_is_looked_up() {
    let (engine, _) = with_directory("2", Duration::from_millis(800)).await;
    let room = room_of(&engine, &["1", "2", "3"]).await;
    let mut cy = named(&engine, "3", Named::default()).await;
    let mut ann = Client::connect(&engine, "1").await;
    say(&engine, room, "1", "known from here on").await;
    for n in 0..10 {
        let before = tokio::time::Instant::now();
        say(&engine, room, if n % 3 == 1 { "2" } else { "1" }, &n.to_string()).await;
        assert!(before.elapsed() < Duration::from_millis(100), "nobody waits for a name who sends");
    }
    let told = messages(&mut cy, 11).await;
    let by = |n: u64| json!(if n % 3 == 1 { "Name of 2" } else { "Name of 1" });
    let wanted: Vec<_> = (0..11).map(|n| (n + 2, if n == 0 { by(0) } else { by(n - 1) })).collect();
    assert_eq!(told, wanted);
    let native: Vec<u64> = messages(&mut ann, 11).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(native, (2..=12).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn catch_up_shows_names_too() {
    let (engine, _) = with_directory("2", Duration::from_millis(500)).await;
    let room = room_of(&engine, &["1", "2", "3"]).await;
    for n in 0..5 {
        say(&engine, room, if n % 2 == 0 { "1" } else { "2" }, &n.to_string()).await;
    }
    let hello = Hello { rooms: [(room, Some(chat_core::model::Seq::new(1)))].into(), ..Hello::default() };
    let format = Arc::new(Named::default());
    let mut cy = Client::speaking(&engine, Principal::new(user("3")), format, hello).await;
    let told = messages(&mut cy, 5).await;
    let names = ["Name of 1", "Name of 2"];
    assert_eq!(told, (0..5).map(|n| (n + 2, json!(names[n as usize % 2]))).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_looked_up_is_shown_by_id_and_asked_for_again_soon() {
    let (engine, fails) = with_directory("nobody", Duration::ZERO).await;
    let room = room_of(&engine, &["1", "2", "3"]).await;
    let mut cy = named(&engine, "3", Named::default()).await;
    fails.store(true, Ordering::Relaxed);
    say(&engine, room, "1", "a").await;
    assert_eq!(messages(&mut cy, 1).await, [(2, json!("1"))]);
    fails.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(6)).await;
    // What is at hand is shown, and asked for anew in passing.
    say(&engine, room, "1", "b").await;
    assert_eq!(messages(&mut cy, 1).await, [(3, json!("1"))]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    say(&engine, room, "1", "c").await;
    assert_eq!(messages(&mut cy, 1).await, [(4, json!("Name of 1"))]);
    // What is known is not replaced by a guess.
    fails.store(true, Ordering::Relaxed);
    for seq in 5..8 {
        tokio::time::sleep(Duration::from_secs(61)).await;
        say(&engine, room, "1", "d").await;
        assert_eq!(messages(&mut cy, 1).await, [(seq, json!("Name of 1"))]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_user_claims_who_only_calls_is_shown_and_kept() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let engine = Engine::builder().shared_store(Arc::clone(&store)).build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let mut bob = named(&engine, "2", Named::default()).await;
    let claims = |name: &str| {
        let profile = chat_core::model::Profile { name: name.to_owned(), ..called(&user("1")) };
        Principal::new(user("1")).with_profile(profile)
    };
    let kept =
        async || store.profiles(&[user("1")]).await.unwrap().first().map(|kept| kept.profile.name.clone());
    let send = async |name: &str| {
        let principal = claims(name);
        engine.as_user(&principal).send(Send::text(SendTo::Room(room), "x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    send("Ann").await;
    assert_eq!(messages(&mut bob, 1).await, [(2, json!("Ann"))]);
    assert_eq!(kept().await.as_deref(), Some("Ann"));
    send("Anne").await;
    assert_eq!(messages(&mut bob, 1).await, [(3, json!("Anne"))]);
    assert_eq!(kept().await.as_deref(), Some("Ann"), "stored at most once a minute");
    tokio::time::sleep(Duration::from_secs(61)).await;
    send("Anne").await;
    assert_eq!(kept().await.as_deref(), Some("Anne"));
}

#[tokio::test(start_paused = true)]
async fn signals_wait_for_names_in_order() {
    let (engine, _) = with_directory("1", Duration::from_millis(800)).await;
    let room = room_of(&engine, &["1", "2", "3"]).await;
    let mut bob = named(&engine, "2", Named::default()).await;
    let mut cy = named(&engine, "3", Named { is_deaf: true, ..Named::default() }).await;
    let ann = Client::connect(&engine, "1").await;
    for is_typing in [true, false] {
        ann.say(&json!({"type": "typing", "room_id": room, "is_typing": is_typing}));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Both had to wait, and the later one of a key stands.
    let typing = bob.expect("typing").await;
    assert_eq!((&typing["is_typing"], &typing["by"]), (&json!(false), &json!("Name of 1")));
    say(&engine, room, "1", "x").await;
    loop {
        let frame = cy.next().await.unwrap();
        assert_ne!(frame["type"], "typing");
        if frame["type"] == "message" {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_learns_why_a_room_is_missing() {
    let engine = Engine::builder().build().await.unwrap();
    let others = room_of(&engine, &["1"]).await;
    let mut bob = named(&engine, "2", Named::default()).await;
    bob.expect("welcome").await;
    for (room, why) in [(json!(others), "not a member"), (json!("99999"), "unknown")] {
        let commands = [
            json!({"type": "send", "content": "x", "client_id": "k"}),
            json!({"type": "edit", "seq": 1, "content": "x"}),
            json!({"type": "delete", "seq": 1}),
            json!({"type": "react", "seq": 1, "emoji": "+1"}),
            json!({"type": "unreact", "seq": 1, "emoji": "+1"}),
            json!({"type": "typing", "is_typing": true}),
            json!({"type": "read", "seq": 1}),
            json!({"type": "history"}),
            json!({"type": "subscribe"}),
        ];
        for mut command in commands {
            command["id"] = json!(1);
            command["room_id"] = if room.is_string() { json!(99_999) } else { room.clone() };
            bob.say(&command);
            let error = bob.expect("error").await;
            assert_eq!((&error["code"], &error["missing"]), (&json!("not_found"), &json!(why)), "{command}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_may_end_with_a_room() {
    let ends = Named { ends: true, ..Named::default() };
    for is_deleted in [false, true] {
        let engine = Engine::builder().limits(Limits::default()).build().await.unwrap();
        let (room, other) = (room_of(&engine, &["1", "2"]).await, room_of(&engine, &["1", "2"]).await);
        let mut bob = named(&engine, "2", ends).await;
        for n in 0..5 {
            say(&engine, room, "1", &n.to_string()).await;
        }
        if is_deleted {
            engine.as_host().delete_room(room).await.unwrap();
        } else {
            engine.as_host().remove_member(room, user("2")).await.unwrap();
        }
        say(&engine, other, "1", "x").await;
        let mut seqs = Vec::new();
        let mut last = json!(null);
        while let Some(frame) = bob.next().await {
            if frame["room_id"] == json!(room) && frame["at"].is_string() {
                seqs.push(frame["seq"].as_u64().unwrap());
            }
            last = frame;
        }
        // Everything up to the end, then the word, then the end.
        assert_eq!(seqs, (2..=7).collect::<Vec<_>>());
        assert_eq!((&last["type"], &last["room_id"]), (&json!("unsubscribed"), &json!(room)));
        assert_eq!(bob.commands.end().unwrap().code, CloseCode::Forbidden);
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_ends_where_a_listed_room_is_gone() {
    let engine = Engine::builder().build().await.unwrap();
    let (own, others) = (room_of(&engine, &["1", "2"]).await, room_of(&engine, &["1"]).await);
    let hello = Hello { rooms: [(others, None), (own, None)].into(), ..Hello::default() };
    let format = Arc::new(Named { ends: true, ..Named::default() });
    let mut bob = Client::speaking(&engine, Principal::new(user("2")), format, hello).await;
    assert_eq!(bob.expect("welcome").await["gone"], json!([others]));
    assert_eq!(bob.next().await, None);
    assert_eq!(bob.commands.end().unwrap().code, CloseCode::Forbidden);
    engine.as_host().add_member(others, user("2"), Role::Member).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_has_a_name_by_the_token_alone_is_known_by_it_to_other_nodes_from_the_first_message_on() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let bus = LocalBus::default();
    let node = || Engine::builder().store(store.clone()).bus(bus.clone()).build();
    let (one, two) = (node().await.unwrap(), node().await.unwrap());
    let room = room_of(&one, &["1", "2", "3"]).await;
    let mut cy = named(&one, "3", Named::default()).await;
    let slow = CallFaults { stall: 1.0, stall_max: Duration::from_millis(200), ..CallFaults::default() };
    store.set_faults(StoreFaults { writes: slow, ..StoreFaults::default() });
    let claimed = |id: &str| Principal::new(user(id)).with_profile(called(&user(id)));
    // By a call, and by a connection.
    let ann = claimed("1");
    two.as_user(&ann).send(Send::text(SendTo::Room(room), "hi")).await.unwrap();
    let bob = Client::with(&two, claimed("2"), Hello::default()).await;
    bob.send(room, "hi", "one");
    let told: Vec<_> = messages(&mut cy, 2).await.into_iter().map(|(_, by)| by).collect();
    assert_eq!(told, ["Name of 1", "Name of 2"]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_is_told_his_own_name_by_the_directory() {
    let (engine, _) = with_directory("2", Duration::from_millis(800)).await;
    let mut ann = Client::connect(&engine, "1").await;
    assert_eq!(ann.expect("welcome").await["user"]["name"], "Name of 1");
}
