//! The page, in browsers.

mod files;
mod keeping;
mod reports;

use serde_json::{Value, json};

use crate::{
    http,
    process::Launch,
    webdriver::{Browser, Driver},
};

fn hook(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// JavaScript for: a message of this text is shown; then its status, or what it says where it has none.
fn shown(text: &str) -> String {
    format!(
        "(() => {{ const found = [...document.querySelectorAll('[data-testid=\"message\"]')]\
         .find((each) => each.querySelector('[data-testid=\"message-text\"]')?.textContent === '{text}');\
         return found && (found.querySelector('[data-testid=\"message-status\"]')?.dataset.state ?? 'theirs'); }})()"
    )
}

async fn sign_up(browser: &Browser, url: &str, name: &str) {
    browser.open(url).await;
    browser.write(&hook("signup-name"), name).await;
    browser.write(&hook("signup-password"), "a password").await;
    browser.click(&hook("signup-submit")).await;
    browser
        .until(&format!(
            "document.querySelector('[data-testid=\"own-name\"]').textContent.includes('{name}')"
        ))
        .await;
}

async fn send(browser: &Browser, text: &str) {
    browser.write(&hook("composer-input"), text).await;
    browser.click(&hook("send")).await;
}

#[tokio::test]
async fn the_page_tests_itself() {
    let mut launch = Launch::new("selftest", &[]);
    let server = launch.start();
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser.open(&format!("http://{}/selftest/", server.address)).await;
    browser.until("document.getElementById('result').dataset.failed !== undefined").await;
    let said = browser
        .until("({ ...document.getElementById('result').dataset, failures: document.getElementById('failures').textContent })")
        .await;
    assert_eq!(said["failed"], "0", "{}", said["failures"].as_str().unwrap());
    let passed: u32 = said["passed"].as_str().unwrap().parse().unwrap();
    assert!(passed > 0, "{said}");
    println!("{passed} tests of the page passed");
}

#[tokio::test]
async fn a_message_is_searched_and_shown_in_its_room() {
    let mut launch = Launch::new("search", &["--limit", "sends=1000/1000"]);
    let server = launch.start();
    let driver = Driver::start();
    let ann = driver.browser().await;
    sign_up(&ann, &format!("http://{}/", server.address), "ann").await;
    let token = ann.until("JSON.parse(sessionStorage.getItem('chat.session')).token").await;
    let call = async |path: &str, body: Value| {
        let path = format!("/api/v1{path}");
        let answer = http::ask(server.address, "POST", &path, token.as_str(), Some(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    };
    let garden = call("/rooms", json!({"kind": "group", "name": "Garden"})).await["id"].clone();
    call("/rooms", json!({"kind": "group", "name": "Kitchen"})).await;
    for n in 0..120 {
        // The first one lies above the page that is read where a room opens.
        let content = if n == 0 { "A <b>Needle</b> in the haystack".to_owned() } else { format!("hay {n}") };
        call(&format!("/rooms/{garden}/messages"), json!({ "content": content })).await;
    }

    let key = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))";
    ann.until(&format!("({key}, document.activeElement.id === 'room-filter')")).await;
    ann.write(&hook("room-filter"), "needle HAY").await;
    let marks = "[...document.querySelectorAll('[data-testid=\"search-result\"] mark')].map((mark) => mark.textContent)";
    assert_eq!(ann.until(&format!("{marks}.length > 0 && {marks}")).await, json!(["Needle", "hay"]));
    let said = ann.until("document.querySelector('[data-testid=\"search-result\"]').textContent").await;
    let said = said.as_str().unwrap();
    assert!(said.starts_with("Garden") && said.ends_with("You: A <b>Needle</b> in the haystack"), "{said}");
    ann.click(&hook("search-result")).await;
    ann.until(
        "(() => { const found = document.querySelector('[data-testid=\"message\"][data-seq=\"2\"]')?.getBoundingClientRect();
         const log = document.getElementById('log').getBoundingClientRect();
         return found && found.top >= log.top && found.bottom <= log.bottom; })()",
    )
    .await;
    // Escape.
    ann.write(&hook("room-filter"), "\u{E00C}").await;
    ann.until(
        "document.getElementById('found').hidden && document.querySelectorAll('.room-item').length === 2",
    )
    .await;
}

#[tokio::test]
async fn two_people_chat_and_the_server_dies() {
    let mut launch = Launch::new("page", &[]);
    let server = launch.start();
    let url = format!("http://{}/", server.address);
    let driver = Driver::start();
    let (ann, bob) = (driver.browser().await, driver.browser().await);
    sign_up(&ann, &url, "ann").await;
    sign_up(&bob, &url, "bob").await;

    // Ann finds Bob and writes; Bob answers; both see that the other has read.
    ann.click(&hook("new-room")).await;
    ann.until("document.querySelector('[data-testid=\"new-room-kind-direct\"]').checked").await;
    ann.write(&hook("people-search"), "bob").await;
    ann.click("[data-testid=\"person\"][data-name=\"bob\"]").await;
    ann.click(&hook("new-room-create")).await;
    send(&ann, "hello bob").await;
    bob.click("[data-testid=\"room-item\"][data-name=\"ann\"]").await;
    assert_eq!(bob.until(&shown("hello bob")).await, "theirs");
    ann.until(&format!("{} === 'read'", shown("hello bob"))).await;
    send(&bob, "hello ann").await;
    assert_eq!(ann.until(&shown("hello ann")).await, "theirs");
    bob.until(&format!("{} === 'read'", shown("hello ann"))).await;

    // The server is killed: both are told, and what is written meanwhile waits.
    server.kill();
    let banner =
        |hidden: bool| format!("document.querySelector('[data-testid=\"banner\"]').hidden === {hidden}");
    ann.until(&banner(false)).await;
    bob.until(&banner(false)).await;
    send(&ann, "are you there").await;
    assert_eq!(ann.until(&shown("are you there")).await, "sending");

    // It is back: nobody has to do anything.
    let _server = launch.start();
    ann.until(&banner(true)).await;
    bob.until(&banner(true)).await;
    assert_eq!(bob.until(&shown("are you there")).await, "theirs");
    ann.until(&format!("{} === 'read'", shown("are you there"))).await;
    for browser in [&ann, &bob] {
        let count = browser.until("document.querySelectorAll('[data-testid=\"message\"]').length").await;
        assert_eq!(count, 3);
    }
}
