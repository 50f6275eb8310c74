//! Members, bans, users.

use chat_core::model::Timestamp;
use serde_json::{Value, json};

use super::{row, table};
use crate::support::chat;

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
