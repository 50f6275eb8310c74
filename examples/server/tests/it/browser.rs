//! The page, in browsers.

use crate::{
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
    let driver = Driver::start("selftest-browser");
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
async fn two_people_chat_and_the_server_dies() {
    let mut launch = Launch::new("page", &[]);
    let server = launch.start();
    let url = format!("http://{}/", server.address);
    let driver = Driver::start("page-browser");
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
