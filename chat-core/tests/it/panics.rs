//! Code of the host's and of backends that panics once: what the engine does by itself goes on.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Engine, EngineBuilder, ErrorCode, Event, Hooks, NativeJson, People, Policy, PresenceStatus, Principal,
    Signal, UserDirectory, WireFormat,
    bus::{BusError, BusLink, Cluster, Edge, Lease, Leases},
    hooks::{Action, ActionKind, Denied, Draft},
    memory::{LocalBus, MemoryStore},
    model::{ConnectionId, NodeId, Profile, RoomId, UserId},
    protocol::{ClientFrame, FrameError, Hello, Send, SendTo, ServerFrame},
    testkit::{BusFaults, FaultyBus, FaultyStore, HeldStore, Told},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    client::{Client, room_of, user},
    named::{Named, called},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Panics once, when it is asked for the next time after it was told to.
#[derive(Clone, Debug, Default)]
struct Once(Arc<AtomicBool>);

impl Once {
    fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn ask(&self) {
        assert!(!self.0.swap(false, Ordering::Relaxed), "as told");
    }

    fn has_panicked(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

#[chat_core::async_trait]
impl Policy for Once {
    async fn check(&self, _: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        if action.kind == ActionKind::Read {
            self.ask();
        }
        Ok(())
    }
}

#[chat_core::async_trait]
impl UserDirectory for Once {
    async fn profiles(
        &self,
        users: &[UserId],
    ) -> Result<Vec<Profile>, Box<dyn Error + std::marker::Send + Sync>> {
        self.ask();
        Ok(users.iter().map(called).collect())
    }
}

/// Two nodes of one store, the first with what the host brings, on a bus that loses everything.
async fn deaf_nodes(one: EngineBuilder) -> (Engine, Engine) {
    let faults = BusFaults { drop: 1.0, told: Told::Never, ..BusFaults::default() };
    let bus = FaultyBus::new(Arc::new(LocalBus::default()), 1).with_faults(faults);
    let store = Arc::new(MemoryStore::default());
    let build =
        |builder: EngineBuilder| builder.shared_store(Arc::clone(&store) as _).bus(bus.clone()).build();
    (build(one).await.unwrap(), build(Engine::builder()).await.unwrap())
}

async fn named(engine: &Engine, id: &str) -> Client {
    Client::speaking(engine, Principal::new(user(id)), Arc::new(Named::default()), Hello::default()).await
}

async fn say(engine: &Engine, room: RoomId, id: &str, content: &str) {
    let principal = Principal::new(user(id));
    engine.as_user(&principal).send(Send::text(SendTo::Room(room), content)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_panics_keeps_nobody_from_new_rooms() {
    let once = Once::default();
    let (one, two) = deaf_nodes(Engine::builder().policy(once.clone())).await;
    let mut ann = Client::connect(&one, "ann").await;
    ann.expect("welcome").await;
    // The first is told of here, the second found by the sweep of everyone's rooms.
    for at in [&one, &two] {
        once.tell();
        let room = room_of(at, &["bob", "ann"]).await;
        assert_eq!(ann.expect("room_added").await["room"]["id"], json!(room));
        assert!(once.has_panicked());
    }
}

/// The native format, which panics once at a new room.
impl WireFormat for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        NativeJson.event(event, people, out);
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        NativeJson.signal(signal, people, out);
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        if matches!(frame, ServerFrame::RoomAdded { .. }) {
            self.ask();
        }
        NativeJson.frame(frame, out);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeJson.decode(frame)
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_that_panics_at_a_new_room_is_asked_again() {
    let (once, engine) = (Once::default(), Engine::builder().build().await.unwrap());
    let format = Arc::new(once.clone());
    let mut ann = Client::speaking(&engine, Principal::new(user("ann")), format, Hello::default()).await;
    ann.expect("welcome").await;
    once.tell();
    let room = room_of(&engine, &["ann"]).await;
    assert_eq!(ann.expect("room_added").await["room"]["id"], json!(room));
    assert!(once.has_panicked());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_panics_refuses_for_now() {
    let once = Once::default();
    let engine = Engine::builder().policy(once.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    once.tell();
    let principal = Principal::new(user("ann"));
    let error = engine.as_user(&principal).room(room).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::Unavailable, true));
    engine.as_user(&principal).room(room).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_panics_keeps_no_hole_open() {
    let once = Once::default();
    let (one, two) = deaf_nodes(Engine::builder().directory(once.clone())).await;
    let room = room_of(&one, &["1", "2"]).await;
    let mut cy = named(&one, "1").await;
    cy.expect("welcome").await;
    // Those there already are asked about before.
    sleep(Duration::from_secs(1)).await;
    once.tell();
    say(&two, room, "2", "by a stranger").await;
    let message = cy.expect("message").await;
    assert_eq!((&message["seq"], &message["by"]), (&json!(2), &json!("2")));
    assert!(once.has_panicked());
    say(&two, room, "2", "and on").await;
    assert_eq!(cy.expect("message").await["seq"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_panics_makes_nobody_go_offline() {
    let (once, bus) = (Once::default(), LocalBus::default());
    let engine = Engine::builder().directory(once.clone()).bus(bus.clone()).build().await.unwrap();
    room_of(&engine, &["ann", "bob", "cy"]).await;
    let mut ann = named(&engine, "ann").await;
    ann.expect("welcome").await;
    sleep(Duration::from_secs(1)).await;
    let dead = bus.join(NodeId(7), &engine.epoch()).await.unwrap();
    let lease = Lease { user: user("bob"), connection: ConnectionId(7), status: PresenceStatus::Online };
    dead.leases.renew(&[lease], Duration::from_secs(1)).await.unwrap();
    // Who tells that bob is gone asks who he is, and renews leases too.
    once.tell();
    sleep(MINUTE + MINUTE).await;
    assert!(once.has_panicked());
    assert_eq!(status(&engine, "ann").await, PresenceStatus::Online);
}

/// How a user is shown to cy who asks.
async fn status(engine: &Engine, of: &str) -> PresenceStatus {
    let cy = Principal::new(user("cy"));
    engine.as_user(&cy).presence(&[user(of)]).await.unwrap()[0].status
}

/// A bus whose leases panic once.
#[derive(Debug)]
struct PanickyBus(LocalBus, Once);

#[derive(Debug)]
struct PanickyLeases(Arc<dyn Leases>, Once);

#[chat_core::async_trait]
impl Cluster for PanickyBus {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let mut link = self.0.join(node, epoch).await?;
        link.leases = Arc::new(PanickyLeases(link.leases, self.1.clone()));
        Ok(link)
    }
}

#[chat_core::async_trait]
impl Leases for PanickyLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        self.1.ask();
        self.0.renew(leases, ttl).await
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        self.0.release(leases).await
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        self.0.read(users).await
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        self.0.expired().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_panics_makes_nobody_go_offline() {
    let once = Once::default();
    let engine = Engine::builder().bus(PanickyBus(LocalBus::default(), once.clone())).build().await.unwrap();
    room_of(&engine, &["ann", "cy"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    sleep(Duration::from_secs(1)).await;
    once.tell();
    sleep(MINUTE + MINUTE / 2).await;
    assert!(once.has_panicked());
    assert_eq!(status(&engine, "ann").await, PresenceStatus::Online);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_ends_no_lane() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let engine = Engine::builder().store(store.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    store.panic_after("commit", 0);
    // Its outcome is unknown, so that it is tried again.
    say(&engine, room, "ann", "once").await;
    say(&engine, room, "ann", "and on").await;
    assert_eq!(store.calls("commit"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_ends_no_room_that_was_held() {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let store = Arc::new(HeldStore::new(Arc::new(faulty.clone())));
    let engine = Engine::builder().shared_store(Arc::clone(&store) as _).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    store.hold(room);
    for content in ["waits", "waits behind it"] {
        ann.send(room, content, content);
        sleep(Duration::from_millis(10)).await;
    }
    // What waits behind it is committed by the same task, from the beginning of which the room is free.
    faulty.panic_after("commit", 1);
    store.free(room);
    for content in ["waits", "waits behind it", "on"] {
        if content == "on" {
            ann.send(room, content, content);
        }
        assert_eq!(ann.expect("ok").await["id"], content);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_panics_is_made_up_for() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), 1);
    let engine = Engine::builder().store(store.clone()).build().await.unwrap();
    let elsewhere = Engine::builder().store(store.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann", "bob"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    for (n, read) in ["heads", "epoch", "events", "memberships", "pointers"].into_iter().enumerate() {
        store.panic_after(read, 0);
        sleep(MINUTE).await;
        say(&elsewhere, room, "bob", read).await;
        assert_eq!(ann.expect("message").await["seq"], n + 2);
    }
}

/// An after-hook written by hand, that panics before it gives a future, and then tells what it is told.
#[derive(Debug, Default)]
struct ByHand(Once, Arc<Mutex<Vec<u64>>>);

impl Hooks for ByHand {
    fn after<'a, 'b, 'c>(
        &'a self,
        event: &'b Event,
    ) -> Pin<Box<dyn Future<Output = ()> + std::marker::Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.0.ask();
        self.1.lock().unwrap().push(event.seq.get());
        Box::pin(async {})
    }
}

#[tokio::test(start_paused = true)]
async fn an_after_hook_that_panics_before_it_begins_ends_none_after_it() {
    let (once, told) = (Once::default(), Arc::default());
    let hooks = ByHand(once.clone(), Arc::clone(&told));
    let engine = Engine::builder().hooks(hooks).build().await.unwrap();
    once.tell();
    let room = room_of(&engine, &["ann"]).await;
    sleep(Duration::from_millis(10)).await;
    say(&engine, room, "ann", "told").await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(*told.lock().unwrap(), [2]);
}

/// A filter that panics once.
#[chat_core::async_trait]
impl Hooks for Once {
    async fn before_message(&self, _: &Principal, _: &mut Draft) -> Result<(), Denied> {
        self.ask();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_fails_a_call_of_the_hosts_too() {
    let once = Once::default();
    let engine = Engine::builder().hooks(once.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    once.tell();
    let principal = Principal::new(user("ann"));
    let error = engine.as_user(&principal).send(Send::text(SendTo::Room(room), "refused")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    say(&engine, room, "ann", "and on").await;
}
