//! What happens at a bound, and just above it.

use chat_core::{
    CreateRoom, Engine, ErrorCode, Limits, Principal, Rate,
    model::{RoomKind, UserId},
    protocol::{Send, SendTo},
};
use serde_json::json;

use crate::client::{Client, room_of, user};

fn others(count: usize) -> Vec<UserId> {
    (0..count).map(|n| user(&format!("u{n}"))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_room_can_have_as_many_others_as_may_be_added_at_once() {
    let mut limits = Limits::default();
    limits.rooms_made = Rate::new(0.01, 2);
    limits.members_added = Rate::new(0.01, 20);
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let ann = Principal::new(user("ann"));
    let make = async |count| {
        let create = CreateRoom::new(RoomKind::Group).with_members(others(count));
        engine.as_user(&ann).create_room(create).await
    };
    // No wait would grant it, and it costs nothing.
    for _ in 0..3 {
        let error = make(21).await.unwrap_err();
        assert_eq!(
            (error.code(), error.is_retryable(), error.retry_after()),
            (ErrorCode::TooLarge, false, None)
        );
    }
    make(20).await.unwrap();
    let error = make(1).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::RateLimited, true));
    make(0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_nothing_has_a_wait_that_can_be_told() {
    let mut limits = Limits::default();
    limits.sends = Rate::new(0.0, 1);
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    let ann = Principal::new(user("ann"));
    engine.as_user(&ann).send(Send::text(SendTo::Room(room), "the only one")).await.unwrap();
    let error = engine.as_user(&ann).send(Send::text(SendTo::Room(room), "more")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(86_400)));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_sooner_than_is_warned_of_is_warned_of_at_once() {
    let engine = Engine::builder().build().await.unwrap();
    let short = |seconds| {
        let until = engine.now().plus(std::time::Duration::from_secs(seconds));
        Principal::new(user("ann")).with_expiry(until)
    };
    let mut ann = Client::with(&engine, short(10), chat_core::protocol::Hello::default()).await;
    assert!(ann.expect("token_expiring").await["in_ms"].as_u64().unwrap() <= 10_000);
    // Once a token, and of the next one too.
    ann.commands.renew(None, short(20));
    assert!(ann.expect("token_expiring").await["in_ms"].as_u64().unwrap() > 10_000);
    ann.say(&json!({"type": "presence", "id": 1, "status": "away"}));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    ann.say(&json!({"type": "ping", "id": 2}));
    let next = ann.next().await.unwrap();
    assert_ne!(next["type"], "token_expiring");
}

#[tokio::test(start_paused = true)]
async fn the_most_recent_rooms_make_the_others_give_way() {
    let mut limits = Limits::default();
    limits.rooms_per_connection_max = 2;
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let quiet = room_of(&engine, &["ann", "bob"]).await;
    let busy = room_of(&engine, &["ann", "bob"]).await;
    let bob = Principal::new(user("bob"));
    let say = async |to| engine.as_user(&bob).send(Send::text(to, "hi")).await.unwrap();
    say(SendTo::Room(busy)).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    let told = say(SendTo::User(user("ann"))).await;
    let gone = ann.expect("unsubscribed").await;
    assert_eq!((&gone["room_id"], &gone["reason"]), (&json!(quiet), &json!("requested")));
    assert_eq!(ann.expect("room_added").await["room"]["id"], json!(told.message.room_id));
    say(SendTo::User(user("ann"))).await;
    assert_eq!(ann.expect("message").await["room_id"], json!(told.message.room_id));
    // The one that gave way comes back with its next event.
    say(SendTo::Room(quiet)).await;
    assert_eq!(ann.expect("room_added").await["room"]["id"], json!(quiet));
}
