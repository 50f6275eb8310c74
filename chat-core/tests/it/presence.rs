//! Who is there, told at last whatever the bus lost, and when somebody was seen.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Clock, Engine, PresenceStatus, Principal, SystemClock,
    bus::{Cluster, Lease},
    memory::{LocalBus, MemoryStore},
    model::{ConnectionId, NodeId, Timestamp},
    protocol::{Send, SendTo},
    testkit::{BusFaults, FaultyBus, FaultyStore, Told},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Client, room_of, user};

/// The time of day that goes with the runtime's.
#[derive(Debug)]
struct PausedClock(Timestamp, Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.0.plus(self.1.elapsed())
    }

    fn random(&self) -> u64 {
        SystemClock.random()
    }
}

/// Two nodes of one store, and their bus.
async fn nodes() -> (Engine, Engine, FaultyBus<LocalBus>) {
    let bus = FaultyBus::new(Arc::new(LocalBus::default()), 1);
    let store = Arc::new(MemoryStore::default());
    let start = (SystemClock.now(), Instant::now());
    let build = || {
        let engine = Engine::builder().shared_store(Arc::clone(&store) as _).bus(bus.clone());
        engine.clock(PausedClock(start.0, start.1)).build()
    };
    (build().await.unwrap(), build().await.unwrap(), bus)
}

/// What a client is told of a user in that time: status, and when he was seen.
async fn told(client: &mut Client, of: &str, within: Duration) -> Vec<(Value, Value)> {
    let (end, mut told) = (Instant::now() + within, Vec::new());
    while Instant::now() < end {
        // A client takes a minute without a frame for a failure.
        let patience = (end - Instant::now()).min(MINUTE / 2);
        let Ok(frame) = timeout(patience, client.next()).await else { continue };
        let frame = frame.expect("it goes on");
        if frame["type"] == "presence" && frame["user"] == of {
            told.push((frame["status"].clone(), frame["last_seen"].clone()));
        }
    }
    told
}

/// How a user is shown to ann who asks.
async fn shown(engine: &Engine, who: &str) -> (Value, Value) {
    let ann = Principal::new(user("ann"));
    let entry = serde_json::to_value(engine.as_user(&ann).presence(&[user(who)]).await.unwrap()).unwrap();
    (entry[0]["status"].clone(), entry[0]["last_seen"].clone())
}

fn seen(at: Timestamp) -> Value {
    serde_json::to_value(at).unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_change_that_the_bus_lost_is_told_at_last() {
    let (one, two, bus) = nodes().await;
    room_of(&one, &["ann", "bob"]).await;
    let mut ann = Client::connect(&one, "ann").await;
    bus.set_faults(BusFaults { drop: 1.0, told: Told::Never, ..BusFaults::default() });
    let bob = Client::connect(&two, "bob").await;
    assert_eq!(told(&mut ann, "bob", MINUTE + MINUTE).await, [(json!("online"), Value::Null)]);
    let left = two.now();
    drop(bob);
    let gone = (json!("offline"), seen(left));
    assert_eq!(told(&mut ann, "bob", MINUTE + MINUTE).await, std::slice::from_ref(&gone));
    assert_eq!(shown(&one, "bob").await, gone);
}

#[tokio::test(start_paused = true)]
async fn one_who_begins_is_told_what_others_were_told_wrong() {
    let (one, two, bus) = nodes().await;
    room_of(&one, &["ann", "bob", "cat"]).await;
    let mut ann = Client::connect(&one, "ann").await;
    ann.expect("welcome").await;
    bus.set_faults(BusFaults { drop: 1.0, told: Told::Never, ..BusFaults::default() });
    let _bob = Client::connect(&two, "bob").await;
    sleep(Duration::from_secs(1)).await;
    let mut cat = Client::connect(&one, "cat").await;
    assert_eq!(cat.expect("welcome").await["presence"][1]["user"], "bob");
    assert_eq!(told(&mut ann, "bob", Duration::from_secs(15)).await, [(json!("online"), Value::Null)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_and_what_is_asked_agree_on_when_somebody_left() {
    let (one, _two, _bus) = nodes().await;
    room_of(&one, &["ann", "bob"]).await;
    let mut ann = Client::connect(&one, "ann").await;
    let bob = Client::connect(&one, "bob").await;
    assert_eq!(told(&mut ann, "bob", MINUTE).await, [(json!("online"), Value::Null)]);
    let left = one.now();
    drop(bob);
    let gone = (json!("offline"), seen(left));
    assert_eq!(told(&mut ann, "bob", MINUTE).await, std::slice::from_ref(&gone));
    assert_eq!(shown(&one, "bob").await, gone);
}

#[tokio::test(start_paused = true)]
async fn who_is_invisible_is_not_seen_leaving() {
    let (one, _two, _bus) = nodes().await;
    room_of(&one, &["ann", "bob"]).await;
    let bob = Client::connect(&one, "bob").await;
    sleep(MINUTE).await;
    let hidden = one.now();
    bob.say(&json!({"type": "presence", "status": "invisible"}));
    sleep(MINUTE).await;
    drop(bob);
    sleep(MINUTE).await;
    assert_eq!(shown(&one, "bob").await, (json!("offline"), seen(hidden)));
}

#[tokio::test(start_paused = true)]
async fn the_users_of_a_node_that_died_were_seen_too() {
    let (one, _two, bus) = nodes().await;
    room_of(&one, &["ann", "bob"]).await;
    let dead = bus.join(NodeId(7), &one.epoch()).await.unwrap();
    let lease = Lease { user: user("bob"), connection: ConnectionId(7), status: PresenceStatus::Online };
    dead.leases.renew(&[lease], MINUTE).await.unwrap();
    let mut ann = Client::connect(&one, "ann").await;
    ann.expect("welcome").await;
    let died = one.now();
    let gone = told(&mut ann, "bob", MINUTE + MINUTE).await;
    assert_eq!(gone, [shown(&one, "bob").await]);
    let late = Timestamp::parse(gone[0].1.as_str().unwrap()).unwrap().since(died);
    assert!(late < Duration::from_secs(6), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn those_whose_leases_were_lost_were_never_away() {
    let (one, two, bus) = nodes().await;
    let room = room_of(&one, &["ann", "bob"]).await;
    let mut ann = Client::connect(&one, "ann").await;
    let mut bob = Client::connect(&two, "bob").await;
    let connection = bob.expect("welcome").await["connection_id"].as_str().unwrap().to_owned();
    let connection = ConnectionId(u64::from_str_radix(&connection, 16).unwrap());
    assert_eq!(told(&mut ann, "bob", MINUTE).await, [(json!("online"), Value::Null)]);
    let empty = bus.join(NodeId(7), &one.epoch()).await.unwrap();
    empty.leases.release(&[(user("bob"), connection)]).await.unwrap();
    // The first message is lost, and everyone hears that: each node looks at once, this one before that one renews.
    bus.set_faults(BusFaults { drop: 1.0, told: Told::AtOnce, ..BusFaults::default() });
    two.as_host().send(Send::text(SendTo::Room(room), "lost on the way")).await.unwrap();
    let told = told(&mut ann, "bob", Duration::from_secs(30)).await;
    assert!(told.iter().all(|(status, _)| status == "online"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow_makes_nobody_go_offline() {
    let (bus, store) = (LocalBus::default(), Arc::new(MemoryStore::default()));
    let slow = FaultyStore::new(Arc::clone(&store), 1);
    let one = Engine::builder().store(slow.clone()).bus(bus.clone()).build().await.unwrap();
    let two = Engine::builder().shared_store(store).bus(bus).build().await.unwrap();
    for _ in 0..60 {
        room_of(&one, &["ann", "bob"]).await;
    }
    let mut ann = Client::connect(&two, "ann").await;
    let _bob = Client::connect(&one, "bob").await;
    assert_eq!(told(&mut ann, "bob", MINUTE / 2).await, [(json!("online"), Value::Null)]);
    // What is read to repair signals takes longer, all rooms together, than leases last.
    slow.slow_down("pointers", MINUTE);
    slow.slow_down("memberships", MINUTE);
    assert_eq!(told(&mut ann, "bob", 5 * MINUTE).await, []);
    assert!(slow.calls("pointers") >= 60);
}

/// Ends a node whose clients go at once.
async fn shut_down(engine: &Engine, clients: Vec<Client>) {
    let shutdown = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(MINUTE).await }
    });
    drop(clients);
    assert!(shutdown.await.unwrap(), "every task ended");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_goes_down_takes_nobody_offline_who_comes_back() {
    let (one, two, _bus) = nodes().await;
    room_of(&one, &["ann", "bob", "cat", "dan"]).await;
    let (mut ann, mut dan) = (Client::connect(&two, "ann").await, Client::connect(&two, "dan").await);
    let gone = vec![Client::connect(&one, "bob").await, Client::connect(&one, "cat").await];
    for (onlooker, who) in [(&mut ann, "bob"), (&mut dan, "cat")] {
        assert_eq!(told(onlooker, who, MINUTE / 2).await, [(json!("online"), Value::Null)]);
    }
    let left = one.now();
    shut_down(&one, gone).await;
    sleep(Duration::from_secs(2)).await;
    let _bob = Client::connect(&two, "bob").await;
    // Within the grace and the time after which leases are looked at.
    let offline = (json!("offline"), seen(left));
    assert_eq!(told(&mut dan, "cat", Duration::from_secs(14)).await, std::slice::from_ref(&offline));
    assert_eq!(shown(&two, "cat").await, offline);
    assert_eq!(told(&mut ann, "bob", 2 * MINUTE).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_goes_down_alone_notes_who_was_there() {
    let store = Arc::new(MemoryStore::default());
    let bus = LocalBus::default();
    let build =
        async || Engine::builder().shared_store(Arc::clone(&store) as _).bus(bus.clone()).build().await;
    let engine = build().await.unwrap();
    room_of(&engine, &["ann", "bob"]).await;
    let bob = Client::connect(&engine, "bob").await;
    sleep(Duration::from_secs(1)).await;
    shut_down(&engine, vec![bob]).await;
    let again = build().await.unwrap();
    assert_eq!(shown(&again, "bob").await.0, "online", "as long as he may come back");
    sleep(Duration::from_secs(11)).await;
    let (status, last_seen) = shown(&again, "bob").await;
    assert_eq!((status, last_seen.is_string()), (json!("offline"), true));
}

/// What a user says of himself after a reload is not outvoted by the connection before, whose grace is not over.
#[tokio::test(start_paused = true)]
async fn what_is_chosen_after_a_reload_is_told_at_once() {
    for (choice, shown) in [("away", "away"), ("invisible", "offline")] {
        let (engine, _, _) = nodes().await;
        room_of(&engine, &["ann", "bob"]).await;
        let mut ann = Client::connect(&engine, "ann").await;
        let bob = Client::connect(&engine, "bob").await;
        assert_eq!(told(&mut ann, "bob", Duration::from_secs(1)).await, [(json!("online"), Value::Null)]);
        drop(bob);
        let bob = Client::connect(&engine, "bob").await;
        sleep(Duration::from_secs(1)).await;
        bob.say(&json!({"type": "presence", "status": choice}));
        let told = told(&mut ann, "bob", Duration::from_secs(1)).await;
        assert_eq!(told.iter().map(|(status, _)| status).collect::<Vec<_>>(), [shown]);
    }
}
