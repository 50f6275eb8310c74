//! Rooms that someone else than the engine writes to.

use std::{sync::Arc, time::Duration};

use super::{
    super::Engine,
    join,
    pipe::{Pipe, Writes},
    room, say, settle, user,
};
use crate::{
    Limits,
    memory::{LocalBus, MemoryStore},
    model::{ClientId, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Seq, Timestamp},
    store::{Actor, Change, ChangeBody, NewMessage, NewRoom, Outcome, Require, Store},
};

/// Two nodes of one store, which look for what was missed once in an hour.
async fn nodes() -> (Arc<dyn Store>, Engine, Engine) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let bus = LocalBus::default();
    let hour = Duration::from_secs(3_600);
    let limits = Limits { sweep: hour, room_set_sweep: hour, ..Limits::default() };
    let build = || {
        let engine = Engine::builder().shared_store(Arc::clone(&store)).bus(bus.clone());
        engine.limits(limits.clone()).build()
    };
    let (one, two) = (build().await.unwrap(), build().await.unwrap());
    (store, one, two)
}

async fn past_the_engine(store: &Arc<dyn Store>, room: Option<RoomId>, body: ChangeBody) -> RoomId {
    let at = Timestamp::from_micros(1);
    let change = Change { room, actor: Actor::Host, at, require: Require::NOTHING, body };
    let answer = store.commit(vec![change]).await.unwrap().remove(0).unwrap();
    let Outcome::Applied(event) = answer else { panic!("{answer:?}") };
    event.room
}

fn notice() -> ChangeBody {
    ChangeBody::Send(NewMessage {
        client_id: ClientId::new("order 7").unwrap(),
        digest: [0; 16],
        kind: MessageKind::system(),
        content: "sent".to_owned(),
        reply_to: None,
        thread: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        metadata: Metadata::default(),
    })
}

#[tokio::test(start_paused = true)]
async fn what_a_host_wrote_is_shown_on_all_nodes_once_it_is_announced() {
    let (store, one, two) = nodes().await;
    let room = room(&one, 2).await;
    say(&one, room, "before").await;
    let (here, there) = (Pipe::wide(&Writes::default()), Pipe::wide(&Writes::default()));
    let _here = join(&one, 0, &here).await;
    let _there = join(&two, 1, &there).await;
    settle().await;
    past_the_engine(&store, Some(room), notice()).await;
    settle().await;
    let shown = |pipe: &Pipe| pipe.positions(room).0.map(|(_, last)| last);
    assert_ne!((shown(&here), shown(&there)), (Some(Seq::new(3)), Some(Seq::new(3))), "nobody knows of it");
    one.as_host().announce(&[room]).await.unwrap();
    settle().await;
    assert_eq!((shown(&here), shown(&there)), (Some(Seq::new(3)), Some(Seq::new(3))));
}

#[tokio::test(start_paused = true)]
async fn members_of_a_room_that_a_host_made_are_told_of_it() {
    let (store, one, two) = nodes().await;
    let (here, there) = (Pipe::wide(&Writes::default()), Pipe::wide(&Writes::default()));
    let _here = join(&one, 0, &here).await;
    let _there = join(&two, 1, &there).await;
    settle().await;
    let new = NewRoom {
        kind: RoomKind::Group,
        name: None,
        metadata: Metadata::default(),
        subject: Some("order 7".to_owned()),
        history: HistoryMode::All,
        members: vec![(user(0), Role::Owner), (user(1), Role::Member)],
        client_id: None,
    };
    let made = past_the_engine(&store, None, ChangeBody::Create(new)).await;
    let unknown = RoomId::new(99).unwrap();
    one.as_host().announce(&[unknown, made]).await.unwrap();
    settle().await;
    for (pipe, engine) in [(&here, &one), (&there, &two)] {
        say(engine, made, "hello").await;
        settle().await;
        assert!(pipe.positions(made).0.is_some(), "{:?}", pipe.frames());
    }
}
