//! How far messages have got, as history says it.

use chat_core::{
    CreateRoom, Engine, Principal,
    model::{MessageStatus, RoomId, RoomKind, Seq},
    protocol::{HistoryRange, Send, SendTo},
};

use crate::client::{room_of, user};

async fn say(engine: &Engine, room: RoomId, who: &str) -> Seq {
    let me = Principal::new(user(who));
    engine.as_user(&me).send(Send::text(SendTo::Room(room), "hi")).await.unwrap().message.seq
}

/// The status of each message, as one user is told it.
async fn told(engine: &Engine, room: RoomId, who: &str) -> Vec<Option<MessageStatus>> {
    let me = Principal::new(user(who));
    let page = engine.as_user(&me).history(room, HistoryRange::Latest, None, None).await.unwrap();
    page.messages.iter().map(|view| view.status).collect()
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_two_both_are_told_the_same() {
    let engine = Engine::builder().build().await.unwrap();
    let create = CreateRoom::new(RoomKind::Direct).with_owner(user("1")).with_members([user("2")]);
    let room = engine.as_host().create_room(create).await.unwrap().room;
    let first = say(&engine, room, "1").await;
    say(&engine, room, "1").await;
    let bob = Principal::new(user("2"));
    engine.as_user(&bob).read(room, first).await.unwrap();
    let (read, sent) = (Some(MessageStatus::Read), Some(MessageStatus::Sent));
    for who in ["1", "2"] {
        assert_eq!(told(&engine, room, who).await, [read, sent], "{who}");
    }
    // Who answers has read what stood before; the answer itself is not read.
    say(&engine, room, "2").await;
    for who in ["1", "2"] {
        assert_eq!(told(&engine, room, who).await, [read, read, sent], "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_larger_room_who_wrote_is_told() {
    let engine = Engine::builder().build().await.unwrap();
    let room = room_of(&engine, &["1", "2", "3"]).await;
    say(&engine, room, "1").await;
    say(&engine, room, "2").await;
    let sent = Some(MessageStatus::Sent);
    assert_eq!(told(&engine, room, "1").await, [sent, None]);
    assert_eq!(told(&engine, room, "2").await, [None, sent]);
    assert_eq!(told(&engine, room, "3").await, [None, None]);
}
