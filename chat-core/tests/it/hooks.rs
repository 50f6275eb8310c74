//! What a host's policy and hooks may do, and what they cannot break.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    CreateRoom, Engine, ErrorCode, Event, Hooks, Limits, Policy, Principal,
    hooks::{Action, ActionKind, Denied, Draft},
    memory::MemoryStore,
    model::{RoomKind, Seq},
    protocol::{Hello, Send, SendTo},
};
use serde_json::{Value, json};

use crate::client::{Client, room_of, user};

fn ann() -> Principal {
    Principal::new(user("ann"))
}

/// Who is of another team may neither be added nor written to.
#[derive(Debug)]
struct Teams;

#[chat_core::async_trait]
impl Policy for Teams {
    async fn check(&self, _: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        match action.other {
            Some(other) if other.as_str().starts_with("red-") => Err(Denied::new("of another team")),
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_asked_about_everyone_in_a_new_room() {
    let engine = Engine::builder().policy(Teams).build().await.unwrap();
    for (kind, members, made) in [
        (RoomKind::Group, vec!["bob", "red-cy"], false),
        (RoomKind::Direct, vec!["red-cy"], false),
        (RoomKind::Group, vec!["bob", "dan"], true),
    ] {
        let create = CreateRoom::new(kind).with_members(members.iter().map(|id| user(id)));
        let answer = engine.as_user(&ann()).create_room(create).await;
        assert_eq!(answer.is_ok(), made, "{members:?}");
        if let Err(error) = answer {
            assert_eq!((error.code(), error.message()), (ErrorCode::Forbidden, "of another team"));
        }
    }
}

/// Fails as told by what a message says, and remembers what it was told after.
#[derive(Clone, Debug, Default)]
struct Moods(Arc<Mutex<Vec<Seq>>>, Arc<AtomicBool>);

#[chat_core::async_trait]
impl Hooks for Moods {
    async fn before_message(&self, _: &Principal, draft: &mut Draft) -> Result<(), Denied> {
        match draft.content.as_str() {
            "panic" => panic!("as told"),
            "later" => Err(Denied::for_now("the filter is away")),
            _ => Ok(()),
        }
    }

    async fn after(&self, event: &Event) {
        // The later an event, the faster.
        tokio::time::sleep(Duration::from_millis(200 - event.seq.get().min(199))).await;
        self.0.lock().unwrap().push(event.seq);
        assert!(!self.1.load(Ordering::Relaxed), "as told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_fails_its_message_alone() {
    let engine = Engine::builder().hooks(Moods::default()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    for (id, content) in ["panic", "hi", "later"].into_iter().enumerate() {
        ann.say(&json!({"type": "send", "id": id, "room_id": room, "content": content}));
    }
    let mut answers = Vec::new();
    while answers.len() < 3 {
        let frame = ann.next().await.unwrap();
        if !frame["id"].is_null() {
            answers.push((frame["id"].clone(), frame["type"].clone(), frame["code"].clone()));
        }
    }
    answers.sort_by_key(|(id, ..)| id.as_u64());
    let error = |id: u64, code: &str| (json!(id), json!("error"), json!(code));
    assert_eq!(
        answers,
        [error(0, "internal"), (json!(1), json!("ok"), Value::Null), error(2, "unavailable")]
    );
}

#[tokio::test(start_paused = true)]
async fn after_hooks_are_told_in_order_of_the_room_and_no_more_wait_than_may() {
    let told = Moods::default();
    let mut limits = Limits::default();
    limits.after_hooks_queue_max = 30;
    let engine = Engine::builder().hooks(told.clone()).limits(limits).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    // One panic ends nothing but itself.
    told.1.store(true, Ordering::Relaxed);
    for n in 0..20 {
        engine.as_user(&ann()).send(Send::text(SendTo::Room(room), n.to_string())).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    told.1.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let all = std::mem::take(&mut *told.0.lock().unwrap());
    assert_eq!(all.iter().map(|seq| seq.get()).collect::<Vec<_>>(), (1..=21).collect::<Vec<_>>());
    for n in 0..100 {
        engine.as_host().send(Send::text(SendTo::Room(room), n.to_string())).await.unwrap();
    }
    assert!(engine.shutdown(Duration::from_secs(60)).await, "what waits is told before the end");
    let some = told.0.lock().unwrap();
    assert!(some.is_sorted() && (30..60).contains(&some.len()), "{some:?}");
}

/// Cannot say, until told.
#[derive(Clone, Debug, Default)]
struct Away(Arc<AtomicBool>);

#[chat_core::async_trait]
impl Policy for Away {
    async fn check(&self, _: &Principal, _: &Action<'_>) -> Result<(), Denied> {
        if self.0.load(Ordering::Relaxed) {
            Err(Denied::for_now("the users' database is away"))
        } else {
            Ok(())
        }
    }

    fn concerns(&self, kind: ActionKind) -> bool {
        kind == ActionKind::Read
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_cannot_say_takes_no_room_away() {
    let away = Away::default();
    let store = Arc::new(MemoryStore::default());
    let engine = Engine::builder().shared_store(store).policy(away.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    away.0.store(true, Ordering::Relaxed);
    let hello = Hello { rooms: [(room, None)].into(), ..Hello::default() };
    let options = || chat_core::ConnectOptions::new(Arc::new(chat_core::NativeJson), hello.clone());
    let error = engine.connect(ann(), options()).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::Unavailable, true));
    away.0.store(false, Ordering::Relaxed);
    let mut ann = Client::with(&engine, ann(), hello.clone()).await;
    assert_eq!(ann.expect("welcome").await["gone"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_file_needs_no_text_where_a_hook_looks_on() {
    let engine = Engine::builder().hooks(Moods::default()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    let file = "a".repeat(26);
    ann.say(&json!({"type": "send", "id": 1, "room_id": room, "content": "", "attachments": [file]}));
    // There is no such file, which is found out after the text was looked at.
    assert_eq!(ann.expect("error").await["field"], "attachments");
}
