//! Reports, blocks and the audit trail.

use serde_json::{Value, json};

use super::{row, table};
use crate::support::chat;

#[tokio::test]
async fn reports_are_made_listed_and_decided() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob", "cat"]).await;
    let sent = json!({"content": "you fool"});
    let message = chat.must("bob", "POST", &format!("/rooms/{room}/messages"), sent).await;
    let of = |reason: &str| json!({"room_id": room, "seq": message["seq"], "reason": reason});
    let answer = chat.ask("cat", "POST", "/reports", of("rude")).await;
    assert_eq!(answer.status, 201);
    let report = answer.body;
    let expected = ["pending", "cat", "you fool", "bob", "rude"];
    let told = ["status", "reporter", "content", "sender", "reason"].map(|field| report[field].clone());
    assert_eq!(told, expected);
    assert_eq!((&report["message_id"], &report["decided_by"]), (&message["id"], &Value::Null));
    let at = format!("/reports/{}", report["id"]);
    table(
        &chat,
        &[
            row("", "POST", "/reports", of("x"), 401, "unauthorized"),
            row("cat", "POST", "/reports", of("again"), 409, "conflict"),
            row("eve", "POST", "/reports", of("x"), 404, "not_found"),
            row("cat", "POST", "/reports", of(" "), 400, "bad_field reason"),
            row("cat", "POST", "/reports", of("\0"), 400, "bad_field reason"),
            row("cat", "POST", "/reports", of(&"x".repeat(1_001)), 413, "too_large reason"),
            row("cat", "POST", "/reports", json!({"room_id": room, "seq": 2}), 400, "bad_field reason"),
            row("cat", "POST", "/reports", json!({"room_id": room, "reason": "x"}), 400, "bad_field seq"),
            row("cat", "POST", "/reports", json!({"seq": 2, "reason": "x"}), 400, "bad_field room_id"),
            row("cat", "POST", "/reports", json!({"reason": "x"}), 400, "bad_field message_id"),
            row(
                "cat",
                "POST",
                "/reports",
                json!({"room_id": room, "seq": 99, "reason": "x"}),
                404,
                "not_found",
            ),
            row("cat", "GET", format!("/reports?room_id={room}"), Value::Null, 403, "forbidden"),
            row("eve", "GET", format!("/reports?room_id={room}"), Value::Null, 404, "not_found"),
            row("ann", "GET", "/reports?status=done", Value::Null, 400, "bad_field status"),
            row("ann", "GET", "/reports?limit=0", Value::Null, 400, "bad_field limit"),
            row("ann", "GET", "/reports?before=x", Value::Null, 400, "bad_field before"),
            row("cat", "PATCH", at.clone(), json!({"status": "reviewed"}), 403, "forbidden"),
            row("eve", "PATCH", at.clone(), json!({"status": "reviewed"}), 404, "not_found"),
            row("ann", "PATCH", "/reports/999", json!({"status": "reviewed"}), 404, "not_found"),
            row("ann", "PATCH", "/reports/x", json!({"status": "reviewed"}), 404, "not_found"),
            row("ann", "PATCH", at.clone(), json!({"status": "pending"}), 400, "bad_field status"),
            row("ann", "PATCH", at.clone(), json!({"status": "gone"}), 400, "bad_field status"),
            row("ann", "PATCH", at.clone(), json!({}), 400, "bad_field status"),
            row("ann", "PATCH", at.clone(), json!({"status": "reviewed"}), 200, ""),
            row("cat", "GET", format!("/rooms/{room}/audit"), Value::Null, 403, "forbidden"),
            row("eve", "GET", format!("/rooms/{room}/audit"), Value::Null, 404, "not_found"),
        ],
    )
    .await;
    let listed = chat.must("ann", "GET", "/reports?status=reviewed", Value::Null).await;
    assert_eq!((&listed["reports"][0]["decided_by"], &listed["next"]), (&json!("ann"), &Value::Null));
    assert_eq!(chat.must("ann", "GET", "/reports?status=pending", Value::Null).await, json!({"reports": []}));
    assert_eq!(chat.must("bob", "GET", "/reports", Value::Null).await, json!({"reports": []}));
    let trail = chat.must("ann", "GET", &format!("/rooms/{room}/audit?limit=1"), Value::Null).await;
    let entry = &trail["entries"][0];
    assert_eq!((&entry["action"], &entry["report"]), (&json!("report_reviewed"), &report["id"]));
}

#[tokio::test]
async fn a_message_is_reported_by_its_id_or_its_place() {
    let chat = chat().await;
    let room = chat.group("ann", &["bob"]).await;
    let other = chat.group("ann", &["cat"]).await;
    let say = async |room: u64| {
        chat.must("ann", "POST", &format!("/rooms/{room}/messages"), json!({"content": "x"})).await
    };
    let (message, elsewhere) = (say(room).await, say(other).await);
    let (id, seq) = (&message["id"], &message["seq"]);
    let of = |mut place: Value| {
        place["reason"] = json!("rude");
        place
    };
    table(
        &chat,
        &[
            row("bob", "POST", "/reports", of(json!({"message_id": "x"})), 400, "bad_field message_id"),
            row("bob", "POST", "/reports", of(json!({"message_id": -1})), 400, "bad_field message_id"),
            row("bob", "POST", "/reports", of(json!({"message_id": null})), 400, "bad_field message_id"),
            row(
                "bob",
                "POST",
                "/reports",
                of(json!({"message_id": id, "seq": 9})),
                400,
                "bad_field message_id",
            ),
            row(
                "bob",
                "POST",
                "/reports",
                of(json!({"message_id": id, "room_id": other, "seq": seq})),
                400,
                "bad_field message_id",
            ),
            row("bob", "POST", "/reports", of(json!({"message_id": 999})), 404, "not_found"),
            // What one may not read is not there, whatever else is said.
            row("bob", "POST", "/reports", of(json!({"message_id": elsewhere["id"]})), 404, "not_found"),
            row(
                "bob",
                "POST",
                "/reports",
                of(json!({"message_id": elsewhere["id"], "room_id": room, "seq": 2})),
                404,
                "not_found",
            ),
            row("eve", "POST", "/reports", of(json!({"message_id": id})), 404, "not_found"),
        ],
    )
    .await;
    let report = chat.must("bob", "POST", "/reports", of(json!({"message_id": id}))).await;
    assert_eq!([&report["room_id"], &report["seq"], &report["message_id"]], [&json!(room), seq, id]);
    // It is the same message, however it is named.
    for place in [
        json!({"message_id": id}),
        json!({"room_id": room, "seq": seq}),
        json!({"message_id": id, "room_id": room}),
        json!({"message_id": id, "room_id": room, "seq": seq}),
    ] {
        assert_eq!(chat.ask("bob", "POST", "/reports", of(place)).await.status, 409);
    }
}

#[tokio::test]
async fn blocks_are_put_and_taken_back() {
    let chat = chat().await;
    chat.must("bob", "POST", "/rooms", json!({"kind": "direct", "members": ["cat"]})).await;
    let direct = json!({"kind": "direct", "members": ["ann"]});
    table(
        &chat,
        &[
            row("", "PUT", "/blocks/bob", Value::Null, 401, "unauthorized"),
            row("ann", "PUT", "/blocks/me", Value::Null, 400, "bad_field user"),
            row("ann", "PUT", "/blocks/bob", Value::Null, 204, ""),
            row("ann", "PUT", "/blocks/bob", Value::Null, 204, ""),
            row("bob", "POST", "/rooms", direct.clone(), 403, "blocked"),
            row("bob", "POST", "/rooms", json!({"kind": "group", "members": ["ann"]}), 403, "blocked"),
            row("ann", "DELETE", "/blocks/bob", Value::Null, 204, ""),
            row("ann", "DELETE", "/blocks/bob", Value::Null, 204, ""),
            row("bob", "POST", "/rooms", direct, 201, ""),
            row("ann", "PUT", "/blocks/cat", Value::Null, 204, ""),
        ],
    )
    .await;
    assert_eq!(chat.must("ann", "GET", "/blocks", Value::Null).await, json!({"blocked": ["cat"]}));
}
