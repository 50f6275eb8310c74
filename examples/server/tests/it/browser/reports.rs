//! Messages that are reported, in the page, and who decides on them.

use serde_json::{Value, json};

use super::{hook, sign_up};
use crate::{http, process::Launch, webdriver::Driver};

#[tokio::test]
async fn a_message_is_reported_and_a_moderator_decides() {
    let mut launch = Launch::new("reports", &[]);
    let server = launch.start();
    let url = format!("http://{}/", server.address);
    let driver = Driver::start();
    let (ann, bob) = (driver.browser().await, driver.browser().await);
    sign_up(&ann, &url, "ann").await;
    sign_up(&bob, &url, "bob").await;
    let ask = async |path: &str, token: Option<&str>, body: Value| {
        let answer = http::ask(server.address, "POST", path, token, Some(&body)).await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer.json()
    };
    let session = "JSON.parse(sessionStorage.getItem('chat.session'))";
    let anns = ann.until(&format!("{session}.token")).await;
    let bobs_id = bob.until(&format!("{session}.user")).await;
    let eve = ask("/auth/signup/", None, json!({ "username": "eve", "password": "a password" })).await;
    let eves_id = eve["user_id"].as_str().map_or_else(|| eve["user_id"].to_string(), str::to_owned);
    let body = json!({ "kind": "group", "name": "Garden", "members": [bobs_id, eves_id] });
    let garden = ask("/api/v1/rooms", anns.as_str(), body).await["id"].clone();
    let messages = format!("/api/v1/rooms/{garden}/messages");
    ask(&messages, eve["token"].as_str(), json!({ "content": "buy <b>now</b>" })).await;

    // Bob reports, and is told that once is enough.
    bob.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    let report = async |reason: &str| {
        bob.until("(document.querySelector('[data-testid=\"report\"]').click(), document.querySelector('dialog[open]'))")
            .await;
        bob.write(&hook("report-reason"), reason).await;
        bob.click(&hook("report-send")).await;
    };
    report("this is an advertisement").await;
    bob.until(
        "!document.querySelector('dialog') && document.querySelector('.toast')?.textContent === 'Reported.'",
    )
    .await;
    report("really").await;
    let said = bob.until("document.querySelector('[data-testid=\"report-error\"]').textContent").await;
    assert_eq!(said, "You have reported this message before.");

    // Ann owns the room: she sees what was said and by whom, looks at the message, and decides.
    ann.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    let open = async || {
        ann.click(&hook("open-members")).await;
        ann.click(&hook("open-reports")).await;
    };
    open().await;
    let row = ann
        .until("['report-content', 'report-words'].map((name) => document.querySelector(`[data-testid=\"reports\"] [data-testid=\"${name}\"]`).textContent)")
        .await;
    assert_eq!(row, json!(["buy <b>now</b>", "this is an advertisement"]));
    ann.click(&hook("report-show")).await;
    ann.until("!document.querySelector('dialog') && document.querySelector('.message.flash')").await;
    ann.click(&hook("panel-close")).await;
    open().await;
    ann.click(&hook("report-reviewed")).await;
    ann.until(
        "document.querySelector('[data-testid=\"reports-status\"]').textContent === 'Nothing to decide on.'",
    )
    .await;
    ann.until("(document.querySelector('[data-testid=\"reports-reviewed\"]').click(), true)").await;
    let decided = ann
        .until(
            "document.querySelector('[data-testid=\"report-item\"][data-status=\"reviewed\"] .hint').textContent",
        )
        .await;
    assert!(decided.as_str().unwrap().starts_with("Reviewed by You"), "{decided}");
}
