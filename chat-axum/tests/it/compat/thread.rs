//! `thread`.

use chat_axum::compat::Thread;
use chat_core::Rate;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{ask, at_rest, chat_of, closed_with_4401, golden, must, open};
use crate::support::{Chat, Client, limits};

const THREADS: &str = "/api/chat/threads/";
const MESSAGES: &str = "/api/chat/messages/";
const REPORTS: &str = "/api/chat/reports/";

fn socket(thread: u64) -> String {
    format!("/ws/chat/{thread}/")
}

async fn thread(chat: &Chat, owner: &str, participants: Value) -> u64 {
    let body = json!({ "title": "Thread", "participants": participants });
    must(chat, owner, "POST", THREADS, body, 201).await["id"].as_u64().unwrap()
}

async fn say(chat: &Chat, user: &str, thread: u64, content: &str) -> u64 {
    let body = json!({ "thread": thread, "content": content });
    must(chat, user, "POST", MESSAGES, body, 201).await["id"].as_u64().unwrap()
}

fn contents(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_frame_and_answer() {
    let chat = chat_of(limits(), Thread).await;
    let mut said = Vec::new();
    let body = json!({ "title": "Lunch", "participants": [2, "3"] });
    let made = must(&chat, "1", "POST", THREADS, body, 201).await;
    let id = made["id"].as_u64().unwrap();
    said.push(("POST threads", made));
    let address = chat.serve();
    let mut ann = open(address, &socket(id), "1").await;
    let mut bob = open(address, socket(id).trim_end_matches('/'), "2").await;
    bob.say(json!({ "type": "ping" })).await;
    said.push(("ping", bob.frame().await));
    ann.say(json!({ "type": "typing", "is_typing": true, "user_id": 1 })).await;
    said.push(("typing", bob.frame().await));
    ann.say(json!({ "type": "typing" })).await;
    said.push(("typing without is_typing", bob.frame().await));
    let body = json!({ "thread": id, "content": "My message" });
    let sent = must(&chat, "2", "POST", MESSAGES, body, 201).await;
    let event = ann.frame().await;
    assert_eq!(event, json!({ "type": "chat_message", "payload": sent }));
    assert_eq!(bob.frame().await, event);
    said.push(("POST messages", sent.clone()));
    said.push(("chat_message", event));
    bob.say(json!({ "type": "dance" })).await;
    said.push(("unknown type", bob.frame().await));
    let member = json!({ "user": 4, "role": "moderator" });
    said.push((
        "POST members",
        must(&chat, "1", "POST", &format!("{THREADS}{id}/members/"), member, 201).await,
    ));
    for (what, path) in [
        ("GET threads", THREADS.to_owned()),
        ("GET thread", format!("{THREADS}{id}/")),
        ("GET messages", format!("{MESSAGES}?thread={id}")),
    ] {
        let slashless = path.replace("/?", "?");
        let answer = must(&chat, "1", "GET", &path, Value::Null, 200).await;
        assert_eq!(must(&chat, "1", "GET", slashless.trim_end_matches('/'), Value::Null, 200).await, answer);
        said.push((what, answer));
    }
    let report = json!({ "message": sent["id"], "reason": "spam" });
    said.push(("POST reports", must(&chat, "3", "POST", REPORTS, report, 201).await));
    said.push(("GET reports", must(&chat, "1", "GET", REPORTS, Value::Null, 200).await));
    let reviewed = json!({ "status": "reviewed" });
    said.push(("PATCH report", must(&chat, "4", "PATCH", &format!("{REPORTS}1/"), reviewed, 200).await));
    said.push(("no token", must(&chat, "", "GET", THREADS, Value::Null, 401).await));
    golden("thread", &said);
    ann.0.close(None).await.unwrap();
    assert!(matches!(ann.hear_out().await.1, None | Some(1000 | 1005)));
}

#[tokio::test]
async fn members_come_and_go() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let address = chat.serve();
    let path = socket(id);
    let members = format!("{THREADS}{id}/members/");
    let mut eve = open(address, &path, "3").await;
    assert_eq!(eve.hear_out().await, (Vec::new(), Some(4403)));
    must(&chat, "3", "GET", &format!("{THREADS}{id}/"), Value::Null, 403).await;
    must(&chat, "2", "POST", &members, json!({ "user": 3 }), 403).await;
    must(&chat, "1", "POST", &members, json!({ "user": "3" }), 201).await;
    let mut eve = open(address, &path, "3").await;
    say(&chat, "1", id, "Welcome").await;
    assert_eq!(eve.frame().await["payload"]["content"], "Welcome");
    // A message before the end is given; nothing after it.
    must(&chat, "2", "DELETE", &format!("{members}3/"), Value::Null, 403).await;
    say(&chat, "1", id, "Last").await;
    must(&chat, "1", "DELETE", &format!("{members}3/"), Value::Null, 204).await;
    say(&chat, "1", id, "Unheard").await;
    let (frames, code) = eve.hear_out().await;
    assert_eq!((frames.len(), &frames[0]["payload"]["content"], code), (1, &json!("Last"), Some(4403)));
    must(&chat, "3", "POST", MESSAGES, json!({ "thread": id, "content": "x" }), 403).await;
    must(&chat, "3", "GET", &format!("{MESSAGES}?thread={id}"), Value::Null, 403).await;
    // Oneself.
    let mut bob = open(address, &path, "2").await;
    bob.say(json!({ "type": "ping" })).await;
    bob.frame().await;
    must(&chat, "2", "DELETE", &format!("{members}2/"), Value::Null, 204).await;
    assert_eq!(bob.hear_out().await.1, Some(4403));
    let threads = must(&chat, "1", "GET", THREADS, Value::Null, 200).await;
    assert_eq!(threads[0]["memberships"], json!([{ "user": 1, "role": "owner" }]));
    assert_eq!(must(&chat, "2", "GET", THREADS, Value::Null, 200).await, json!([]));
}

#[tokio::test]
async fn who_is_added_again_is_told_the_role_that_holds() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let members = format!("{THREADS}{id}/members/");
    for (by, said, status, role) in [
        ("1", json!({ "user": 2 }), 201, "member"),
        ("1", json!({ "user": 2, "role": "moderator" }), 201, "moderator"),
        ("1", json!({ "user": 2 }), 201, "moderator"),
        ("1", json!({ "user": 1 }), 201, "owner"),
        ("1", json!({ "user": 3, "role": "moderator" }), 201, "moderator"),
        // Nobody changes a role at the own.
        ("3", json!({ "user": 2, "role": "member" }), 403, ""),
        ("1", json!({ "user": 2, "role": "member" }), 201, "member"),
    ] {
        let answer = must(&chat, by, "POST", &members, said.clone(), status).await;
        if status == 201 {
            assert_eq!(answer, json!({ "user": said["user"], "role": role }), "{said}");
        }
    }
    let told = must(&chat, "2", "GET", &format!("{THREADS}{id}/"), Value::Null, 200).await;
    let roles = [(1, "owner"), (3, "moderator"), (2, "member")];
    assert_eq!(told["memberships"], json!(roles.map(|(user, role)| json!({ "user": user, "role": role }))));
}

#[tokio::test]
async fn a_deleted_thread_ends_its_sockets() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let address = chat.serve();
    let mut bob = open(address, &socket(id), "2").await;
    bob.say(json!({ "type": "ping" })).await;
    bob.frame().await;
    chat.must("1", "DELETE", &format!("/rooms/{id}"), Value::Null).await;
    assert_eq!(bob.hear_out().await.1, Some(4403));
    assert_eq!(open(address, &socket(id), "2").await.hear_out().await.1, Some(4403));
    must(&chat, "2", "GET", &format!("{THREADS}{id}/"), Value::Null, 404).await;
}

#[tokio::test]
async fn pages_of_messages() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let other = thread(&chat, "1", json!([])).await;
    let foreign = thread(&chat, "3", json!([])).await;
    let (elsewhere, unseen) = (say(&chat, "1", other, "x").await, say(&chat, "3", foreign, "x").await);
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(say(&chat, "2", id, &n.to_string()).await);
    }
    // Deleted ones are left out, and leave no holes in pages; edits show.
    let seq_of_3 = 4;
    chat.must("2", "DELETE", &format!("/rooms/{id}/messages/{seq_of_3}"), Value::Null).await;
    chat.must("2", "PATCH", &format!("/rooms/{id}/messages/5"), json!({ "content": "four" })).await;
    let list = async |query: String| {
        must(&chat, "1", "GET", &format!("{MESSAGES}?thread={id}{query}"), Value::Null, 200).await
    };
    assert_eq!(contents(&list(String::new()).await), ["1", "2", "four", "5"]);
    assert_eq!(contents(&list("&limit=3".to_owned()).await), ["2", "four", "5"]);
    assert_eq!(contents(&list(format!("&before={}&limit=2", ids[4])).await), ["2", "four"]);
    // The place of a deleted message is a place still.
    assert_eq!(contents(&list(format!("&before={}", ids[2])).await), ["1", "2"]);
    assert_eq!(list(format!("&before={}", ids[0])).await, json!([]));
    for (query, status) in [
        (format!("?thread={id}&before={elsewhere}"), 400),
        (format!("?thread={id}&before={unseen}"), 400),
        (format!("?thread={id}&before=987654"), 400),
        (format!("?thread={id}&before=x"), 400),
        (format!("?thread={id}&limit=0"), 400),
        (format!("?thread={id}&limit=x"), 400),
        (format!("?thread={foreign}&before={}", ids[0]), 403),
        ("?thread=987654".to_owned(), 404),
        ("?thread=x".to_owned(), 400),
        (String::new(), 400),
    ] {
        must(&chat, "1", "GET", &format!("{MESSAGES}{query}"), Value::Null, status).await;
    }
}

#[tokio::test]
async fn threads_by_activity() {
    let chat = chat_of(limits(), Thread).await;
    let first = thread(&chat, "1", json!([2])).await;
    let second = thread(&chat, "1", json!([])).await;
    let list = async |query: String| {
        let list = must(&chat, "1", "GET", &format!("{THREADS}{query}"), Value::Null, 200).await;
        let ids = list.as_array().unwrap().iter().map(|thread| thread["id"].as_u64().unwrap());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(list(String::new()).await, [second, first]);
    say(&chat, "2", first, "news").await;
    assert_eq!(list(String::new()).await, [first, second]);
    assert_eq!(list("?limit=1".to_owned()).await, [first]);
    assert_eq!(list(format!("?before={first}")).await, [second]);
    must(&chat, "2", "GET", &format!("{THREADS}?before={second}"), Value::Null, 403).await;
}

#[tokio::test]
async fn a_native_client_in_the_same_thread() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let address = chat.serve();
    let mut ann = open(address, &socket(id), "1").await;
    let (mut bob, _) = Client::join(address, "2", json!({})).await;
    bob.say(json!({ "type": "send", "id": 1, "room_id": id, "content": "from native" })).await;
    let event = ann.frame().await;
    assert_eq!(
        at_rest(event.clone())["payload"],
        json!({
            "id": event["payload"]["id"], "thread": id, "content": "from native", "created_at": "<time>",
            "author": { "id": 2, "username": "2", "email": "" },
        })
    );
    say(&chat, "1", id, "from thread").await;
    while bob.hear_type("message").await["message"]["content"] != "from thread" {}
    bob.say(json!({ "type": "edit", "id": 2, "room_id": id, "seq": 2, "content": "edited" })).await;
    bob.say(json!({ "type": "react", "id": 3, "room_id": id, "seq": 2, "emoji": "+" })).await;
    bob.say(json!({ "type": "send", "id": 4, "room_id": id, "content": "last" })).await;
    // What there is no frame for is not told.
    assert_eq!(ann.frame().await["payload"]["content"], "from thread");
    assert_eq!(ann.frame().await["payload"]["content"], "last");
}

#[tokio::test]
async fn what_bad_frames_get() {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    let chat = chat_of(limits, Thread).await;
    let id = thread(&chat, "1", json!([])).await;
    let address = chat.serve();
    closed_with_4401(address, &socket(id)).await;
    for path in ["/ws/chat/987654/", "/ws/chat/x/", "/ws/chat/0/", "/ws/chat/1.0/"] {
        assert_eq!(open(address, path, "1").await.hear_out().await, (Vec::new(), Some(4403)), "{path}");
    }
    let mut ann = open(address, &socket(id), "1").await;
    for (frame, code, message) in [
        ("{", "bad_frame", "Invalid JSON"),
        ("[]", "bad_frame", "a frame is a JSON object"),
        ("{}", "bad_field", "type is missing"),
        (r#"{"type":7}"#, "bad_field", "type must be a text"),
        (r#"{"type":"dance"}"#, "bad_frame", "Unknown type"),
        (r#"{"type":"typing","is_typing":"yes"}"#, "bad_field", "is_typing must be true or false"),
        (r#"{"type":"typing","is_typing":true,"user_id":2}"#, "bad_field", "user_id is not yours"),
        (r#"{"type":"ping","user_id":1.0}"#, "bad_field", "user_id must be a user id"),
    ] {
        ann.send(Message::text(frame)).await;
        let payload = json!({ "code": code, "message": message });
        assert_eq!(ann.frame().await, json!({ "type": "error", "payload": payload }), "{frame}");
    }
    ann.say(json!({ "type": "ping" })).await;
    assert_eq!(ann.frame().await, json!({ "type": "pong" }));
    ann.say(json!({ "type": "ping", "padding": "x".repeat(5_000) })).await;
    assert_eq!(ann.hear_out().await.1, Some(1009));
}

#[tokio::test]
async fn what_bad_requests_get() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2])).await;
    let others = thread(&chat, "3", json!([])).await;
    let one = format!("{THREADS}{id}/");
    let members = format!("{one}members/");
    for (method, path, body, status) in [
        ("POST", THREADS, json!({ "title": "x" }), 400),
        ("POST", THREADS, json!({ "participants": [1.5] }), 400),
        ("POST", THREADS, json!({ "participants": "2" }), 400),
        ("POST", THREADS, json!({ "title": " ", "participants": [] }), 400),
        ("POST", THREADS, json!({ "title": "x".repeat(256), "participants": [] }), 413),
        ("DELETE", THREADS, Value::Null, 405),
        ("GET", "/api/chat/threads/x/", Value::Null, 404),
        ("GET", "/api/chat/threads/987654/", Value::Null, 404),
        ("GET", "/api/chat/nothing/", Value::Null, 404),
        ("POST", &members, json!({ "user": 4, "role": "king" }), 400),
        ("POST", &members, json!({ "user": 4, "role": "owner" }), 403),
        ("POST", &members, json!({}), 400),
        ("DELETE", &format!("{members}4/"), Value::Null, 404),
        ("POST", MESSAGES, json!({ "thread": id, "content": " \n" }), 400),
        ("POST", MESSAGES, json!({ "thread": id, "content": "a\u{0}" }), 400),
        ("POST", MESSAGES, json!({ "thread": id, "content": 5 }), 400),
        ("POST", MESSAGES, json!({ "thread": id }), 400),
        ("POST", MESSAGES, json!({ "content": "x" }), 400),
        ("POST", MESSAGES, json!({ "thread": 987_654, "content": "x" }), 404),
        ("POST", MESSAGES, json!({ "thread": others, "content": "x" }), 403),
        ("POST", MESSAGES, json!({ "thread": id, "content": "x".repeat(20_000) }), 413),
    ] {
        must(&chat, "1", method, path, body, status).await;
    }
    let answer = ask(&chat, "1", "POST", MESSAGES, json!([1])).await;
    assert_eq!((answer.status.as_u16(), answer.body["detail"].is_string()), (400, true));
}

#[tokio::test]
async fn over_the_limits() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 3);
    limits.typing = Rate::new(0.001, 1);
    let chat = chat_of(limits, Thread).await;
    let id = thread(&chat, "1", json!([])).await;
    let address = chat.serve();
    let mut ann = open(address, &socket(id), "1").await;
    for content in ["one", "two"] {
        say(&chat, "1", id, content).await;
    }
    let body = json!({ "thread": id, "content": "three" });
    let mut answer = ask(&chat, "1", "POST", MESSAGES, body.clone()).await;
    if answer.status == 201 {
        // Making the thread may or may not have counted.
        answer = ask(&chat, "1", "POST", MESSAGES, body).await;
    }
    assert_eq!(answer.status, 429);
    assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 1);
    for _ in 0..2 {
        ann.say(json!({ "type": "typing", "is_typing": true })).await;
    }
    let error = loop {
        let frame = ann.frame().await;
        if frame["type"] == "error" {
            break frame;
        }
    };
    let wait = error["payload"]["retry_after_ms"].as_u64().unwrap();
    assert_eq!(error["payload"], json!({ "code": "rate_limited", "retry_after_ms": wait }));
    assert!(wait > 0);
}

#[tokio::test]
async fn reports() {
    let chat = chat_of(limits(), Thread).await;
    let id = thread(&chat, "1", json!([2, 3])).await;
    let message = say(&chat, "2", id, "bad words").await;
    let report = |message: u64| json!({ "message": message, "reason": "spam" });
    let made = must(&chat, "3", "POST", REPORTS, report(message), 201).await;
    assert_eq!((&made["status"], &made["content"]), (&json!("pending"), &json!("bad words")));
    must(&chat, "3", "POST", REPORTS, report(message), 409).await;
    must(&chat, "1", "POST", REPORTS, report(message), 201).await;
    let one = format!("{REPORTS}{}/", made["id"]);
    let status = |status: &str| json!({ "status": status });
    for (user, method, path, body, code) in [
        ("4", "POST", REPORTS, report(message), 403),
        ("3", "POST", REPORTS, report(987_654), 404),
        ("2", "POST", REPORTS, json!({ "message": message, "reason": " " }), 400),
        ("2", "POST", REPORTS, json!({ "message": message }), 400),
        ("2", "POST", REPORTS, json!({ "message": "x", "reason": "spam" }), 400),
        ("2", "GET", REPORTS, Value::Null, 403),
        ("1", "GET", "/api/chat/reports/?status=lost", Value::Null, 400),
        ("2", "PATCH", &one, status("reviewed"), 403),
        ("4", "PATCH", &one, status("reviewed"), 403),
        ("1", "PATCH", &one, status("pending"), 400),
        ("1", "PATCH", &one, status("lost"), 400),
        ("1", "PATCH", "/api/chat/reports/987654/", status("reviewed"), 404),
        ("1", "PATCH", "/api/chat/reports/x/", status("reviewed"), 404),
    ] {
        must(&chat, user, method, path, body, code).await;
    }
    // The copy stays as it was when the message was reported.
    chat.must("2", "DELETE", &format!("/rooms/{id}/messages/2"), Value::Null).await;
    must(&chat, "1", "PATCH", &one, status("dismissed"), 200).await;
    let list = async |query: &str| {
        let list = must(&chat, "1", "GET", &format!("{REPORTS}{query}"), Value::Null, 200).await;
        let all = list.as_array().unwrap().iter().map(|report| {
            assert_eq!(report["content"], "bad words");
            (report["reporter"].as_u64().unwrap(), report["status"].as_str().unwrap().to_owned())
        });
        all.collect::<Vec<_>>()
    };
    let (first, second) = ((3, "dismissed".to_owned()), (1, "pending".to_owned()));
    assert_eq!(list("").await, [second.clone(), first.clone()]);
    assert_eq!(list("?status=pending").await, [second]);
    assert_eq!(list("?status=dismissed").await, [first]);
    // An admin is in no thread.
    let token = crate::support::token_of(json!({ "user_id": 9, "role": "admin" }));
    let request = axum::http::Request::get(format!("{REPORTS}?status=pending&token={token}"));
    let answer = chat.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_array().map(Vec::len)), (200, Some(1)));
}
