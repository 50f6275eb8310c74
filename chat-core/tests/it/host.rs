//! What a host does beside users: reads the log, changes its mind, renews the epoch.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chat_core::{
    CreateRoom, Engine, Error, ErrorCode, Limits, Policy, Principal, async_trait,
    hooks::{Action, ActionKind, Denied},
    memory::{LocalBus, MemoryStore},
    model::{Member, RoomId, RoomKind, Seq},
    protocol::{Send, SendTo},
    store::LogStore,
};
use serde_json::json;

use crate::client::{Client, user};

async fn room(engine: &Engine) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group).with_members(["1", "2"].map(user));
    engine.as_host().create_room(create).await.unwrap().room
}

async fn say(engine: &Engine, room: RoomId, content: &str) -> Seq {
    engine.as_host().send(Send::text(SendTo::Room(room), content)).await.unwrap().message.seq
}

#[tokio::test(start_paused = true)]
async fn a_host_reads_what_happened_above_its_cursors() {
    let engine = Engine::builder().build().await.unwrap();
    let (a, b, c) = (room(&engine).await, room(&engine).await, room(&engine).await);
    for n in 0..5 {
        say(&engine, a, &n.to_string()).await;
        say(&engine, c, &n.to_string()).await;
    }
    let mut cursors = BTreeMap::from([(a, Seq::ZERO), (b, Seq::new(1)), (c, Seq::new(3))]);
    let mut read = Vec::new();
    loop {
        let changes = engine.changes(&cursors, Some(4)).await.unwrap();
        if changes.is_empty() {
            break;
        }
        assert!(changes.iter().map(|(_, page)| page.events.len()).sum::<usize>() <= 4);
        for (room, page) in changes {
            assert_ne!(room, b, "nothing happened there");
            for event in page.events {
                cursors.insert(room, event.seq);
                read.push((event.room, event.seq.get()));
            }
        }
    }
    let of_a = (1..=6).map(|seq| (a, seq));
    assert_eq!(read, of_a.chain((4..=6).map(|seq| (c, seq))).collect::<Vec<_>>());
}

/// Lets nobody read while it is closed.
#[derive(Clone, Debug, Default)]
struct Door(Arc<AtomicBool>);

#[async_trait]
impl Policy for Door {
    async fn check(&self, _: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        let closed = action.kind == ActionKind::Read && self.0.load(Ordering::SeqCst);
        if closed { Err(Denied::new("closed")) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_changed_its_mind_is_asked_anew_on_every_node() {
    let (store, bus, door) = (Arc::new(MemoryStore::default()), LocalBus::default(), Door::default());
    let node = || {
        let builder = Engine::builder().shared_store(Arc::clone(&store) as _).bus(bus.clone());
        builder.policy(door.clone()).build()
    };
    let (here, there) = (node().await.unwrap(), node().await.unwrap());
    let room = room(&here).await;
    let mut one = Client::connect(&there, "1").await;
    let mut two = Client::connect(&here, "2").await;
    say(&here, room, "read by both").await;
    for client in [&mut one, &mut two] {
        assert_eq!(client.expect("message").await["seq"], 2);
    }
    door.0.store(true, Ordering::SeqCst);
    here.invalidate(&user("1"), room);
    let ended = one.expect("unsubscribed").await;
    assert_eq!((&ended["room_id"], &ended["reason"]), (&json!(room), &json!("removed")));
    say(&here, room, "read by one").await;
    assert_eq!(two.expect("message").await["seq"], 3);
    door.0.store(false, Ordering::SeqCst);
    here.invalidate(&user("1"), room);
    let added = one.next().await.unwrap();
    assert_eq!(
        (&added["type"], &added["room"]["head"]),
        (&json!("room_added"), &json!(3)),
        "and no event before"
    );
    say(&here, room, "read by both again").await;
    assert_eq!(one.expect("message").await["seq"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_epoch_ends_every_session_on_every_node() {
    let (store, bus) = (Arc::new(MemoryStore::default()), LocalBus::default());
    let node = || Engine::builder().shared_store(Arc::clone(&store) as _).bus(bus.clone()).build();
    let (here, there) = (node().await.unwrap(), node().await.unwrap());
    let room = room(&here).await;
    let (mut one, mut two) = (Client::connect(&here, "1").await, Client::connect(&there, "2").await);
    let old = here.epoch();
    // As an operator does after a restore, beside the running nodes.
    store.renew_epoch(&old, "another").await.unwrap();
    for client in [&mut one, &mut two] {
        assert_eq!(client.expect("bye").await["reason"], "reset");
    }
    let hello = json!({"epoch": *old, "rooms": {room.to_string(): 1}});
    let (mut one, mut two) =
        (Client::resume(&here, "1", hello.clone()).await, Client::resume(&there, "2", hello).await);
    for client in [&mut one, &mut two] {
        let welcome = client.expect("welcome").await;
        assert_eq!((&welcome["reset"], &welcome["epoch"]), (&json!(true), &json!("another")));
    }
    // And the nodes hear each other: well before any sweep.
    say(&here, room, "by the bus").await;
    tokio::time::timeout(std::time::Duration::from_millis(200), two.expect("message")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn members_of_several_rooms_are_for_who_may_read_them() {
    let (door, mut limits) = (Door::default(), Limits::default());
    limits.page_max = 3;
    let engine = Engine::builder().policy(door.clone()).limits(limits).build().await.unwrap();
    let others = CreateRoom::new(RoomKind::Group).with_members(["2", "3", "4", "5"].map(user));
    let others = engine.as_host().create_room(others).await.unwrap().room;
    let (one, two) = (room(&engine).await, room(&engine).await);
    let of = async |who: &str, rooms: &[RoomId]| {
        let principal = Principal::new(user(who));
        let found = engine.as_user(&principal).members_of(rooms).await?;
        let names = |members: Vec<Member>| members.iter().map(|member| member.user.to_string()).collect();
        Ok::<Vec<(RoomId, Vec<String>)>, Error>(
            found.into_iter().map(|(room, members)| (room, names(members))).collect(),
        )
    };
    let pair = ["1", "2"].map(str::to_owned).to_vec();
    let page = ["2", "3", "4"].map(str::to_owned).to_vec();
    assert_eq!(of("1", &[two, others, one]).await.unwrap(), [(one, pair.clone()), (two, pair.clone())]);
    assert_eq!(of("2", &[one, others]).await.unwrap(), [(others, page), (one, pair)]);
    assert_eq!(of("1", &[]).await.unwrap(), []);
    assert_eq!(of("1", &[one; 4]).await.unwrap_err().code(), ErrorCode::TooLarge);
    door.0.store(true, Ordering::SeqCst);
    assert_eq!(of("1", &[one, two]).await.unwrap(), []);
}
