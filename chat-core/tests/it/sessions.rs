//! Sessions end to end, in process: what a client is told.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Engine, Hooks, Policy, Principal,
    hooks::{Action, ActionKind, Denied, Draft},
    limits::Limits,
    memory::{LocalBus, MemoryStore},
    model::{Role, RoomId, Seq},
    protocol::{CloseCode, Hello, Send, SendTo},
    store::Store,
};
use serde_json::json;

use crate::client::{Client, room_of, user};

async fn say(engine: &Engine, room: RoomId, content: &str) -> Seq {
    engine.as_host().send(Send::text(SendTo::Room(room), content)).await.unwrap().message.seq
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_and_given_to_everyone() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let (mut ann, mut bob) = (Client::connect(&engine, "1").await, Client::connect(&engine, "2").await);
    let welcome = ann.expect("welcome").await;
    assert_eq!(welcome["heads"], json!({ room.to_string(): 1 }));
    ann.send(room, "hi", "a");
    let ok = ann.expect("ok").await;
    assert_eq!((&ok["id"], &ok["seq"], &ok["repeat"]), (&json!("a"), &json!(2), &json!(false)));
    let event = bob.expect("message").await;
    assert_eq!(
        (&event["seq"], &event["message"]["content"], &event["client_id"]),
        (&json!(2), &json!("hi"), &json!("a"))
    );
    // Once more under the same key: the first answer, and nobody is given anything.
    bob.commands.reply(&chat_core::protocol::ServerFrame::TokenExpiring { in_ms: 1 });
    ann.send(room, "hi", "a");
    let again = ann.expect("ok").await;
    assert_eq!((&again["seq"], &again["repeat"]), (&json!(2), &json!(true)));
    ann.send(room, "something else", "a");
    assert_eq!(ann.expect("error").await["code"], "body_mismatch");
    ann.send(room, "next", "b");
    assert_eq!(bob.events_to(room, 3).await, [("message".to_owned(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_resumes_where_it_was() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    for n in 0..30 {
        say(&engine, room, &n.to_string()).await;
    }
    let epoch = engine.epoch().to_string();
    let hello = json!({"epoch": epoch, "rooms": {room.to_string(): 11}});
    let mut ann = Client::resume(&engine, "1", hello).await;
    assert_eq!(ann.expect("welcome").await["heads"][room.to_string()], 31);
    say(&engine, room, "live").await;
    let seqs: Vec<u64> = ann.events_to(room, 32).await.into_iter().map(|(_, seq)| seq).collect();
    assert_eq!(seqs, (12..=32).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn too_far_behind_is_said() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    for n in 0..1_500 {
        say(&engine, room, &n.to_string()).await;
    }
    let mut ann = Client::resume(&engine, "1", json!({"rooms": {room.to_string(): 1}})).await;
    let gap = ann.expect("gap").await;
    assert_eq!((&gap["from"], &gap["to"]), (&json!(2), &json!(1_301)));
    let seqs: Vec<u64> = ann.events_to(room, 1_501).await.into_iter().map(|(_, seq)| seq).collect();
    assert_eq!(seqs, (1_302..=1_501).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_above_the_head_resets_that_room() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    let mut ann = Client::resume(&engine, "1", json!({"rooms": {room.to_string(): 900}})).await;
    let gap = ann.expect("gap").await;
    assert_eq!((&gap["from"], &gap["to"]), (&json!(1), &json!(1)));
    say(&engine, room, "x").await;
    assert_eq!(ann.expect("message").await["seq"], 2);
}

#[tokio::test(start_paused = true)]
async fn another_epoch_resets_everything() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    say(&engine, room, "x").await;
    let mut ann = Client::resume(&engine, "1", json!({"epoch": "old", "rooms": {room.to_string(): 1}})).await;
    assert_eq!(ann.expect("welcome").await["reset"], true);
    say(&engine, room, "y").await;
    assert_eq!(ann.expect("message").await["seq"], 3, "the cursor was not used");
}

#[tokio::test(start_paused = true)]
async fn who_is_removed_is_given_nothing_more() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let mut bob = Client::connect(&engine, "2").await;
    say(&engine, room, "before").await;
    engine.as_host().remove_member(room, user("2")).await.unwrap();
    for n in 0..5 {
        say(&engine, room, &n.to_string()).await;
    }
    assert_eq!(bob.events_to(room, 3).await, [("message".to_owned(), 2), ("member_left".to_owned(), 3)]);
    let ended = bob.next().await.unwrap();
    assert_eq!((&ended["type"], &ended["reason"]), (&json!("unsubscribed"), &json!("removed")));
    let two = Principal::new(user("2"));
    let refused =
        engine.as_user(&two).history(room, chat_core::protocol::HistoryRange::Latest, None, None).await;
    assert_eq!(refused.unwrap_err().code().as_str(), "not_found");
    // Added again: told so, and on from there.
    engine.as_host().add_member(room, user("2"), Role::Member).await.unwrap();
    let added = bob.expect("room_added").await;
    assert_eq!(added["room"]["head"], 9);
    say(&engine, room, "again").await;
    assert_eq!(bob.expect("message").await["seq"], 10);
}

#[tokio::test(start_paused = true)]
async fn nodes_hear_of_each_other_by_the_bus_and_without_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let bus = LocalBus::default();
    let one = Engine::builder().shared_store(Arc::clone(&store)).bus(bus.clone()).build().await.unwrap();
    let two = Engine::builder().shared_store(Arc::clone(&store)).bus(bus).build().await.unwrap();
    let apart = Engine::builder().shared_store(store).build().await.unwrap();
    let room = room_of(&one, &["1", "2", "3"]).await;
    let (mut bob, mut cy) = (Client::connect(&two, "2").await, Client::connect(&apart, "3").await);
    say(&one, room, "hi").await;
    let before = tokio::time::Instant::now();
    assert_eq!(bob.expect("message").await["seq"], 2);
    assert!(before.elapsed() < Duration::from_secs(1), "by the bus");
    assert_eq!(cy.expect("message").await["seq"], 2, "by the sweep");
    assert!(before.elapsed() < Duration::from_secs(5));
    one.as_host().remove_member(room, user("3")).await.unwrap();
    assert_eq!(cy.expect("unsubscribed").await["reason"], "removed");
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_new_room_is_told_and_followed() {
    let engine = Engine::builder().build().await.unwrap();
    let mut bob = Client::connect(&engine, "2").await;
    bob.expect("welcome").await;
    let room = room_of(&engine, &["1", "2"]).await;
    assert_eq!(bob.expect("room_added").await["room"]["id"], json!(room));
    say(&engine, room, "hi").await;
    assert_eq!(bob.expect("message").await["seq"], 2);
    let mut ann = Client::connect(&engine, "1").await;
    ann.say(&json!({"type": "send", "id": 1, "to_user": "2", "content": "psst"}));
    let ok = ann.expect("ok").await;
    let added = bob.expect("room_added").await;
    assert_eq!((&added["room"]["kind"], &added["room"]["peer"]), (&json!("direct"), &json!("1")));
    assert_eq!(added["room"]["id"], ok["room_id"]);
}

#[tokio::test(start_paused = true)]
async fn signals_reach_the_others() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    ann.expect("welcome").await;
    let mut bob = Client::connect(&engine, "2").await;
    let there = bob.expect("welcome").await["presence"] == json!([{"user": "1", "status": "online"}]);
    if !there {
        let late = bob.expect("presence").await;
        assert_eq!((&late["user"], &late["status"]), (&json!("1"), &json!("online")));
    }
    let presence = ann.expect("presence").await;
    assert_eq!((&presence["user"], &presence["status"]), (&json!("2"), &json!("online")));
    bob.say(&json!({"type": "typing", "room_id": room, "is_typing": true}));
    assert_eq!(ann.expect("typing").await["is_typing"], true);
    assert_eq!(ann.expect("typing").await["is_typing"], false, "it expires");
    ann.send(room, "hi", "a");
    assert_eq!(bob.expect("message").await["seq"], 2);
    // The own pointer moves with the send, and is told too.
    let mut delivered = ann.expect("receipt").await;
    while delivered["user"] == "1" {
        delivered = ann.expect("receipt").await;
    }
    assert_eq!(
        (&delivered["user"], &delivered["delivered"], &delivered["read"]),
        (&json!("2"), &json!(2), &json!(1))
    );
    bob.say(&json!({"type": "read", "id": 1, "room_id": room, "seq": 99}));
    let ok = bob.expect("ok").await;
    assert_eq!((&ok["read"], &ok["unread"]), (&json!(2), &json!(0)));
    let read = ann.expect("receipt").await;
    assert_eq!((&read["user"], &read["read"]), (&json!("2"), &json!(2)));
    drop(bob);
    let gone = ann.expect("presence").await;
    assert_eq!(gone["status"], "offline");
    assert!(gone["last_seen"].is_string());
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_does_not_go_on_typing() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    let bob = Client::connect(&engine, "2").await;
    bob.say(&json!({"type": "typing", "room_id": room, "is_typing": true}));
    assert_eq!(ann.expect("typing").await["is_typing"], true);
    let begun = tokio::time::Instant::now();
    engine.as_host().remove_member(room, user("2")).await.unwrap();
    let stop = ann.expect("typing").await;
    assert_eq!((&stop["user"], &stop["is_typing"]), (&json!("2"), &json!(false)));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn limits_are_told_and_floods_end() {
    let mut limits = Limits::default();
    limits.set("sends", "1/3").unwrap();
    limits.set("flood_refusals_max", "5").unwrap();
    limits.set("connections_per_user_max", "2").unwrap();
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    for n in 0..4 {
        ann.send(room, "x", &n.to_string());
        if n == 3 {
            let error = ann.expect("error").await;
            assert_eq!((&error["code"], &error["retryable"]), (&json!("rate_limited"), &json!(true)));
            assert!(error["retry_after_ms"].as_u64().unwrap() <= 1_000);
        } else {
            ann.expect("ok").await;
        }
    }
    for n in 4..10 {
        ann.send(room, "x", &n.to_string());
    }
    assert_eq!(ann.expect("bye").await["reason"], "flood");
    assert!(ann.next().await.is_none());
    assert_eq!(ann.commands.ended().await.code, CloseCode::Flood);
    drop(ann);
    let mut oldest = Client::connect(&engine, "1").await;
    let _second = Client::connect(&engine, "1").await;
    let _third = Client::connect(&engine, "1").await;
    assert_eq!(oldest.expect("bye").await["reason"], "superseded");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_ends_the_connection() {
    let engine = Engine::builder().build().await.unwrap();
    let until = |seconds| engine.now().plus(Duration::from_secs(seconds));
    let short = Principal::new(user("1")).with_expiry(until(0));
    let mut ann = Client::with(&engine, short, Hello::default()).await;
    assert_eq!(ann.expect("bye").await["reason"], "token_expired");
    let mut bob =
        Client::with(&engine, Principal::new(user("2")).with_expiry(until(0)), Hello::default()).await;
    bob.commands.renew(None, Principal::new(user("2")).with_expiry(until(3_600)));
    bob.say(&json!({"type": "ping", "id": 1}));
    bob.expect("pong").await;
    bob.commands.renew(None, Principal::new(user("3")));
    assert_eq!(bob.expect("error").await["code"], "unauthorized");
    assert!(bob.next().await.is_none());
    assert_eq!(bob.commands.ended().await.code, CloseCode::Unauthorized);
}

#[derive(Debug)]
struct House;

#[chat_core::async_trait]
impl Policy for House {
    async fn check(&self, principal: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        match (principal.user.as_str(), action.kind) {
            ("2", ActionKind::Send) => Err(Denied::new("not on a Sunday")),
            ("3", ActionKind::Read) => Err(Denied::new("never")),
            _ => Ok(()),
        }
    }
}

#[chat_core::async_trait]
impl Hooks for House {
    async fn before_message(&self, _principal: &Principal, draft: &mut Draft) -> Result<(), Denied> {
        if draft.content == "stuck" {
            std::future::pending::<()>().await;
        }
        if draft.content.contains("spam") {
            return Err(Denied::new("no advertising"));
        }
        draft.content = draft.content.replace("darn", "d**n");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_has_its_say() {
    let engine = Engine::builder().policy(House).hooks(House).build().await.unwrap();
    let room = room_of(&engine, &["1", "2", "3"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    for (content, key) in [("darn", "a"), ("buy spam", "b"), ("stuck", "c"), ("last", "d")] {
        ann.send(room, content, key);
    }
    let (mut said, mut refused) = (Vec::new(), Vec::new());
    while said.len() < 2 || refused.len() < 2 {
        let frame = ann.next().await.unwrap();
        match frame["type"].as_str().unwrap() {
            "message" => said.push(frame["message"]["content"].clone()),
            "error" => refused.push((frame["id"].clone(), frame["code"].clone(), frame["message"].clone())),
            _ => {}
        }
    }
    // In the order sent, though one was held up.
    assert_eq!(said, ["d**n", "last"]);
    assert_eq!((&refused[0].0, &refused[0].2), (&json!("b"), &json!("no advertising")));
    assert_eq!((&refused[1].0, &refused[1].1), (&json!("c"), &json!("unavailable")));
    let mut bob = Client::connect(&engine, "2").await;
    bob.send(room, "hi", "x");
    assert_eq!(bob.expect("error").await["message"], "not on a Sunday");
    let mut cy = Client::resume(&engine, "3", json!({"rooms": {room.to_string(): 1}})).await;
    let welcome = cy.expect("welcome").await;
    assert_eq!((&welcome["heads"], &welcome["gone"]), (&json!({}), &json!([room])));
    let three = Principal::new(user("3"));
    assert_eq!(engine.as_user(&three).room(room).await.unwrap_err().code().as_str(), "not_found");
}

#[tokio::test(start_paused = true)]
async fn shutdown_tells_everyone_and_keeps_what_was_taken() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1"]).await;
    let mut ann = Client::connect(&engine, "1").await;
    ann.expect("welcome").await;
    ann.send(room, "last words", "a");
    let shutdown = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(Duration::from_secs(60)).await }
    });
    assert_eq!(ann.expect("bye").await["reason"], "shutdown");
    assert!(ann.next().await.is_none());
    drop(ann);
    assert!(shutdown.await.unwrap(), "every task ended");
    let page = engine
        .store()
        .events(room, Seq::new(1), chat_core::store::EventLimit { events: 9, bytes: 999 })
        .await;
    assert_eq!(page.unwrap().events.len(), 1);
}
