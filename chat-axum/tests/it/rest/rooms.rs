//! Rooms.

use serde_json::{Value, json};

use super::{row, table};
use crate::support::chat;

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
