//! A client of the pull side that remembers what it was told.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chat_core::{
    Commands, ConnectOptions, CreateRoom, Deliveries, Engine, NativeJson, Principal, WireFormat,
    model::{RoomId, RoomKind, UserId},
    protocol::{ClientFrame, Hello},
};
use serde_json::{Value, json};

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

/// A group of which the first is the owner.
pub(crate) async fn room_of(engine: &Engine, members: &[&str]) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group)
        .with_owner(user(members[0]))
        .with_members(members[1..].iter().map(|id| user(id)));
    engine.as_host().create_room(create).await.unwrap().room
}

pub(crate) struct Client {
    pub(crate) commands: Commands,
    deliveries: Deliveries,
    told: VecDeque<Value>,
}

impl Client {
    pub(crate) async fn connect(engine: &Engine, id: &str) -> Self {
        Self::resume(engine, id, json!({})).await
    }

    /// Connects with the fields of a `hello`.
    pub(crate) async fn resume(engine: &Engine, id: &str, hello: Value) -> Self {
        let mut frame = json!({"type": "hello"});
        frame.as_object_mut().unwrap().extend(hello.as_object().unwrap().clone());
        let frame = ClientFrame::decode(frame.to_string().as_bytes()).unwrap();
        let chat_core::protocol::Command::Hello(hello) = frame.command else { panic!("no hello") };
        Self::with(engine, Principal::new(user(id)), hello).await
    }

    pub(crate) async fn with(engine: &Engine, principal: Principal, hello: Hello) -> Self {
        Self::speaking(engine, principal, Arc::new(NativeJson), hello).await
    }

    /// Connects a client of another wire format.
    pub(crate) async fn speaking(
        engine: &Engine,
        principal: Principal,
        format: Arc<dyn WireFormat>,
        hello: Hello,
    ) -> Self {
        let options = ConnectOptions::new(format, hello);
        let (commands, deliveries) = engine.connect(principal, options).await.unwrap().split();
        Self { commands, deliveries, told: VecDeque::new() }
    }

    pub(crate) fn say(&self, frame: &Value) {
        let frame = ClientFrame::decode(frame.to_string().as_bytes()).unwrap();
        self.commands.submit(frame).unwrap();
    }

    pub(crate) fn send(&self, room: RoomId, content: &str, client_id: &str) {
        self.say(&json!({
            "type": "send", "id": client_id, "room_id": room, "content": content, "client_id": client_id,
        }));
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        while self.told.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(60), self.deliveries.next());
            let batch = next.await.expect("a frame within a minute")?;
            self.told.extend(batch.frames().map(|frame| serde_json::from_slice(frame).unwrap()));
            batch.written();
        }
        self.told.pop_front()
    }

    /// The next frame of a type; others before it are passed over.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("ended before {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Every event of a room up to a position, as (type, seq).
    pub(crate) async fn events_to(&mut self, room: RoomId, seq: u64) -> Vec<(String, u64)> {
        let mut events = Vec::new();
        loop {
            let frame = self.next().await.expect("an event");
            if frame["room_id"] == json!(room)
                && frame["seq"].is_u64()
                && frame["actor"] != json!(0)
                && frame["at"].is_string()
            {
                let at = frame["seq"].as_u64().unwrap();
                events.push((frame["type"].as_str().unwrap().to_owned(), at));
                if at >= seq {
                    return events;
                }
            }
        }
    }
}
