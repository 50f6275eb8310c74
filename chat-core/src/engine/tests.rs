//! The hot path's hazards, each by itself: what a simulation would meet only by chance, or could not see.

mod activation;
mod announce;
mod answers;
mod catch_up;
mod fan_out;
mod overtaken;
mod pipe;
mod subscribing;

use std::{sync::Arc, time::Duration};

use self::pipe::Pipe;
use super::{Commands, ConnectOptions, CreateRoom, Engine};
use crate::{
    Limits, Principal, Rate,
    model::{RoomId, RoomKind, UserId},
    protocol::{Hello, Send, SendTo},
    wire::NativeJson,
};

fn user(n: usize) -> UserId {
    UserId::new(format!("u{n}")).unwrap()
}

/// Without the limits that keep users from doing what is tested here.
fn boundless() -> Limits {
    let plenty = Rate::new(1e6, 1_000_000);
    Limits {
        sends: plenty,
        commands: plenty,
        members_per_call_max: 100_000,
        lane_queue_max: 100_000,
        ..Limits::default()
    }
}

async fn engine(limits: Limits) -> Engine {
    Engine::builder().limits(limits).build().await.unwrap()
}

/// A room of the first `count` users.
async fn room(engine: &Engine, count: usize) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group).with_members((0..count).map(user));
    engine.as_host().create_room(create).await.unwrap().room
}

async fn join(engine: &Engine, n: usize, pipe: &Arc<Pipe>) -> Commands {
    let options = ConnectOptions::new(Arc::new(NativeJson), Hello::default());
    let connected = engine.connect(Principal::new(user(n)), options).await.unwrap();
    connected.attach(pipe.outlet())
}

async fn say(engine: &Engine, room: RoomId, content: impl Into<String>) {
    engine.as_host().send(Send::text(SendTo::Room(room), content)).await.unwrap();
}

/// Says so many things, many of them in one commit.
async fn say_many(engine: &Engine, room: RoomId, count: usize) {
    let host = engine.as_host();
    let sends = (0..count).map(|n| host.send(Send::text(SendTo::Room(room), format!("message {n}"))));
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
}

/// Lets everything happen that can happen now. (Time is paused.)
async fn settle() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
