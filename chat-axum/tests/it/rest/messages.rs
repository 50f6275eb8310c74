//! Messages, reactions, the log.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{row, table};
use crate::support::{MOUNT, chat, token};

#[tokio::test]
async fn messages_are_sent_once_edited_and_deleted() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    let message = json!({"content": "Hello", "client_id": "k1", "mentions": ["bob"], "metadata": {"x": 1}});
    let sent = chat.ask("ann", "POST", &at("/messages"), message.clone()).await;
    assert_eq!(sent.status, 201);
    assert_eq!(
        (&sent.body["seq"], &sent.body["sender"], &sent.body["kind"]),
        (&json!(2), &json!("ann"), &json!("text"))
    );
    let again = chat.ask("ann", "POST", &at("/messages"), message).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &sent.body));
    let deep = format!("{{\"content\":\"x\",\"metadata\":{}1{}}}", "{\"a\":".repeat(200), "}".repeat(200));
    let raw = Request::post(format!("{MOUNT}{}", at("/messages")))
        .header("authorization", format!("Bearer {}", token("ann")))
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(deep))
        .unwrap();
    assert_eq!(chat.send(raw).await.status, 400);
    table(
        &chat,
        &[
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "Other", "client_id": "k1"}),
                409,
                "body_mismatch client_id",
            ),
            row("eve", "POST", at("/messages"), json!({"content": "x"}), 404, "not_found"),
            row("ann", "POST", at("/messages"), json!({}), 400, "bad_field content"),
            row("ann", "POST", at("/messages"), json!({"content": 1}), 400, "bad_field content"),
            row("ann", "POST", at("/messages"), json!({"content": ""}), 400, "bad_field content"),
            row("ann", "POST", at("/messages"), json!({"content": "a\0b"}), 400, "bad_field content"),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x".repeat(16 * 1024 + 1)}),
                413,
                "too_large content",
            ),
            row("ann", "POST", at("/messages"), json!({"content": "x".repeat(70_000)}), 413, "too_large"),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "kind": "system"}),
                400,
                "bad_field kind",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "reply_to": 77}),
                400,
                "bad_field reply_to",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "reply_to": 1.5}),
                400,
                "bad_field reply_to",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "thread": 9_007_199_254_740_992_u64}),
                400,
                "bad_field thread",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "mentions": "bob"}),
                400,
                "bad_field mentions",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "attachments": ["a"]}),
                400,
                "bad_field attachments",
            ),
            row(
                "ann",
                "POST",
                at("/messages"),
                json!({"content": "x", "metadata": {"a": "y".repeat(5_000)}}),
                413,
                "too_large metadata",
            ),
            row("bob", "PATCH", at("/messages/2"), json!({"content": "no"}), 403, "forbidden"),
            row("ann", "PATCH", at("/messages/1"), json!({"content": "no"}), 404, "not_found"),
            row("ann", "PATCH", at("/messages/99"), json!({"content": "no"}), 404, "not_found"),
            row("ann", "PATCH", at("/messages/x"), json!({"content": "no"}), 404, "not_found"),
            row(
                "ann",
                "PATCH",
                at("/messages/18446744073709551615"),
                json!({"content": "no"}),
                404,
                "not_found",
            ),
            row("ann", "PATCH", at("/messages/2"), json!({"content": " "}), 400, "bad_field content"),
            row("eve", "GET", at("/messages/2/versions"), Value::Null, 404, "not_found"),
            row("ann", "GET", at("/messages/x/versions"), Value::Null, 404, "not_found"),
            row("eve", "DELETE", at("/messages/2"), Value::Null, 404, "not_found"),
            row("bob", "DELETE", at("/messages/2"), Value::Null, 403, "forbidden"),
            row("ann", "DELETE", at("/messages/99"), Value::Null, 404, "not_found"),
        ],
    )
    .await;
    assert_eq!(
        chat.must("ann", "PATCH", &at("/messages/2"), json!({"content": "Hi"})).await,
        json!({"seq": 3})
    );
    assert_eq!(chat.must("ann", "PATCH", &at("/messages/2"), json!({"content": "Hi"})).await, json!({}));
    let versions = chat.must("bob", "GET", &at("/messages/2/versions"), Value::Null).await;
    assert_eq!(versions["versions"][0]["content"], "Hello");
    assert_eq!(chat.must("ann", "DELETE", &at("/messages/2"), Value::Null).await, json!({"seq": 4}));
    let versions = chat.must("bob", "GET", &at("/messages/2/versions"), Value::Null).await;
    assert_eq!(versions, json!({"versions": []}));
}

#[tokio::test]
async fn reactions_stand_and_fall() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    chat.must("ann", "POST", &at("/messages"), json!({"content": "x"})).await;
    let thumb = at("/messages/2/reactions/%F0%9F%91%8D");
    assert_eq!(chat.must("bob", "PUT", &thumb, Value::Null).await, json!({"seq": 3}));
    assert_eq!(chat.must("bob", "PUT", &thumb, Value::Null).await, json!({}));
    let page = chat.must("bob", "GET", &at("/messages"), Value::Null).await;
    assert_eq!(page["messages"][0]["reactions"], json!([{"emoji": "👍", "count": 1, "mine": true}]));
    assert_eq!(chat.must("bob", "DELETE", &thumb, Value::Null).await, json!({"seq": 4}));
    assert_eq!(chat.must("bob", "DELETE", &thumb, Value::Null).await, json!({}));
    let long = "x".repeat(65);
    table(
        &chat,
        &[
            row("eve", "PUT", thumb.clone(), Value::Null, 404, "not_found"),
            row("bob", "PUT", at("/messages/9/reactions/x"), Value::Null, 404, "not_found"),
            row("bob", "PUT", at("/messages/x/reactions/x"), Value::Null, 404, "not_found"),
            row("bob", "PUT", at("/messages/2/reactions/a%00"), Value::Null, 400, "bad_field emoji"),
            row(
                "bob",
                "PUT",
                at(&format!("/messages/2/reactions/{long}")),
                Value::Null,
                400,
                "bad_field emoji",
            ),
            row(
                "bob",
                "DELETE",
                at(&format!("/messages/2/reactions/{long}")),
                Value::Null,
                400,
                "bad_field emoji",
            ),
            row("bob", "PUT", at("/messages/2/reactions/"), Value::Null, 404, "not_found"),
            row("bob", "POST", thumb, Value::Null, 405, "bad_frame"),
        ],
    )
    .await;
}

#[tokio::test]
async fn messages_are_read_from_anywhere() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    for n in 2..=11 {
        let thread = if n > 8 { json!(2) } else { Value::Null };
        chat.must("ann", "POST", &at("/messages"), json!({"content": n.to_string(), "thread": thread})).await;
    }
    for (query, seqs, more) in [
        ("", vec![2, 3, 4, 5, 6, 7, 8, 9, 10, 11], false),
        ("?limit=2", vec![10, 11], true),
        ("?before=4", vec![2, 3], false),
        ("?before=4&limit=1", vec![3], true),
        ("?after=9", vec![10, 11], false),
        ("?after=5&limit=2", vec![6, 7], true),
        ("?around=6&limit=3", vec![5, 6, 7], true),
        ("?thread=2", vec![9, 10, 11], false),
        ("?thread=2&before=11&limit=1", vec![10], true),
        ("?after=9007199254740991", vec![], false),
    ] {
        let page = chat.must("bob", "GET", &at(&format!("/messages{query}")), Value::Null).await;
        let got: Vec<_> =
            page["messages"].as_array().unwrap().iter().map(|m| m["seq"].as_u64().unwrap()).collect();
        assert_eq!((got, &page["more"], &page["as_of"]), (seqs, &json!(more), &json!(11)), "{query}");
    }
    table(
        &chat,
        &[
            row("eve", "GET", at("/messages"), Value::Null, 404, "not_found"),
            row("bob", "GET", at("/messages?before=1&after=2"), Value::Null, 400, "bad_field before"),
            row("bob", "GET", at("/messages?before=x"), Value::Null, 400, "bad_field before"),
            row("bob", "GET", at("/messages?around="), Value::Null, 400, "bad_field around"),
            row("bob", "GET", at("/messages?limit=0"), Value::Null, 400, "bad_field limit"),
            row("bob", "GET", at("/messages?thread=9007199254740992"), Value::Null, 400, "bad_field thread"),
            row("", "GET", at("/messages"), Value::Null, 401, "unauthorized"),
        ],
    )
    .await;
    let read = chat.must("bob", "PUT", &at("/read"), json!({"seq": 5})).await;
    assert_eq!(read, json!({"read": 5, "unread": 6, "mentions": 0}));
    assert_eq!(chat.must("bob", "PUT", &at("/read"), json!({"seq": 3})).await["read"], 5);
    assert_eq!(chat.must("bob", "PUT", &at("/read"), json!({"seq": 5_000})).await["read"], 11);
    table(
        &chat,
        &[
            row("eve", "PUT", at("/read"), json!({"seq": 1}), 404, "not_found"),
            row("bob", "PUT", at("/read"), json!({}), 400, "bad_field seq"),
            row("bob", "PUT", at("/read"), json!({"seq": -1}), 400, "bad_field seq"),
            row("bob", "PUT", at("/read"), json!({"seq": "1"}), 400, "bad_field seq"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_log_is_read_over_a_gap() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    for n in 0..5 {
        chat.must(
            "ann",
            "POST",
            &at("/messages"),
            json!({"content": n.to_string(), "client_id": n.to_string()}),
        )
        .await;
    }
    let page = chat.must("bob", "GET", &at("/events"), Value::Null).await;
    let epoch = chat.engine.epoch();
    assert_eq!((&page["head"], page["epoch"].as_str()), (&json!(6), Some(&*epoch)));
    let events = page["events"].as_array().unwrap();
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!((&events[0]["type"], &events[1]["type"]), (&json!("room_created"), &json!("message")));
    assert_eq!((&events[1]["client_id"], &events[1]["message"]["content"]), (&json!("0"), &json!("0")));
    let page =
        chat.must("bob", "GET", &at(&format!("/events?since=4&limit=1&epoch={epoch}")), Value::Null).await;
    assert_eq!((page["events"].as_array().unwrap().len(), &page["events"][0]["seq"]), (1, &json!(5)));
    let page = chat.must("bob", "GET", &at("/events?since=7000"), Value::Null).await;
    assert_eq!((&page["events"], &page["head"]), (&json!([]), &json!(6)));
    let reset = chat.ask("bob", "GET", &at("/events?since=4&epoch=old"), Value::Null).await;
    assert_eq!((reset.status.as_u16(), &reset.body["code"]), (409, &json!("conflict")));
    assert_eq!((&reset.body["reset"], reset.body["epoch"].as_str()), (&json!(true), Some(&*epoch)));
    table(
        &chat,
        &[
            row("eve", "GET", at("/events"), Value::Null, 404, "not_found"),
            row("bob", "GET", at("/events?since=-1"), Value::Null, 400, "bad_field since"),
            row("bob", "GET", at("/events?limit=0"), Value::Null, 400, "bad_field limit"),
        ],
    )
    .await;
}
