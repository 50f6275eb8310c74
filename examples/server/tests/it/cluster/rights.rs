//! What is done by one node holds on the others.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{nodes::Nodes, proxy::Mode};
use crate::{
    http::{ask, must, stuck},
    rest::token,
    socket::{Heard, Socket},
};

const OWNER: usize = 1;
const MEMBER: usize = 2;
const THIRD: usize = 3;

/// Where the bus brings it. (No sweep does: they are so far apart that none comes in time.)
const BY_THE_BUS: Duration = Duration::from_secs(2);

/// Where it is found by looking: within 5 seconds, and what a loaded machine may need.
const BY_LOOKING: Duration = Duration::from_secs(8);

/// No node looks for what the bus did not bring.
const NO_SWEEPS: &[&str] = &["--limit=sweep=600000", "--limit=room_set_sweep=600000"];

/// Somebody who listens, and writes down what is heard.
struct Ear {
    socket: Socket,
    heard: Vec<Value>,
}

impl Ear {
    async fn open(address: SocketAddr, token: &str) -> Self {
        let (socket, welcome) = stuck(Socket::join(address, token, json!({}))).await.unwrap();
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        Self { socket, heard: Vec::new() }
    }

    /// Waits for a frame, no longer than this.
    async fn until(&mut self, within: Duration, what: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let heard = timeout(within.saturating_sub(start.elapsed()), self.socket.hear()).await;
            match heard {
                Ok(Heard::Frame(frame)) => {
                    self.heard.push(frame.clone());
                    if what(&frame) {
                        return frame;
                    }
                }
                Ok(Heard::End(code)) => panic!("ended with {code:?} after {:?}", self.heard),
                Err(_) => panic!("not within {within:?}; heard {:?}", self.heard),
            }
        }
    }

    async fn event(&mut self, within: Duration, kind: &str) -> Value {
        self.until(within, |frame| frame["type"] == kind).await
    }

    /// Says something, and waits for what comes of it.
    async fn ask(&mut self, mut frame: Value) -> Value {
        frame["id"] = json!("asked");
        stuck(self.socket.say(&frame)).await.unwrap();
        stuck(self.until(BY_LOOKING, |frame| frame["id"] == "asked")).await
    }

    async fn send(&mut self, room: u64, content: &str) -> Value {
        self.ask(json!({ "type": "send", "room_id": room, "content": content, "client_id": content })).await
    }
}

async fn holds_on_the_others(nodes: &Nodes, within: Duration) {
    let address = |node: usize| nodes.node(node).address;
    let (owner, member, third) = (token(OWNER), token(MEMBER), token(THIRD));
    let body =
        json!({ "kind": "group", "name": "Rights", "members": [MEMBER.to_string(), THIRD.to_string()] });
    let room = must(address(0), "POST", "/api/v1/rooms", &owner, Some(&body)).await["id"].as_u64().unwrap();
    let path = format!("/api/v1/rooms/{room}");
    let member_path = format!("{path}/members/{MEMBER}");
    let third_path = format!("{path}/members/{THIRD}");
    let mut member_on_1 = Ear::open(address(1), &member).await;
    let mut member_on_2 = Ear::open(address(2), &member).await;
    let mut third_on_2 = Ear::open(address(2), &third).await;

    // A role, given by one node and used by the next at once.
    let sent = third_on_2.send(room, "before").await;
    assert_eq!(sent["type"], "ok", "{sent}");
    let muted = json!({ "muted_until": "2100-01-01T00:00:00Z" });
    let refused = ask(address(1), "PATCH", &third_path, Some(&member), Some(&muted)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    must(address(0), "PATCH", &member_path, &owner, Some(&json!({ "role": "moderator" }))).await;
    must(address(1), "PATCH", &third_path, &member, Some(&muted)).await;
    let answer = third_on_2.send(room, "muted").await;
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("muted")), "{answer}");
    let changed = member_on_1.event(within, "member_changed").await;
    assert_eq!(changed["member"]["role"], "moderator", "{changed}");
    let is_mute = |frame: &Value| frame["member"]["muted_until"].is_string();
    member_on_2.until(within, is_mute).await;
    must(address(0), "PATCH", &third_path, &member, Some(&json!({ "muted_until": null }))).await;
    let sent = third_on_2.send(room, "spoken again").await;
    assert_eq!(sent["type"], "ok", "{sent}");

    // A removal: from its acknowledgement on nothing is read, written or given.
    let removed = must(address(0), "DELETE", &third_path, &owner, None).await["seq"].as_u64().unwrap();
    let after = json!({ "content": "after" });
    must(address(0), "POST", &format!("{path}/messages"), &owner, Some(&after)).await;
    let read = ask(address(2), "GET", &format!("{path}/messages"), Some(&third), None).await;
    assert!(matches!(read.status, 403 | 404), "{read:?}");
    let answer = third_on_2.send(room, "removed").await;
    assert_eq!(answer["type"], "error", "{answer}");
    // Its neighbour on the same node shows that the node has the rest.
    member_on_2.until(within, |frame| frame["message"]["content"] == "after").await;
    if !third_on_2.heard.iter().any(|frame| frame["type"] == "unsubscribed") {
        let told = third_on_2.event(within, "unsubscribed").await;
        assert_eq!(told["reason"], "removed", "{told}");
    }
    let pong = third_on_2.ask(json!({ "type": "ping" })).await;
    assert_eq!(pong["type"], "pong", "{pong}");
    for frame in third_on_2.heard.iter().filter(|frame| frame["room_id"] == room) {
        let is_answer = !frame["id"].is_null();
        assert!(is_answer || frame["seq"].as_u64().is_none_or(|seq| seq <= removed), "given {frame}");
    }

    // The room's end.
    let deleted = ask(address(1), "DELETE", &path, Some(&owner), None).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let read = ask(address(2), "GET", &path, Some(&member), None).await;
    assert!(matches!(read.status, 403 | 404), "{read:?}");
    for ear in [&mut member_on_1, &mut member_on_2] {
        let told = ear.event(within, "unsubscribed").await;
        assert_eq!(told["reason"], "deleted", "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_on_one_node_holds_on_the_others_at_once() {
    let nodes = Nodes::start(NO_SWEEPS).await;
    holds_on_the_others(&nodes, BY_THE_BUS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_on_one_node_holds_on_the_others_without_redis() {
    let nodes = Nodes::start(&[]).await;
    nodes.redis(Mode::Cut);
    holds_on_the_others(&nodes, BY_LOOKING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_is_signed_out_on_every_node() {
    let nodes = Nodes::start(&["--demo"]).await;
    let address = |node: usize| nodes.node(node).address;
    let mut tokens = Vec::new();
    for name in ["ann", "bob"] {
        let body = json!({ "username": name, "password": "a password" });
        let answer = ask(address(0), "POST", "/auth/signup/", None, Some(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        tokens.push(answer.json()["token"].as_str().unwrap().to_owned());
    }
    let mut ears = Vec::new();
    for node in 0..3 {
        ears.push(Ear::open(address(node), &tokens[0]).await);
    }
    let mut other = Ear::open(address(1), &tokens[1]).await;
    let answer = ask(address(0), "DELETE", "/auth/sessions/", None, None).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let answer = ask(address(0), "DELETE", "/auth/sessions/", Some(&tokens[0]), None).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    for mut ear in ears {
        let bye = ear.event(BY_THE_BUS, "bye").await;
        assert_eq!(bye["reason"], "disconnected", "{bye}");
        let end = stuck(ear.socket.hear()).await;
        assert!(matches!(end, Heard::End(Some(4401))), "{end:?}");
    }
    let pong = other.ask(json!({ "type": "ping" })).await;
    assert_eq!(pong["type"], "pong", "{pong}");
}
