//! Blocks, reports and the audit trail, as users and moderators meet them.

use std::sync::Arc;

use chat_core::{
    CreateRoom, Engine, ErrorCode, ListReports, Principal,
    limits::Limits,
    memory::{LocalBus, MemoryStore},
    model::{AuditAction, ReportStatus, Role, RoomId, RoomKind, Seq},
    protocol::{Hello, Send, SendTo},
};
use serde_json::{Value, json};

use crate::client::{Client, user};

/// Two nodes of one store.
async fn nodes() -> [Engine; 2] {
    let (store, bus) = (Arc::new(MemoryStore::default()), LocalBus::default());
    let node = || Engine::builder().shared_store(Arc::clone(&store) as _).bus(bus.clone()).build();
    [node().await.unwrap(), node().await.unwrap()]
}

fn ann() -> Principal {
    Principal::new(user("ann"))
}

fn bob() -> Principal {
    Principal::new(user("bob"))
}

async fn group(engine: &Engine, members: &[&str]) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group)
        .with_owner(user(members[0]))
        .with_members(members[1..].iter().map(|id| user(id)));
    engine.as_host().create_room(create).await.unwrap().room
}

async fn said(engine: &Engine, principal: &Principal, room: RoomId, content: &str) -> Seq {
    engine.as_user(principal).send(Send::text(SendTo::Room(room), content)).await.unwrap().message.seq
}

#[tokio::test(start_paused = true)]
async fn a_block_is_told_to_all_of_a_users_connections() {
    let [one, two] = nodes().await;
    let (mut here, mut there) = (Client::connect(&one, "ann").await, Client::connect(&two, "ann").await);
    assert_eq!(here.expect("welcome").await["blocked"], json!([]));
    there.expect("welcome").await;
    assert!(one.as_user(&ann()).block(&user("bob")).await.unwrap());
    let told = json!({"type": "blocked", "users": ["bob"]});
    assert_eq!((here.expect("blocked").await, there.expect("blocked").await), (told.clone(), told));
    assert!(!two.as_user(&ann()).block(&user("bob")).await.unwrap());
    assert!(two.as_user(&ann()).block(&user("cat")).await.unwrap());
    assert_eq!(here.expect("blocked").await["users"], json!(["bob", "cat"]));
    assert_eq!(two.as_user(&ann()).blocks().await.unwrap(), [user("bob"), user("cat")]);
    let mut later = Client::connect(&two, "ann").await;
    assert_eq!(later.expect("welcome").await["blocked"], json!(["bob", "cat"]));
    assert!(one.as_user(&ann()).unblock(&user("bob")).await.unwrap());
    assert_eq!(later.expect("blocked").await["users"], json!(["cat"]));
}

#[tokio::test(start_paused = true)]
async fn who_is_blocked_is_refused_and_not_shown() {
    let [one, two] = nodes().await;
    let room = group(&one, &["ann", "bob", "cat"]).await;
    let mut watcher = Client::connect(&one, "ann").await;
    watcher.expect("welcome").await;
    one.as_user(&ann()).block(&user("bob")).await.unwrap();
    watcher.expect("blocked").await;
    let refused = two.as_user(&bob()).send(Send::text(SendTo::User(user("ann")), "hi")).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Blocked);
    let own = group(&two, &["bob", "cat"]).await;
    let added = two.as_user(&bob()).add_members(own, &[user("ann")], Role::Member).await;
    assert_eq!(added.unwrap_err().code(), ErrorCode::Blocked);
    // She is shown that cat came and types, and nothing of bob, who did so before.
    let (bobs, cats) = (Client::connect(&two, "bob").await, Client::connect(&two, "cat").await);
    for client in [&bobs, &cats] {
        client.say(&json!({"type": "typing", "room_id": room, "is_typing": true}));
    }
    let mut told = Vec::new();
    while told.iter().filter(|frame: &&Value| frame["user"] == "cat").count() < 2 {
        told.push(watcher.next().await.unwrap());
    }
    assert!(told.iter().all(|frame| frame["user"] != "bob"), "{told:?}");
    let users = [user("bob"), user("cat")];
    let shown = one.as_user(&ann()).presence(&users).await.unwrap();
    assert_eq!(shown.iter().map(|entry| &entry.user).collect::<Vec<_>>(), [&user("cat")]);
    let mut again = Client::connect(&one, "ann").await;
    let welcome = again.expect("welcome").await;
    assert_eq!(welcome["presence"], json!([{"user": "cat", "status": "online"}]));
    // The room's log is the same for all; who blocks is not named in it.
    let mut send = Send::text(SendTo::Room(room), "@ann");
    send.mentions = vec![user("ann"), user("cat")];
    let message = two.as_user(&bob()).send(send).await.unwrap().message;
    assert_eq!(message.mentions, [user("cat")]);
    assert_eq!(watcher.expect("message").await["message"]["content"], "@ann");
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_of_who_is_blocked_ends() {
    let [one, two] = nodes().await;
    let room = group(&one, &["ann", "bob", "cat"]).await;
    let mut watcher = Client::connect(&one, "ann").await;
    watcher.expect("welcome").await;
    let mut bobs = Client::connect(&two, "bob").await;
    bobs.expect("welcome").await;
    assert_eq!(watcher.expect("presence").await["status"], "online");
    let typing = |is_typing: bool| json!({"type": "typing", "room_id": room, "is_typing": is_typing});
    bobs.say(&typing(true));
    assert_eq!(watcher.expect("typing").await["is_typing"], true);
    one.as_user(&ann()).block(&user("bob")).await.unwrap();
    let mut told = [watcher.next().await.unwrap(), watcher.next().await.unwrap()];
    told.sort_by_key(|frame| frame["type"].to_string());
    assert_eq!(
        told,
        [
            json!({"type": "presence", "user": "bob", "status": "offline"}),
            json!({"type": "typing", "room_id": room, "user": "bob", "is_typing": false}),
        ]
    );
    assert_eq!(watcher.expect("blocked").await["users"], json!(["bob"]));
    // Nothing comes of those who were not shown: dan is no acquaintance, and cat is not there.
    for other in ["cat", "dan"] {
        one.as_user(&ann()).block(&user(other)).await.unwrap();
        assert_eq!(watcher.next().await.unwrap()["type"], "blocked");
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_are_bounded_and_of_others() {
    let mut limits = Limits::default();
    limits.blocks_max = 1;
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let principal = ann();
    let calls = engine.as_user(&principal);
    assert_eq!(calls.block(&user("ann")).await.unwrap_err().code(), ErrorCode::BadField);
    calls.block(&user("bob")).await.unwrap();
    assert_eq!(calls.block(&user("cat")).await.unwrap_err().code(), ErrorCode::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_report_goes_to_who_moderates() {
    let engine = Engine::builder().build().await.unwrap();
    let room = group(&engine, &["ann", "bob", "cat"]).await;
    let seq = said(&engine, &bob(), room, "you fool").await;
    let (cat, eve) = (Principal::new(user("cat")), Principal::new(user("eve")));
    let admin = Principal::new(user("root")).with_admin(true);
    let code = |error: chat_core::Error| error.code();
    for (reason, expected) in
        [("", ErrorCode::BadField), ("a\0", ErrorCode::BadField), (&"x".repeat(1_001), ErrorCode::TooLarge)]
    {
        assert_eq!(engine.as_user(&cat).report(room, seq, reason).await.map_err(code), Err(expected));
    }
    assert_eq!(engine.as_user(&eve).report(room, seq, "x").await.map_err(code), Err(ErrorCode::NotFound));
    // An admin reads no room for being one.
    assert_eq!(engine.as_user(&admin).report(room, seq, "x").await.map_err(code), Err(ErrorCode::NotFound));
    let report = engine.as_user(&cat).report(room, seq, "rude").await.unwrap();
    assert_eq!(engine.as_user(&cat).report(room, seq, "x").await.map_err(code), Err(ErrorCode::Conflict));
    engine.as_user(&bob()).delete(room, seq).await.unwrap();

    let all = || ListReports::default();
    let of_room = || ListReports { room: Some(room), ..ListReports::default() };
    for (principal, seen) in [(&ann(), 1), (&admin, 1), (&cat, 0), (&eve, 0)] {
        let page = engine.as_user(principal).reports(all()).await.unwrap();
        assert_eq!(page.reports.len(), seen, "{principal:?}");
    }
    assert_eq!(engine.as_user(&cat).reports(of_room()).await.map_err(code), Err(ErrorCode::Forbidden));
    assert_eq!(engine.as_user(&eve).reports(of_room()).await.map_err(code), Err(ErrorCode::NotFound));
    let page = engine.as_user(&ann()).reports(of_room()).await.unwrap();
    assert_eq!((&page.reports[0].content, page.next), (&"you fool".to_owned(), None));

    let reviewed = ReportStatus::Reviewed;
    assert_eq!(
        engine.as_user(&cat).decide_report(report.id, reviewed).await.map_err(code),
        Err(ErrorCode::Forbidden)
    );
    assert_eq!(
        engine.as_user(&eve).decide_report(report.id, reviewed).await.map_err(code),
        Err(ErrorCode::NotFound)
    );
    let pending = engine.as_user(&ann()).decide_report(report.id, ReportStatus::Pending).await;
    assert_eq!(pending.map_err(code), Err(ErrorCode::BadField));
    let decided = engine.as_user(&admin).decide_report(report.id, reviewed).await.unwrap();
    assert_eq!((decided.status, decided.decided_by), (reviewed, Some(user("root"))));

    assert_eq!(engine.as_user(&cat).audit(room, None, None).await.map_err(code), Err(ErrorCode::Forbidden));
    assert_eq!(engine.as_user(&eve).audit(room, None, None).await.map_err(code), Err(ErrorCode::NotFound));
    engine.as_user(&ann()).remove_member(room, &user("bob")).await.unwrap();
    let page = engine.as_user(&ann()).audit(room, None, Some(1)).await.unwrap();
    assert_eq!(page.entries[0].record.action, AuditAction::MemberRemoved);
    let rest = engine.as_user(&admin).audit(room, page.next, None).await.unwrap();
    let actions: Vec<_> = rest.entries.iter().map(|entry| entry.record.action).collect();
    assert_eq!((actions, rest.next), (vec![AuditAction::ReportReviewed], None));
}

#[tokio::test(start_paused = true)]
async fn reports_of_direct_rooms_are_for_admins_alone() {
    let engine = Engine::builder().build().await.unwrap();
    let message =
        engine.as_user(&bob()).send(Send::text(SendTo::User(user("ann")), "x")).await.unwrap().message;
    let report = engine.as_user(&ann()).report(message.room_id, message.seq, "spam").await.unwrap();
    for principal in [ann(), bob()] {
        let calls = engine.as_user(&principal);
        assert!(calls.reports(ListReports::default()).await.unwrap().reports.is_empty());
        let list = ListReports { room: Some(message.room_id), ..ListReports::default() };
        assert_eq!(calls.reports(list).await.unwrap_err().code(), ErrorCode::Forbidden);
        let decided = calls.decide_report(report.id, ReportStatus::Dismissed).await;
        assert_eq!(decided.unwrap_err().code(), ErrorCode::Forbidden);
    }
    let admin = Principal::new(user("root")).with_admin(true);
    assert_eq!(engine.as_user(&admin).reports(ListReports::default()).await.unwrap().reports, [report]);
}

#[tokio::test(start_paused = true)]
async fn an_admin_may_do_nothing_more() {
    let engine = Engine::builder().build().await.unwrap();
    let room = group(&engine, &["ann", "bob"]).await;
    let admin = Principal::new(user("root")).with_admin(true);
    let calls = engine.as_user(&admin);
    assert_eq!(calls.room(room).await.unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(calls.remove_member(room, &user("bob")).await.unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(calls.bans(room).await.unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(calls.unban(room, &user("bob")).await.unwrap_err().code(), ErrorCode::NotFound);
    let nowhere = RoomId::new(99).unwrap();
    assert_eq!(calls.audit(nowhere, None, None).await.unwrap_err().code(), ErrorCode::NotFound);
    let mut client = Client::with(&engine, admin.clone(), Hello::default()).await;
    assert_eq!(client.expect("welcome").await["rooms"], json!([]));
}
