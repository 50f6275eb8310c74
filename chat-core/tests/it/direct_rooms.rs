//! Formats that show direct rooms alone: receipts one a message, told however late a connection comes to know the room.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Engine, Event, Limits, NativeJson, People, Policy, Principal, Signal, WireFormat,
    hooks::{Action, ActionKind, Denied},
    memory::{LocalBus, MemoryStore},
    model::Message,
    protocol::{ClientFrame, FrameError, Hello, Send, SendTo, ServerFrame},
    store::Store,
    testkit::{CallFaults, FaultyStore, StoreFaults},
};
use serde_json::{Value, json};

use crate::client::{Client, user};

/// The native format, with receipts one a message.
#[derive(Debug)]
struct OneByOne;

impl WireFormat for OneByOne {
    fn name(&self) -> &'static str {
        "one by one"
    }

    fn shows_direct_rooms(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        NativeJson.event(event, people, out);
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        if let Signal::Passed { user, read, delivered, .. } = signal {
            let frame = json!({ "type": "passed", "user": user, "read": read, "delivered": delivered });
            out.extend_from_slice(frame.to_string().as_bytes());
        } else {
            NativeJson.signal(signal, people, out);
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        NativeJson.frame(frame, out);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeJson.decode(frame)
    }
}

/// Once a room is known, `2` may read it from when it is opened on.
#[derive(Debug)]
struct Door {
    is_open: Arc<AtomicBool>,
}

#[chat_core::async_trait]
impl Policy for Door {
    async fn check(&self, principal: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        let is_shut = action.kind == ActionKind::Read && principal.user.as_str() == "2";
        if is_shut && !self.is_open.load(Ordering::Relaxed) {
            return Err(Denied::new("not yet"));
        }
        Ok(())
    }
}

/// Nothing is told by a repair while a test runs.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.signal_repair = Duration::from_secs(24 * 60 * 60);
    limits
}

async fn one_by_one(engine: &Engine, id: &str) -> Client {
    Client::speaking(engine, Principal::new(user(id)), Arc::new(OneByOne), Hello::default()).await
}

async fn send(engine: &Engine, from: &str, to: &str, content: &str) -> Message {
    let to = SendTo::User(user(to));
    let principal = Principal::new(user(from));
    engine.as_user(&principal).send(Send::text(to, content)).await.unwrap().message
}

/// Waits until these messages are given and told to be delivered, each at least once; nothing else is.
async fn delivered(client: &mut Client, messages: &[&Message]) {
    let ids: BTreeSet<String> = messages.iter().map(|message| json!(message.id).to_string()).collect();
    let (mut given, mut passed) = (BTreeSet::new(), BTreeSet::new());
    while given != ids || passed != ids {
        let frame = client.next().await.expect("it goes on");
        match frame["type"].as_str() {
            Some("message") => drop(given.insert(frame["message"]["id"].to_string())),
            Some("passed") => {
                assert_eq!(frame["user"], "1");
                assert_eq!(frame["read"], json!([]));
                let frame: Vec<Value> = frame["delivered"].as_array().unwrap().clone();
                passed.extend(frame.iter().map(ToString::to_string));
                assert!(passed.is_subset(&ids), "{passed:?} of {ids:?}");
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_on_another_node_before_the_room_was_known_here_is_told() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    // Of two nodes that do not hear each other: a room is found by the sweep.
    let build = || Engine::builder().shared_store(Arc::clone(&store)).limits(limits()).build();
    let (here, there) = (build().await.unwrap(), build().await.unwrap());
    let mut bob = one_by_one(&here, "2").await;
    let mut ann = Client::connect(&there, "1").await;
    let sent = [send(&there, "2", "1", "first").await, send(&there, "2", "1", "second").await];
    ann.expect("message").await;
    ann.expect("message").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    delivered(&mut bob, &sent.each_ref()).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_here_were_told_before_the_room_was_known_to_a_connection_is_told() {
    let is_open = Arc::new(AtomicBool::new(false));
    let door = Door { is_open: Arc::clone(&is_open) };
    let engine = Engine::builder().policy(door).limits(limits()).build().await.unwrap();
    let mut bob = one_by_one(&engine, "2").await;
    let mut ann = one_by_one(&engine, "1").await;
    let sent = [send(&engine, "2", "1", "first").await, send(&engine, "2", "1", "second").await];
    // Whoever has the room here is told how far it got: nobody else has it now.
    loop {
        let receipt = ann.expect("receipt").await;
        if receipt["user"] == "1" && receipt["delivered"] == json!(sent[1].seq) {
            break;
        }
    }
    is_open.store(true, Ordering::Relaxed);
    engine.invalidate(&user("2"), sent[0].room_id);
    delivered(&mut bob, &sent.each_ref()).await;
}

/// A node that found in the store how far its own member got has told it here: the other nodes are told all the same.
#[tokio::test(start_paused = true)]
async fn what_was_found_here_is_told_on_other_nodes_too() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let bus = LocalBus::default();
    let build =
        || Engine::builder().shared_store(Arc::clone(&store)).bus(bus.clone()).limits(limits()).build();
    let (here, there) = (build().await.unwrap(), build().await.unwrap());
    let first = send(&here, "1", "2", "first").await;
    let mut device = one_by_one(&here, "1").await;
    let _other = Client::connect(&there, "2").await;
    // Writing moves a pointer that no node tells of, and whoever comes next finds it in the store.
    let second = send(&there, "2", "1", "second").await;
    let _own = one_by_one(&there, "2").await;
    let mut passed = BTreeSet::new();
    while passed.is_empty() {
        let frame = device.expect("passed").await;
        assert_eq!(frame["user"], "2");
        passed.extend(frame["delivered"].as_array().unwrap().iter().map(ToString::to_string));
    }
    assert_eq!(passed, [json!(first.id).to_string()].into());
    assert_ne!(first.id, second.id);
}

/// However long the store takes over each.
#[tokio::test(start_paused = true)]
async fn receipts_come_in_the_order_in_which_messages_were_read() {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), 7);
    let engine = Engine::builder().store(faulty.clone()).limits(limits()).build().await.unwrap();
    let mut bob = one_by_one(&engine, "2").await;
    let mut sent = Vec::new();
    for n in 0..10 {
        sent.push(send(&engine, "2", "1", &n.to_string()).await);
    }
    let ann = Client::connect(&engine, "1").await;
    let stall = CallFaults { stall: 1.0, stall_max: Duration::from_millis(300), ..CallFaults::default() };
    faulty.set_faults(StoreFaults { reads: stall, ..StoreFaults::default() });
    for message in &sent {
        ann.say(&json!({"type": "read", "room_id": message.room_id, "seq": message.seq}));
    }
    let wanted: Vec<Value> = sent.iter().map(|message| json!(message.id)).collect();
    let mut read = Vec::new();
    while read.len() < wanted.len() {
        read.extend(bob.expect("passed").await["read"].as_array().unwrap().clone());
    }
    assert_eq!(read, wanted);
}

/// Its clients know of no other way to load what was left out.
#[tokio::test(start_paused = true)]
async fn a_format_that_tells_no_gap_leaves_nothing_out() {
    let mut limits = limits();
    limits.gap_after = 20;
    limits.gap_keep = 5;
    limits.sends.burst = 1_000;
    // Little of it is in memory.
    limits.hot_events_max = 10;
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let mut native = Client::connect(&engine, "1").await;
    let mut other = one_by_one(&engine, "1").await;
    let first = send(&engine, "2", "1", "first").await;
    native.expect("message").await;
    other.expect("message").await;
    for n in 0..500 {
        send(&engine, "2", "1", &n.to_string()).await;
    }
    let gap = native.expect("gap").await;
    assert_eq!(gap["from"], json!(first.seq.next()));
    for seq in 0..500 {
        let next = loop {
            let frame = other.next().await.unwrap();
            assert_ne!(frame["type"], "gap");
            if frame["type"] == "message" {
                break frame;
            }
        };
        assert_eq!(next["seq"], json!(first.seq.get() + 1 + seq));
    }
}
