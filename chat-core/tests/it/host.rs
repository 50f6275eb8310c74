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
    model::{ClientId, Member, MessageKind, Role, RoomId, RoomKind, Seq},
    protocol::{Send, SendTo},
    store::{LogStore, Outcome},
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
    let of = |room| read.iter().filter(|(of, _)| *of == room).map(|(_, seq)| *seq).collect::<Vec<_>>();
    assert_eq!(of(a), (1..=6).collect::<Vec<_>>());
    assert_eq!(of(c), (4..=6).collect::<Vec<_>>());
    assert_eq!(read.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn rooms_with_news_share_an_answer() {
    let engine = Engine::builder().build().await.unwrap();
    let (busy, quiet, last) = (room(&engine).await, room(&engine).await, room(&engine).await);
    for n in 0..30 {
        say(&engine, busy, &n.to_string()).await;
        say(&engine, last, &n.to_string()).await;
    }
    let cursors = BTreeMap::from([(busy, Seq::ZERO), (quiet, Seq::ZERO), (last, Seq::ZERO)]);
    let changes = engine.changes(&cursors, Some(20)).await.unwrap();
    let shares: Vec<_> = changes.iter().map(|(room, page)| (*room, page.events.len())).collect();
    // What the quiet one does not need is the others'.
    assert_eq!(shares, [(busy, 9), (quiet, 1), (last, 10)]);
}

#[tokio::test(start_paused = true)]
async fn no_room_starves_beside_busy_ones() {
    let engine = Engine::builder().build().await.unwrap();
    let mut rooms = Vec::new();
    for _ in 0..6 {
        rooms.push(room(&engine).await);
    }
    let mut cursors: BTreeMap<_, _> = rooms.iter().map(|room| (*room, Seq::new(1))).collect();
    let quiet = *rooms.last().unwrap();
    say(&engine, quiet, "heard in the end").await;
    for _ in 0..1_000 {
        for busy in &rooms[..5] {
            say(&engine, *busy, "more and more").await;
        }
        for (room, page) in engine.changes(&cursors, Some(2)).await.unwrap() {
            cursors.insert(room, page.events.last().unwrap().seq);
        }
        if cursors[&quiet] == Seq::new(2) {
            return;
        }
    }
    panic!("five busy rooms kept the sixth from being heard");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_above_the_head_is_told() {
    let engine = Engine::builder().build().await.unwrap();
    let (ahead, even, news) = (room(&engine).await, room(&engine).await, room(&engine).await);
    let unknown = RoomId::new(77).unwrap();
    let cursors = BTreeMap::from([
        (ahead, Seq::new(9)),
        (even, Seq::new(1)),
        (news, Seq::ZERO),
        (unknown, Seq::new(3)),
        (RoomId::new(78).unwrap(), Seq::ZERO),
    ]);
    let changes = engine.changes(&cursors, None).await.unwrap();
    let told: Vec<_> =
        changes.iter().map(|(room, page)| (*room, page.head.get(), page.events.len())).collect();
    assert_eq!(told, [(ahead, 1, 0), (news, 1, 1), (unknown, 0, 0)]);
    // Also where each answer has place for one.
    let one = engine.changes(&BTreeMap::from([(ahead, Seq::new(9))]), Some(1)).await.unwrap();
    assert_eq!(one[0].1.head, Seq::new(1));
}

#[tokio::test(start_paused = true)]
async fn a_host_finds_all_rooms_and_misses_none() {
    let engine = Engine::builder().build().await.unwrap();
    let mut expected = Vec::new();
    for n in 0..5_u64 {
        let room = room(&engine).await;
        for _ in 0..n {
            say(&engine, room, "hello").await;
        }
        expected.push((room, n + 1));
    }
    engine.as_host().delete_room(expected[2].0).await.unwrap();
    expected[2].1 += 1;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = engine.as_host().rooms_after(after, Some(2)).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2 && after < Some(last.room));
        after = Some(last.room);
        found.extend(page.iter().map(|head| (head.room, head.head.get())));
    }
    assert_eq!(found, expected);
    let error = engine.as_host().rooms_after(None, Some(0)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadField);
}

#[tokio::test(start_paused = true)]
async fn a_hosts_change_does_what_its_call_does() {
    let engine = Engine::builder().build().await.unwrap();
    let host = engine.as_host();
    let mut create = CreateRoom::new(RoomKind::Group).with_owner(user("1"));
    create.subject = Some("order/7".to_owned());
    // As a store does in a transaction of the host's.
    let commit = async |change| engine.store().commit(vec![change]).await.unwrap().remove(0).unwrap();
    let Outcome::Applied(made) = commit(host.change_to_create(create.clone()).unwrap()).await else {
        panic!()
    };
    let room = host.room_for("order/7", create).await.unwrap();
    assert_eq!((room.room, room.is_new), (made.room, false));

    let key = ClientId::new("shipped").unwrap();
    let mut send = Send::text(SendTo::Room(made.room), "Your order was shipped").with_client_id(key);
    send.mentions = vec![user("1")];
    let Outcome::Applied(sent) = commit(host.change_to_send(send.clone()).unwrap()).await else { panic!() };
    let again = host.send(send.clone()).await.unwrap();
    assert_eq!((again.message.seq, again.is_repeat), (sent.seq, true));
    assert_eq!(again.message.kind, MessageKind::system());
    let again = commit(host.change_to_send(send.clone()).unwrap()).await;
    assert!(matches!(again, Outcome::Repeat(event) if event.seq == sent.seq));
    send.content = "another body".to_owned();
    assert_eq!(host.send(send).await.unwrap_err().code(), ErrorCode::BodyMismatch);

    commit(host.change_to_add_member(made.room, user("2"), Role::Moderator)).await;
    commit(host.change_to_remove_member(made.room, user("1"))).await;
    let members = host.members(made.room, None, None).await.unwrap();
    let members: Vec<_> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
    assert_eq!(members, [("2", Role::Owner)]);
    // Bounds are those of the calls.
    let long = Send::text(SendTo::Room(made.room), "x".repeat(engine.limits().content_bytes_max + 1));
    assert_eq!(host.change_to_send(long).unwrap_err().code(), ErrorCode::TooLarge);
    let long = CreateRoom::new(RoomKind::Group).with_name("x".repeat(1_000));
    assert_eq!(host.change_to_create(long).unwrap_err().code(), ErrorCode::TooLarge);
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
