//! Commands, events, renewal.

use chat_core::Rate;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, chat, chat_with, limits, now, token, token_of};

#[tokio::test]
async fn messages_reach_everyone_and_are_answered() {
    let chat = chat().await;
    let address = chat.serve();
    let room = chat.group("ann", &["bob"]).await;
    let (mut ann, welcome) = Client::join(address, "ann", Value::Null).await;
    assert_eq!((&welcome["rooms"][0]["id"], &welcome["heads"][room.to_string()]), (&json!(room), &json!(1)));
    let (mut bob, _) = Client::join(address, "bob", Value::Null).await;
    let send = json!({"type": "send", "id": 7, "room_id": room, "content": "Hello", "client_id": "k"});
    ann.say(send.clone()).await;
    let (mut ok, mut event) = (Value::Null, Value::Null);
    while ok.is_null() || event.is_null() {
        let frame = ann.hear().await;
        if frame["type"] == "ok" { ok = frame } else { event = frame }
    }
    assert_eq!((&ok["id"], &ok["seq"], &ok["repeat"]), (&json!(7), &json!(2), &json!(false)));
    assert_eq!(
        (&event["type"], &event["seq"], &event["client_id"]),
        (&json!("message"), &json!(2), &json!("k"))
    );
    assert_eq!(bob.hear().await, event);
    ann.say(send).await;
    let repeat = ann.hear_type("ok").await;
    assert_eq!(
        (&repeat["seq"], &repeat["repeat"], &repeat["message"]),
        (&json!(2), &json!(true), &event["message"])
    );
    // REST and the socket are two ways to one room.
    chat.must("bob", "POST", &format!("/rooms/{room}/messages"), json!({"content": "By REST"})).await;
    assert_eq!(ann.hear_type("message").await["message"]["content"], "By REST");
    ann.say(json!({"type": "ping", "id": "p"})).await;
    assert_eq!(ann.hear_type("pong").await["id"], "p");
    ann.say(json!({"type": "history", "id": 9, "room_id": room, "limit": 1})).await;
    let history = ann.hear_type("ok").await;
    assert_eq!(
        (&history["messages"][0]["seq"], &history["as_of"], &history["more"]),
        (&json!(3), &json!(3), &json!(true))
    );
}

#[tokio::test]
async fn a_client_resumes_where_it_was() {
    let chat = chat().await;
    let address = chat.serve();
    let room = chat.group("ann", &["bob"]).await;
    let path = format!("/rooms/{room}/messages");
    for n in 2..10 {
        chat.must("ann", "POST", &path, json!({"content": n.to_string()})).await;
    }
    let rooms = json!({"rooms": {room.to_string(): 4}, "epoch": &*chat.engine.epoch()});
    let (mut bob, welcome) = Client::join(address, "bob", rooms).await;
    assert_eq!(welcome["heads"][room.to_string()], 9);
    for seq in 5..10 {
        assert_eq!(bob.hear().await["seq"], seq);
    }
    chat.must("ann", "POST", &path, json!({"content": "live"})).await;
    assert_eq!(bob.hear().await["seq"], 10);
    let old = json!({"rooms": {room.to_string(): 4, "99": 1}, "epoch": "old"});
    let (mut bob, welcome) = Client::join(address, "bob", old).await;
    assert_eq!((&welcome["reset"], &welcome["gone"]), (&json!(true), &json!([99])));
    chat.must("ann", "POST", &path, json!({"content": "live"})).await;
    assert_eq!(bob.hear().await["seq"], 11);
}

#[tokio::test]
async fn bad_frames_are_answered_and_the_socket_stays() {
    let chat = chat().await;
    let address = chat.serve();
    let room = chat.group("ann", &[]).await;
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    let deep = format!(
        r#"{{"type":"send","id":1,"room_id":{room},"content":"x","metadata":{}1{}}}"#,
        "{\"a\":".repeat(1_000),
        "}".repeat(1_000)
    );
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for (frame, code, field) in [
        ("".to_owned(), "bad_frame", ""),
        ("hello".to_owned(), "bad_frame", ""),
        ("5".to_owned(), "bad_frame", ""),
        ("[]".to_owned(), "bad_frame", ""),
        ("{}".to_owned(), "bad_frame", ""),
        (nested, "bad_frame", ""),
        (r#"{"type":5}"#.to_owned(), "bad_frame", ""),
        (r#"{"type":"dance","id":1}"#.to_owned(), "bad_frame", ""),
        (r#"{"type":"hello","id":1}"#.to_owned(), "bad_frame", ""),
        (r#"{"type":"send","id":1}"#.to_owned(), "bad_field", "room_id"),
        (format!(r#"{{"type":"send","id":1,"room_id":{room}}}"#), "bad_field", "content"),
        (format!(r#"{{"type":"send","id":1,"room_id":{room},"content":"a\u0000"}}"#), "bad_field", "content"),
        (r#"{"type":"ping","id":1.5}"#.to_owned(), "bad_field", "id"),
        (r#"{"type":"send","id":1,"room_id":999,"content":"x"}"#.to_owned(), "not_found", ""),
        (deep, "", ""),
    ] {
        ann.send(Message::text(frame.clone())).await;
        let error = ann.hear().await;
        assert_eq!(error["type"], "error", "{frame}: {error}");
        if !code.is_empty() {
            assert_eq!(error["code"], code, "{frame}: {error}");
            assert_eq!(error["field"].as_str().unwrap_or_default(), field, "{frame}: {error}");
        }
    }
    ann.send(Message::binary(br#"{"type":"ping","id":1}"#.to_vec())).await;
    assert_eq!(ann.hear().await["code"], "bad_frame");
    ann.say(json!({"type": "ping", "id": 2})).await;
    assert_eq!(ann.hear().await["type"], "pong");
}

#[tokio::test]
async fn order_holds_when_more_is_said_than_is_taken_at_once() {
    let mut limits = limits();
    limits.in_flight_max = 2;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let room = chat.group("ann", &[]).await;
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    for id in 0..300 {
        ann.say(json!({"type": "send", "id": id, "room_id": room, "content": id.to_string()})).await;
    }
    for id in 0..300 {
        let ok = ann.hear_type("ok").await;
        assert_eq!((&ok["id"], &ok["seq"]), (&json!(id), &json!(id + 2)));
    }
}

#[tokio::test]
async fn a_flood_is_refused_then_ended() {
    let mut limits = limits();
    limits.commands = Rate::new(0.001, 3);
    limits.flood_refusals_max = 5;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    for id in 0..9 {
        ann.say(json!({"type": "ping", "id": id})).await;
    }
    let (frames, code) = ann.hear_out().await;
    let kinds: Vec<_> =
        frames.iter().map(|f| f["type"].as_str().unwrap()).filter(|k| *k != "presence").collect();
    let expected = [vec!["pong"; 3], vec!["error"; 5], vec!["bye"]].concat();
    assert_eq!((kinds, code), (expected, Some(4429)));
    let refused = frames.iter().find(|frame| frame["type"] == "error").unwrap();
    assert_eq!((&refused["code"], &refused["id"]), (&json!("rate_limited"), &json!(3)));
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 1_000);
    assert_eq!(frames.last().unwrap()["reason"], "flood");
}

#[tokio::test]
async fn who_leaves_answers_unread_is_told_so_on_reading_on() {
    let mut limits = limits();
    limits.replies_bytes_max = 4 * 1024;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let room = chat.group("ann", &[]).await;
    let path = format!("/rooms/{room}/messages");
    for _ in 0..50 {
        chat.must("ann", "POST", &path, json!({"content": "x".repeat(16_000)})).await;
    }
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    // More than the kernel keeps, so that what is answered after it waits here.
    for id in 0..15 {
        ann.say(json!({"type": "history", "id": id, "room_id": room, "limit": 50})).await;
    }
    for id in 100..500 {
        ann.say(json!({"type": "ping", "id": id})).await;
    }
    let (frames, code) = ann.hear_out().await;
    assert_eq!(code, Some(4429));
    let pages = frames.iter().filter(|frame| frame["messages"].is_array()).count();
    assert!((1..15).contains(&pages), "{pages} pages");
}

#[tokio::test]
async fn a_token_is_renewed_by_its_own_user_alone() {
    let chat = chat().await;
    let address = chat.serve();
    let soon = token_of(json!({"sub": "ann", "exp": now() + 30.0}));
    let (mut ann, _) = Client::join(address, "ann", json!({ "token": soon })).await;
    ann.say(json!({"type": "auth", "id": 1, "token": token("ann")})).await;
    assert_eq!(ann.hear_type("ok").await, json!({"type": "ok", "id": 1}));
    ann.say(json!({"type": "auth", "id": 2, "token": "nonsense"})).await;
    let error = ann.hear_type("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(2), &json!("unauthorized")));
    ann.say(json!({"type": "ping", "id": 3})).await;
    assert_eq!(ann.hear_type("pong").await["id"], 3);
    ann.say(json!({"type": "auth", "id": 4, "token": token("bob")})).await;
    let (last, code) = ann.hear_out().await;
    let error = last.iter().find(|frame| frame["type"] == "error").unwrap();
    assert_eq!((&error["id"], &error["code"]), (&json!(4), &json!("unauthorized")));
    assert_eq!((last.last(), code), (Some(error), Some(4401)));
}

#[tokio::test]
async fn pings_of_the_client_are_answered_by_the_newest() {
    let chat = chat().await;
    let address = chat.serve();
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    for n in 0..50_u8 {
        ann.send(Message::Ping(vec![n].into())).await;
    }
    let mut last = None;
    while last != Some(49) {
        if let Some(Message::Pong(payload)) = ann.next().await {
            assert!(last < Some(payload[0]));
            last = Some(payload[0]);
        }
    }
}
