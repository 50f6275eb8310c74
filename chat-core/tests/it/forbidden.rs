//! Rooms that the host's policy does not let one read: nothing of them is shown, by whatever call.

use std::{collections::BTreeSet, sync::Arc};

use chat_core::{
    CreateRoom, Engine, ErrorCode, ListReports, Policy, Principal,
    hooks::{Action, ActionKind, Denied},
    model::{RoomId, RoomKind, Seq},
    protocol::{Send, SendTo},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::client::{Client, room_of, user};

/// Rooms that nobody may read.
#[derive(Clone, Debug, Default)]
struct Shut(Arc<Mutex<BTreeSet<RoomId>>>);

impl Shut {
    fn shut(&self, room: RoomId) {
        self.0.lock().insert(room);
    }
}

#[chat_core::async_trait]
impl Policy for Shut {
    async fn check(&self, _: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        let is_shut = action.room.is_some_and(|room| self.0.lock().contains(&room));
        if is_shut && action.kind == ActionKind::Read { Err(Denied::new("shut")) } else { Ok(()) }
    }
}

async fn engine() -> (Engine, Shut) {
    let policy = Shut::default();
    (Engine::builder().policy(policy.clone()).build().await.unwrap(), policy)
}

async fn say(engine: &Engine, room: RoomId) -> Seq {
    engine.as_host().send(Send::text(SendTo::Room(room), "secret")).await.unwrap().message.seq
}

#[tokio::test(start_paused = true)]
async fn a_list_of_rooms_leaves_out_those_one_may_not_read() {
    let (engine, policy) = engine().await;
    let mut rooms = Vec::new();
    for _ in 0..9 {
        rooms.push(room_of(&engine, &["ann"]).await);
    }
    // The latest come first. The first page would have none of the open ones.
    rooms.reverse();
    for n in [0, 1, 2, 5, 8] {
        policy.shut(rooms[n]);
    }
    let ann = Principal::new(user("ann"));
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = engine.as_user(&ann).rooms(before, Some(2)).await.unwrap();
        pages.push(page.iter().map(|entry| entry.room.id).collect::<Vec<_>>());
        before = page.last().map(|entry| entry.activity);
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(pages, [vec![rooms[3], rooms[4]], vec![rooms[6], rooms[7]], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn an_open_room_that_one_may_not_read_is_listed_without_what_was_said() {
    let (engine, policy) = engine().await;
    let mut rooms = Vec::new();
    for _ in 0..2 {
        let create = CreateRoom::new(RoomKind::Public)
            .with_name("Town")
            .with_owner(user("ann"))
            .with_members([user("bob")]);
        rooms.push(engine.as_host().create_room(create).await.unwrap().room);
    }
    let bob = Principal::new(user("bob"));
    for room in &rooms {
        engine.as_user(&bob).send(Send::text(SendTo::Room(*room), "secret")).await.unwrap();
    }
    policy.shut(rooms[0]);
    let ann = Principal::new(user("ann"));
    let shown = engine.as_user(&ann).public_rooms("town", None, None).await.unwrap();
    let told: Vec<_> = shown.iter().map(|e| (e.room.id, e.last_message.is_some(), e.unread)).collect();
    assert_eq!(told, [(rooms[1], true, 1), (rooms[0], false, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_moderator_sees_no_reports_of_rooms_that_may_not_be_read() {
    let (engine, policy) = engine().await;
    let (ann, bob) = (Principal::new(user("ann")), Principal::new(user("bob")));
    let (open, shut) = (room_of(&engine, &["ann", "bob"]).await, room_of(&engine, &["ann", "bob"]).await);
    let report = async |room| {
        let seq = say(&engine, room).await;
        engine.as_user(&bob).report(room, seq, "rude").await.unwrap().id
    };
    let first = report(open).await;
    for _ in 0..3 {
        report(shut).await;
    }
    let second = report(open).await;
    policy.shut(shut);
    let list = async |before, limit| {
        let list = ListReports { before, limit: Some(limit), ..ListReports::default() };
        let page = engine.as_user(&ann).reports(list).await.unwrap();
        (page.reports.into_iter().map(|report| report.id).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(list(None, 1).await, (vec![second], Some(second)));
    assert_eq!(list(Some(second), 1).await, (vec![first], None));
    assert_eq!(list(None, 50).await, (vec![second, first], None));
}

/// Else the answer would tell that the room is there.
#[tokio::test(start_paused = true)]
async fn reading_and_subscribing_answer_for_a_forbidden_room_as_for_an_unknown_one() {
    let (engine, policy) = engine().await;
    let (shut, unknown) = (room_of(&engine, &["ann"]).await, RoomId::new(4_711).unwrap());
    // A policy may also know of rooms that are not there.
    policy.shut(shut);
    policy.shut(unknown);
    for who in ["ann", "eve"] {
        let principal = Principal::new(user(who));
        let mut client = Client::connect(&engine, who).await;
        client.expect("welcome").await;
        for (id, room) in [shut, unknown].into_iter().enumerate() {
            let refused = engine.as_user(&principal).read(room, Seq::new(1)).await.unwrap_err();
            assert_eq!(
                (refused.code(), refused.to_string()),
                (ErrorCode::NotFound, "not_found: no such room".to_owned())
            );
            for kind in ["read", "subscribe"] {
                client.say(&json!({"type": kind, "id": id, "room_id": room, "seq": 1}));
                let refused = client.expect("error").await;
                assert_eq!(refused["code"], "not_found", "{kind} by {who}");
                assert_eq!(refused["message"], "no such room", "{kind} by {who}");
            }
        }
    }
}
