//! What is written in the page is not lost, and where one is, neither.

use serde_json::{Value, json};

use super::{hook, shown, sign_up};
use crate::{http, process::Launch, webdriver::Driver};

/// Writes into the composer what no keyboard can: 12,000 control characters, 12 KB as text and 72 KB as JSON.
const WRITE_CONTROLS: &str = "(() => { const input = document.getElementById('composer-input'); input.value = '\\u0001'.repeat(12000) + '!'; \
                              input.dispatchEvent(new Event('input')); return true; })()";

const WRITTEN: &str = "document.getElementById('composer-input').value";

fn toast(text: &str) -> String {
    format!("[...document.querySelectorAll('.toast')].some((each) => each.textContent.startsWith('{text}'))")
}

#[tokio::test]
async fn what_is_written_is_kept_or_given_back() {
    let mut launch = Launch::new("keeping", &[]);
    let server = launch.start();
    let driver = Driver::start();
    let ann = driver.browser().await;
    sign_up(&ann, &format!("http://{}/", server.address), "ann").await;
    let token = ann.until("JSON.parse(sessionStorage.getItem('chat.session')).token").await;
    let body = json!({ "kind": "group", "name": "Garden" });
    let made = http::ask(server.address, "POST", "/api/v1/rooms", token.as_str(), Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let reload = async || {
        ann.until("((window.before = true), location.reload(), true)").await;
        ann.until("!window.before && document.querySelector('.room-item')").await;
    };

    // What no frame can hold fails by itself, and the connection stands.
    ann.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    ann.until(WRITE_CONTROLS).await;
    ann.click(&hook("send")).await;
    let failure =
        ann.until("document.querySelector('[data-testid=\"message-failure\"] span').textContent").await;
    assert_eq!(failure, "Not sent: too long: at most 64 KiB as JSON");
    reload().await;
    ann.write(&hook("composer-input"), "hello").await;
    ann.click(&hook("send")).await;
    ann.until(&format!("{} === 'sent'", shown("hello"))).await;
    let left = "Object.keys(localStorage).filter((key) => key.startsWith('chat.outbox'))";
    assert_eq!(ann.until(left).await, json!([]));

    // A refused edit is given back; leaving it brings what was written before.
    ann.write(&hook("composer-input"), "half a sen").await;
    ann.until("(document.querySelector('[data-testid=\"edit\"]').click(), true)").await;
    ann.until(WRITE_CONTROLS).await;
    ann.click(&hook("send")).await;
    ann.until(&toast("Not changed: ")).await;
    let mode = "document.getElementById('composer-context').dataset.mode";
    ann.until(&format!("{mode} === 'edit' && {WRITTEN}.length === 12001")).await;
    ann.click(&hook("composer-cancel")).await;
    ann.until(&format!("{WRITTEN} === 'half a sen'")).await;

    // It outlives a reload, and a sign-in that has ended: one goes on where one was.
    reload().await;
    ann.until(&format!("{WRITTEN} === 'half a sen'")).await;
    ann.until("(sessionStorage.setItem('chat.session', JSON.stringify({ ...JSON.parse(sessionStorage.getItem('chat.session')), token: 'ended' })), location.reload(), true)")
        .await;
    ann.write(&hook("login-name"), "ann").await;
    ann.write(&hook("login-password"), "a password").await;
    ann.click(&hook("login-submit")).await;
    ann.until(&format!(
        "document.getElementById('room-title').textContent === 'Garden' && {WRITTEN} === 'half a sen'"
    ))
    .await;

    // A file that failed holds it back, and Enter says so.
    ann.until(
        "(() => { const files = new DataTransfer(); files.items.add(new File([], 'empty.txt')); \
         const input = document.getElementById('composer-files'); input.files = files.files; \
         input.dispatchEvent(new Event('change')); return document.querySelector('[data-testid=\"upload-error\"]'); })()",
    )
    .await;
    ann.write(&hook("composer-input"), "\u{E007}").await;
    ann.until(&toast("A file was not uploaded")).await;

    // Who signs out leaves nothing behind.
    ann.click(&hook("sign-out")).await;
    let drafts = ann.until("Object.keys(sessionStorage)").await;
    assert_eq!(drafts, Value::Array(Vec::new()));
    ann.until("location.hash === ''").await;
}

#[tokio::test]
async fn back_closes_the_panel_that_covers_a_phone() {
    let mut launch = Launch::new("phone", &[]);
    let server = launch.start();
    let driver = Driver::start();
    let ann = driver.browser().await;
    ann.resize(600, 900).await;
    sign_up(&ann, &format!("http://{}/", server.address), "ann").await;
    let token = ann.until("JSON.parse(sessionStorage.getItem('chat.session')).token").await;
    let body = json!({ "kind": "group", "name": "Garden" });
    let made = http::ask(server.address, "POST", "/api/v1/rooms", token.as_str(), Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    ann.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    let room = "document.getElementById('app').dataset.pane === 'room' && location.hash !== ''";
    let panel = |hidden: bool| format!("document.getElementById('panel').hidden === {hidden}");
    let back = "(history.back(), true)";

    ann.click(&hook("open-members")).await;
    ann.until(&panel(false)).await;
    ann.until(back).await;
    ann.until(&format!("{} && {room}", panel(true))).await;
    // Its own button leaves no entry behind: one step back is the list.
    ann.click(&hook("open-members")).await;
    ann.click(&hook("panel-close")).await;
    ann.until(&format!("{} && {room} && !history.state?.panel", panel(true))).await;
    ann.until(back).await;
    ann.until("document.getElementById('app').dataset.pane === 'list'").await;

    // Who leaves the room from the panel does not come back to it.
    ann.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    ann.click(&hook("open-members")).await;
    ann.click(&hook("leave-room")).await;
    ann.click(&hook("confirm")).await;
    ann.until("document.getElementById('app').dataset.pane === 'list' && location.hash === '' && !history.state?.panel").await;

    // The browser knows first.
    let banner = |hidden: bool| format!("document.getElementById('banner').hidden === {hidden}");
    ann.until(&format!("(dispatchEvent(new Event('offline')), {})", banner(false))).await;
    ann.until(&format!("(dispatchEvent(new Event('online')), {})", banner(true))).await;
}
