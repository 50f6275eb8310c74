//! Answers that are large, and answers that nobody reads.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    super::{Commands, ConnectOptions, Connected, CreateRoom, Deliveries, Engine},
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, settle, user,
};
use crate::{
    Limits, Principal,
    model::{Metadata, RoomId, RoomKind},
    protocol::{ClientFrame, CloseCode, Hello, Send, SendTo},
    wire::NativeJson,
};

/// As much metadata as may be.
fn fat() -> Metadata {
    let text = "x".repeat(4_000);
    serde_json::from_value(serde_json::json!({ "x": text })).unwrap()
}

async fn connect(engine: &Engine, n: usize) -> Connected {
    let options = ConnectOptions::new(Arc::new(NativeJson), Hello::default());
    engine.connect(Principal::new(user(n)), options).await.unwrap()
}

/// The next batch; `None` at the end.
async fn pull(deliveries: &mut Deliveries) -> Option<Vec<Value>> {
    let batch = tokio::time::timeout(Duration::from_secs(60), deliveries.next()).await.unwrap()?;
    let frames = batch.frames().map(|frame| serde_json::from_slice(frame).unwrap()).collect();
    batch.written();
    Some(frames)
}

fn command(frame: &Value) -> ClientFrame {
    ClientFrame::decode(frame.to_string().as_bytes()).unwrap()
}

fn ask_history(commands: &Commands, id: u64, room: RoomId) {
    let frame = serde_json::json!({"type": "history", "id": id, "room_id": room, "limit": 200});
    commands.submit(command(&frame)).unwrap();
}

/// A room in which a page is as large as one may be.
async fn room_of_long_messages(engine: &Engine) -> RoomId {
    let room = room(engine, 2).await;
    for _ in 0..200 {
        let send = Send::text(SendTo::Room(room), "x".repeat(16 * 1024));
        engine.as_host().send(send).await.unwrap();
    }
    room
}

/// Whoever may put a user into rooms cannot keep that user out by it.
#[tokio::test(start_paused = true)]
async fn a_welcome_may_be_larger_than_what_may_wait() {
    let engine = engine(Limits::default()).await;
    let mallory = Principal::new(user(1));
    for _ in 0..30 {
        let create = CreateRoom::new(RoomKind::Group)
            .with_name("\u{1f600}".repeat(255))
            .with_members([user(0)])
            .with_metadata(fat());
        let room = engine.as_user(&mallory).create_room(create).await.unwrap().room;
        let mut send = Send::text(SendTo::Room(room), "x".repeat(200));
        send.metadata = fat();
        tokio::time::sleep(Duration::from_secs(1)).await;
        engine.as_user(&mallory).send(send).await.unwrap();
    }
    let pipe = Pipe::wide(&Writes::default());
    let commands = join(&engine, 0, &pipe).await;
    settle().await;
    assert!(pipe.len() > engine.limits().replies_bytes_max, "{} bytes", pipe.len());
    assert_eq!(pipe.frames()[0]["rooms"].as_array().unwrap().len(), 30);
    assert_eq!(commands.end(), None);
    let (_commands, mut deliveries) = connect(&engine, 0).await.split();
    assert_eq!(pull(&mut deliveries).await.unwrap()[0]["type"], "welcome");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_history_may_be_larger_than_what_may_wait() {
    let engine = engine(boundless()).await;
    let room = room_of_long_messages(&engine).await;
    let (commands, mut deliveries) = connect(&engine, 0).await.split();
    for id in 0..3 {
        ask_history(&commands, id, room);
    }
    commands.submit(command(&serde_json::json!({"type": "ping", "id": 3}))).unwrap();
    // Nobody pulls yet: whatever is answered waits.
    settle().await;
    let mut answered = Vec::new();
    while answered.len() < 4 {
        let frames = pull(&mut deliveries).await.expect("the connection stays");
        for frame in frames.iter().filter(|frame| frame["id"].is_u64()) {
            let messages = frame["messages"].as_array().map_or(0, Vec::len);
            answered.push((frame["id"].as_u64().unwrap(), messages));
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [(0, 200), (1, 200), (2, 200), (3, 0)]);
}

/// A slow reader that asks for several pages has one of them in memory, and gets them all.
#[tokio::test(start_paused = true)]
async fn pages_of_history_wait_for_one_another() {
    let engine = engine(boundless()).await;
    let room = room_of_long_messages(&engine).await;
    let page_bytes = 200 * 16 * 1024;
    let pipe = Pipe::narrow(8 * 1024);
    let commands = join(&engine, 0, &pipe).await;
    for id in 0..5 {
        ask_history(&commands, id, room);
    }
    settle().await;
    let waiting = || {
        let connection = engine.inner.users.of(&user(0)).remove(0);
        let out = connection.out.lock();
        out.wait.as_ref().map_or(0, |wait| wait.rest.len() + wait.replies.bytes.len())
    };
    assert!(waiting() > page_bytes / 2, "{} bytes wait", waiting());
    assert!(waiting() < page_bytes * 3 / 2, "{} bytes wait", waiting());
    pipe.open();
    settle().await;
    let ids: Vec<_> = pipe.frames().iter().filter_map(|frame| frame["id"].as_u64()).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    assert_eq!(commands.end(), None);
}

/// While commands wait for room nothing is read from the client. They do not wait for ever.
#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_go_out_is_refused_in_the_end() {
    let engine = engine(boundless()).await;
    let room = room_of_long_messages(&engine).await;
    let pipe = Pipe::narrow(8 * 1024);
    let commands = join(&engine, 0, &pipe).await;
    ask_history(&commands, 0, room);
    ask_history(&commands, 1, room);
    tokio::time::sleep(engine.limits().heartbeat_dead * 2).await;
    pipe.open();
    settle().await;
    let frames = pipe.frames();
    let refused = frames.iter().find(|frame| frame["id"] == 1).unwrap();
    assert_eq!((&refused["code"], &refused["retryable"]), (&"unavailable".into(), &true.into()));
}

/// Who asks and does not read is closed, and finds out when it reads again.
#[tokio::test(start_paused = true)]
async fn who_leaves_answers_unread_is_closed_and_can_read_it() {
    let engine = engine(Limits { replies_bytes_max: 4 * 1024, ..boundless() }).await;
    let room = room(&engine, 2).await;
    let pipe = Pipe::narrow(8 * 1024);
    let commands = join(&engine, 0, &pipe).await;
    settle().await;
    pipe.shut();
    let mut asked = 0;
    while commands.closing().is_none() {
        let frame =
            serde_json::json!({"type": "react", "id": asked, "room_id": room, "seq": 1, "emoji": "x"});
        commands.submit(command(&frame)).unwrap();
        settle().await;
        asked += 1;
        assert!(asked < 200, "it was never closed");
    }
    assert_eq!(commands.closing().unwrap().code, CloseCode::Flood);
    assert_eq!(commands.end(), None, "what was begun can still be read");
    pipe.open();
    assert_eq!(commands.ended().await.code, CloseCode::Flood);
    assert!(pipe.frames().len() < asked, "what was begun, and no more");
}
