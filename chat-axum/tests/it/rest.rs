//! REST: good and bad input of every route.

use std::time::Duration;

use axum::{body::Body, http::Request};
use chat_core::{Rate, model::Timestamp};
use serde_json::{Value, json};

use crate::support::{Chat, MOUNT, chat, chat_with, limits, token};

/// Asks a row of questions; each must give the status, and a problem must have the code and name the field.
async fn table(chat: &Chat, rows: &[(&str, &str, String, Value, u16, &str)]) {
    for (user, method, path, body, status, told) in rows {
        let answer = chat.ask(user, method, path, body.clone()).await;
        assert_eq!(answer.status, *status, "{user}: {method} {path} {body}: {answer:?}");
        if *status < 400 {
            continue;
        }
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        let (code, field) = told.split_once(' ').unwrap_or((told, ""));
        assert_eq!(answer.body["code"], code, "{user}: {method} {path} {body}: {answer:?}");
        assert_eq!(
            answer.body["field"].as_str().unwrap_or_default(),
            field,
            "{method} {path} {body}: {answer:?}"
        );
        assert_eq!(answer.body["status"], *status);
        assert_eq!(answer.body["type"], "about:blank");
        assert!(!answer.body["title"].as_str().unwrap().is_empty());
        assert!(!answer.body["detail"].as_str().unwrap().is_empty());
    }
}

fn row<'a>(
    user: &'a str,
    method: &'a str,
    path: impl Into<String>,
    body: Value,
    status: u16,
    told: &'a str,
) -> (&'a str, &'a str, String, Value, u16, &'a str) {
    (user, method, path.into(), body, status, told)
}

#[tokio::test]
async fn rooms_are_made_once() {
    let chat = chat().await;
    let made = chat.ask("ann", "POST", "/rooms", json!({"kind": "direct", "members": ["bob"]})).await;
    assert_eq!(made.status, 201);
    assert_eq!((&made.body["kind"], &made.body["peer"]), (&json!("direct"), &json!("bob")));
    assert_eq!(
        (&made.body["role"], &made.body["head"], &made.body["member_count"]),
        (&json!("owner"), &json!(1), &json!(2))
    );
    let again = chat.ask("bob", "POST", "/rooms", json!({"kind": "direct", "members": ["ann", "bob"]})).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &made.body["id"]));
    let group =
        json!({"kind": "group", "name": "G", "client_id": "k", "metadata": {"a": 1}, "history": "from_join"});
    let made = chat.ask("ann", "POST", "/rooms", group.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!((&made.body["metadata"], &made.body["history"]), (&json!({"a": 1}), &json!("from_join")));
    let again = chat.ask("ann", "POST", "/rooms", group.clone()).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &made.body["id"]));
    assert_ne!(chat.ask("bob", "POST", "/rooms", group).await.body["id"], made.body["id"]);
    let long = "x".repeat(256);
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    table(
        &chat,
        &[
            row("", "POST", "/rooms", json!({"kind": "group"}), 401, "unauthorized"),
            row("ann", "POST", "/rooms", json!({}), 400, "bad_field kind"),
            row("ann", "POST", "/rooms", json!([]), 400, "bad_frame"),
            row("ann", "POST", "/rooms", json!({"kind": "club"}), 400, "bad_field kind"),
            row("ann", "POST", "/rooms", json!({"kind": 5}), 400, "bad_field kind"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "name": 5}), 400, "bad_field name"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "name": " "}), 400, "bad_field name"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "name": "a\0"}), 400, "bad_field name"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "name": long}), 413, "too_large name"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "members": [1]}), 400, "bad_field members"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "members": [""]}), 400, "bad_field members"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "members": many}), 413, "too_large members"),
            row("ann", "POST", "/rooms", json!({"kind": "group", "metadata": []}), 400, "bad_field metadata"),
            row(
                "ann",
                "POST",
                "/rooms",
                json!({"kind": "group", "client_id": ""}),
                400,
                "bad_field client_id",
            ),
            row("ann", "POST", "/rooms", json!({"kind": "group", "history": "x"}), 400, "bad_field history"),
            row("ann", "POST", "/rooms", json!({"kind": "direct"}), 400, "bad_field members"),
            row(
                "ann",
                "POST",
                "/rooms",
                json!({"kind": "direct", "members": ["ann"]}),
                400,
                "bad_field members",
            ),
            row(
                "ann",
                "POST",
                "/rooms",
                json!({"kind": "direct", "members": ["b", "c"]}),
                400,
                "bad_field members",
            ),
            row(
                "ann",
                "POST",
                "/rooms",
                json!({"kind": "direct", "members": ["b"], "name": "n"}),
                400,
                "bad_field name",
            ),
            row("ann", "POST", "/rooms", json!({"kind": "group", "unknown": {"is": "passed over"}}), 201, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn rooms_are_listed_in_pages() {
    let chat = chat().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let room = json!({"kind": "public", "name": format!("Room {n}")});
        ids.push(chat.must("ann", "POST", "/rooms", room).await["id"].clone());
    }
    ids.reverse();
    for (user, filter) in [("ann", ""), ("bob", "&public="), ("bob", "&public=ROOM")] {
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = chat.must(user, "GET", &format!("/rooms?limit=2{filter}{before}"), Value::Null).await;
            let rooms = page["rooms"].as_array().unwrap();
            assert!(rooms.len() <= 2);
            assert_eq!(rooms.iter().all(|room| room["role"] == "owner"), user == "ann" || rooms.is_empty());
            seen.extend(rooms.iter().map(|room| room["id"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        assert_eq!(seen, ids, "{user} {filter}");
    }
    let found = chat.must("bob", "GET", "/rooms?public=room%203", Value::Null).await;
    assert_eq!(found["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(chat.must("bob", "GET", "/rooms", Value::Null).await, json!({"rooms": []}));
    table(
        &chat,
        &[
            row("ann", "GET", "/rooms?limit=0", Value::Null, 400, "bad_field limit"),
            row("ann", "GET", "/rooms?limit=-1", Value::Null, 400, "bad_field limit"),
            row("ann", "GET", "/rooms?limit=x", Value::Null, 400, "bad_field limit"),
            row("ann", "GET", "/rooms?limit=1&limit=2", Value::Null, 400, "bad_field limit"),
            row("ann", "GET", "/rooms?limit=100000", Value::Null, 200, ""),
            row("ann", "GET", "/rooms?before=5", Value::Null, 400, "bad_field before"),
            row("ann", "GET", "/rooms?before=a:b", Value::Null, 400, "bad_field before"),
            row("ann", "GET", "/rooms?before=1:0", Value::Null, 400, "bad_field before"),
            row("ann", "GET", "/rooms?public=%00", Value::Null, 400, "bad_field public"),
            row("", "GET", "/rooms", Value::Null, 401, "unauthorized"),
            row("ann", "PUT", "/rooms", Value::Null, 405, "bad_frame"),
        ],
    )
    .await;
    let answer = chat.ask("ann", "PUT", "/rooms", Value::Null).await;
    let allowed = answer.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn rooms_are_read_changed_and_deleted() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    let detail = chat.must("bob", "GET", &at(""), Value::Null).await;
    assert_eq!(
        (&detail["id"], &detail["as_of"], &detail["members"][0]["user"]),
        (&json!(room), &json!(1), &json!("ann"))
    );
    let changed = chat.must("ann", "PATCH", &at(""), json!({"name": null, "metadata": {"a": [1]}})).await;
    assert_eq!(
        (&changed["name"], &changed["metadata"], &changed["head"]),
        (&Value::Null, &json!({"a": [1]}), &json!(2))
    );
    table(
        &chat,
        &[
            row("eve", "GET", at(""), Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/999", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/x", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/0", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/-1", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/9007199254740992", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/99999999999999999999", Value::Null, 404, "not_found"),
            row("ann", "GET", "/rooms/%ff", Value::Null, 404, "not_found"),
            row("bob", "PATCH", at(""), json!({"name": "x"}), 403, "forbidden"),
            row("eve", "PATCH", at(""), json!({"name": "x"}), 404, "not_found"),
            row("ann", "PATCH", at(""), json!({"name": ""}), 400, "bad_field name"),
            row("ann", "PATCH", at(""), json!({"history": 1}), 400, "bad_field history"),
            row("ann", "PATCH", at(""), json!({"name": "N"}), 200, ""),
            row("ann", "PATCH", at(""), json!({"name": "N"}), 200, ""),
            row("bob", "DELETE", at(""), Value::Null, 403, "forbidden"),
            row("eve", "DELETE", at(""), Value::Null, 404, "not_found"),
            row("ann", "DELETE", at(""), Value::Null, 204, ""),
            row("ann", "GET", at(""), Value::Null, 404, "not_found"),
            row("bob", "POST", at("/messages"), json!({"content": "x"}), 404, "not_found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn members_come_and_go() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    let added = chat.must("ann", "POST", &at("/members"), json!({"users": ["cy", "bob", "di"]})).await;
    assert_eq!(added["added"], json!([{"user": "cy", "seq": 2}, {"user": "bob"}, {"user": "di", "seq": 3}]));
    let first = chat.must("bob", "GET", &at("/members?limit=3"), Value::Null).await;
    assert_eq!(first["next"], "cy");
    let rest = chat.must("bob", "GET", &at("/members?limit=3&after=cy"), Value::Null).await;
    assert_eq!((rest["members"].as_array().unwrap().len(), &rest["members"][0]["user"]), (1, &json!("di")));
    let later = Timestamp::from_micros(4_000_000_000_000_000).to_string();
    table(
        &chat,
        &[
            row("ann", "POST", at("/members"), json!({}), 400, "bad_field user"),
            row("ann", "POST", at("/members"), json!({"users": []}), 400, "bad_field users"),
            row("ann", "POST", at("/members"), json!({"user": "x", "users": ["y"]}), 400, "bad_field users"),
            row("ann", "POST", at("/members"), json!({"user": 5}), 400, "bad_field user"),
            row("ann", "POST", at("/members"), json!({"user": "x", "role": "king"}), 400, "bad_field role"),
            row("ann", "POST", at("/members"), json!({"user": "x", "role": "owner"}), 403, "forbidden"),
            row("bob", "POST", at("/members"), json!({"user": "x"}), 403, "forbidden"),
            row("eve", "POST", at("/members"), json!({"user": "x"}), 404, "not_found"),
            row("eve", "GET", at("/members"), Value::Null, 404, "not_found"),
            row("bob", "GET", at("/members?limit=0"), Value::Null, 400, "bad_field limit"),
            row("bob", "GET", at("/members?after="), Value::Null, 400, "bad_field after"),
            row("ann", "PATCH", at("/members/bob"), json!({}), 400, "bad_field role"),
            row("ann", "PATCH", at("/members/bob"), json!({"role": "x"}), 400, "bad_field role"),
            row(
                "ann",
                "PATCH",
                at("/members/bob"),
                json!({"role": "member", "muted_until": null}),
                400,
                "bad_field muted_until",
            ),
            row(
                "ann",
                "PATCH",
                at("/members/bob"),
                json!({"muted_until": "soon"}),
                400,
                "bad_field muted_until",
            ),
            row("ann", "PATCH", at("/members/nobody"), json!({"role": "moderator"}), 404, "not_found"),
            row("bob", "PATCH", at("/members/cy"), json!({"role": "moderator"}), 403, "forbidden"),
            row("bob", "PATCH", at("/members/me"), json!({"role": "owner"}), 403, "forbidden"),
            row("ann", "PATCH", at("/members/bob"), json!({"role": "moderator"}), 200, ""),
            row("bob", "PATCH", at("/members/cy"), json!({"muted_until": later}), 200, ""),
            row("cy", "POST", at("/messages"), json!({"content": "x"}), 403, "muted"),
            row("bob", "PATCH", at("/members/cy"), json!({"muted_until": null}), 200, ""),
            row("cy", "POST", at("/messages"), json!({"content": "x"}), 201, ""),
            row("bob", "DELETE", at("/members/ann"), Value::Null, 403, "forbidden"),
            row("bob", "DELETE", at("/members/cy?ban=maybe"), Value::Null, 400, "bad_field ban"),
            row(
                "bob",
                "DELETE",
                at("/members/cy?until=2099-01-01T00:00:00Z"),
                Value::Null,
                400,
                "bad_field until",
            ),
            row("bob", "DELETE", at("/members/cy?ban=true&until=soon"), Value::Null, 400, "bad_field until"),
            row("bob", "DELETE", at("/members/me?ban=true"), Value::Null, 400, "bad_field ban"),
            row("bob", "DELETE", at("/members/di"), Value::Null, 200, ""),
            row("di", "GET", at(""), Value::Null, 404, "not_found"),
            row("bob", "DELETE", at("/members/cy?ban=true&until=2099-01-01T00:00:00Z"), Value::Null, 200, ""),
            row("cy", "GET", at("/messages"), Value::Null, 404, "not_found"),
            row("eve", "GET", at("/bans"), Value::Null, 404, "not_found"),
            row("bob", "DELETE", at("/bans/nobody"), Value::Null, 404, "not_found"),
            row("eve", "POST", at("/members/eve"), Value::Null, 404, "not_found"),
            row("bob", "POST", at("/members/eve"), Value::Null, 403, "forbidden"),
            row("ann", "PATCH", at("/members/bob"), json!({"role": "owner"}), 200, ""),
            row("bob", "DELETE", at("/members/ann"), Value::Null, 200, ""),
            row("bob", "DELETE", at("/members/me"), Value::Null, 200, ""),
        ],
    )
    .await;
    assert_eq!(chat.ask("bob", "GET", &at(""), Value::Null).await.status, 404);
}

#[tokio::test]
async fn bans_are_told_and_lifted() {
    let chat = chat().await;
    let body = json!({"kind": "public", "name": "Open"});
    let room = chat.must("ann", "POST", "/rooms", body).await["id"].as_u64().unwrap();
    let at = |rest: &str| format!("/rooms/{room}{rest}");
    assert_eq!(chat.must("bob", "POST", &at("/members/me"), Value::Null).await, json!({"seq": 2}));
    assert_eq!(chat.must("bob", "POST", &at("/members/me"), Value::Null).await, json!({}));
    chat.must("ann", "DELETE", &at("/members/bob?ban=true"), Value::Null).await;
    table(&chat, &[row("bob", "POST", at("/members/me"), Value::Null, 403, "banned")]).await;
    let bans = chat.must("ann", "GET", &at("/bans"), Value::Null).await;
    assert_eq!((&bans["bans"][0]["user"], &bans["bans"][0]["until"]), (&json!("bob"), &Value::Null));
    assert_eq!(chat.ask("ann", "DELETE", &at("/bans/bob"), Value::Null).await.status, 204);
    assert_eq!(chat.must("ann", "GET", &at("/bans"), Value::Null).await, json!({"bans": []}));
    chat.must("bob", "POST", &at("/members/me"), Value::Null).await;
    table(&chat, &[row("bob", "GET", at("/bans"), Value::Null, 403, "forbidden")]).await;
}

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

#[tokio::test]
async fn users_and_presence_are_told_to_acquaintances() {
    let chat = chat().await;
    chat.group("ann", &["bob"]).await;
    let user = chat.must("ann", "GET", "/users/bob", Value::Null).await;
    assert_eq!((&user["id"], &user["name"], &user["online"]), (&json!("bob"), &json!("bob"), &json!(false)));
    assert_eq!(chat.must("ann", "GET", "/users/me", Value::Null).await["id"], "ann");
    let presence = chat.must("ann", "GET", "/presence?users=bob,eve,ann", Value::Null).await;
    let mut users: Vec<_> =
        presence["presence"].as_array().unwrap().iter().map(|p| p["user"].as_str().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, ["ann", "bob"]);
    let long = "x".repeat(129);
    let many = (0..201).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    table(
        &chat,
        &[
            row("ann", "GET", format!("/users/{long}"), Value::Null, 404, "not_found"),
            row("", "GET", "/users/bob", Value::Null, 401, "unauthorized"),
            row("ann", "GET", "/presence", Value::Null, 400, "bad_field users"),
            row("ann", "GET", "/presence?users=", Value::Null, 200, ""),
            row("ann", "GET", format!("/presence?users={long}"), Value::Null, 400, "bad_field users"),
            row("ann", "GET", format!("/presence?users={many}"), Value::Null, 413, "too_large users"),
        ],
    )
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_and_paths_that_are_none() {
    let chat = chat().await;
    let bearer = format!("Bearer {}", token("ann"));
    for (kind, body, status, code) in [
        (Some("application/json"), "", 400, "bad_frame"),
        (Some("application/json"), "{", 400, "bad_frame"),
        (Some("application/json"), "{} {}", 400, "bad_frame"),
        (Some("application/json"), "[\"group\"]", 400, "bad_frame"),
        (Some("application/json"), "\"group\"", 400, "bad_frame"),
        (Some("application/json"), "null", 400, "bad_frame"),
        (Some("application/json"), "{\"kind\":\"group\",\"kind\":\"group\"}", 400, "bad_field"),
        (Some("application/json; charset=utf-8"), " {\"kind\":\"group\"} ", 201, ""),
        (Some("text/plain"), "{\"kind\":\"group\"}", 415, "bad_frame"),
        (Some("application/x-www-form-urlencoded"), "kind=group", 415, "bad_frame"),
        (Some("multipart/form-data"), "x", 415, "bad_frame"),
        (None, "{\"kind\":\"group\"}", 415, "bad_frame"),
    ] {
        let mut request = Request::post(format!("{MOUNT}/rooms")).header("authorization", &bearer);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = chat.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{kind:?} {body}: {answer:?}");
        if status >= 400 {
            assert_eq!(answer.body["code"], code, "{kind:?} {body}");
        }
    }
    // Without a length told beforehand, too.
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 8_000])));
    let request = Request::post(format!("{MOUNT}/rooms"))
        .header("authorization", &bearer)
        .header("content-type", "application/json")
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(chat.send(request).await.status, 413);
    for path in ["/nowhere", "/rooms/1/nowhere", "/rooms/"] {
        let answer = chat.ask("", "GET", path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (404, &json!("not_found")), "{path}");
    }
    let request = Request::get(format!("{MOUNT}/ws")).body(Body::empty()).unwrap();
    let answer = chat.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (426, &json!("bad_frame")));
    assert_eq!(answer.headers["upgrade"], "websocket");
}

#[tokio::test]
async fn too_many_is_told_with_a_time() {
    let mut limits = limits();
    limits.sends = Rate::new(0.4, 2);
    let chat = chat_with(limits, |router| router).await;
    let room = chat.group("ann", &[]).await;
    let path = format!("/rooms/{room}/messages");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(chat.ask("ann", "POST", &path, json!({"content": "x"})).await);
    }
    let refused = statuses.pop().unwrap();
    assert!(statuses.iter().all(|answer| answer.status == 201));
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &json!("rate_limited")));
    let wait = Duration::from_millis(refused.body["retry_after_ms"].as_u64().unwrap());
    assert!(wait > Duration::from_secs(1) && wait <= Duration::from_millis(2_500), "{wait:?}");
    assert_eq!(refused.headers["retry-after"], if wait > Duration::from_secs(2) { "3" } else { "2" });
    assert_eq!(refused.body["retryable"], true);
}

#[tokio::test]
async fn answers_are_not_cached_and_name_no_framework() {
    let chat = chat().await;
    for path in ["/rooms", "/nowhere"] {
        let answer = chat.ask("ann", "GET", path, Value::Null).await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        let own = |name: &str| name.starts_with("x-") || name == "server";
        assert!(!answer.headers.keys().any(|name| own(name.as_str())), "{answer:?}");
    }
}

#[cfg(feature = "openapi")]
#[tokio::test]
async fn the_description_is_served_to_anyone() {
    let chat = chat().await;
    let answer = chat.ask("", "GET", "/openapi.json", Value::Null).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["openapi"], "3.1.0");
    assert_eq!(answer.body["paths"]["/rooms"]["post"]["operationId"], "createRoom");
}
