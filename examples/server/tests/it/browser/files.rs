//! Files in the page: on their way up, in messages, and what is told where they are not taken.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{hook, send, sign_up};
use crate::{
    http,
    process::{Launch, Server},
    webdriver::{Browser, Driver},
};

/// Bytes of the largest file that the tests' server takes.
const LIMIT: usize = 24 * 1024 * 1024;

/// How many files of the draft are in a state.
fn uploads(state: &str, count: usize) -> String {
    format!(
        "document.querySelectorAll('[data-testid=\"upload\"][data-state=\"{state}\"]').length === {count}"
    )
}

/// A second of silence, as 8-bit samples.
fn wav() -> Vec<u8> {
    const RATE: u32 = 8_000;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + RATE).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    // A byte a sample.
    file.extend([1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(RATE.to_le_bytes());
    file.resize(file.len() + RATE as usize, 128);
    file
}

/// Has the page hold a picture of this size, and a file of text, as what was dragged or copied.
async fn hold_picture(browser: &Browser, width: u32, height: u32) {
    let draw = format!(
        "(() => {{ if (window.picture) return true;
           const canvas = Object.assign(document.createElement('canvas'), {{ width: {width}, height: {height} }});
           const context = canvas.getContext('2d');
           const colours = context.createLinearGradient(0, 0, {width}, {height});
           [['#5452d1', 0], ['#58c7ff', .6], ['#ffe08a', 1]].forEach(([colour, at]) => colours.addColorStop(at, colour));
           context.fillStyle = colours;
           context.fillRect(0, 0, {width}, {height});
           canvas.toBlob((blob) => {{ window.picture = new File([blob], 'sunset.png', {{ type: 'image/png' }}); }}); }})()"
    );
    browser.until(&draw).await;
}

/// An event that brings files, which an expression names.
async fn bring(browser: &Browser, event: &str, files: &str) {
    let (kind, carrier) = match event {
        "paste" => ("ClipboardEvent", "clipboardData"),
        _ => ("DragEvent", "dataTransfer"),
    };
    let script = format!(
        "(() => {{ const held = new DataTransfer();
           for (const file of {files}) held.items.add(file);
           document.getElementById('composer-input').dispatchEvent(
             new {kind}('{event}', {{ {carrier}: held, bubbles: true, cancelable: true }}));
           return true; }})()"
    );
    browser.until(&script).await;
}

/// Two people in a group, both with it open.
async fn group(server: &Server, ann: &Browser, bob: &Browser) {
    let url = format!("http://{}/", server.address);
    sign_up(ann, &url, "ann").await;
    sign_up(bob, &url, "bob").await;
    let session = "JSON.parse(sessionStorage.getItem('chat.session'))";
    let token = ann.until(&format!("{session}.token")).await;
    let bobs_id = bob.until(&format!("{session}.user")).await;
    let body = json!({ "kind": "group", "name": "Garden", "members": [bobs_id] });
    let made = http::ask(server.address, "POST", "/api/v1/rooms", token.as_str(), Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    for browser in [ann, bob] {
        browser.click("[data-testid=\"room-item\"][data-name=\"Garden\"]").await;
    }
}

#[tokio::test]
async fn files_are_sent_and_shown_to_others() {
    let mut launch = Launch::new("files", &[]);
    let server = launch.start();
    let driver = Driver::start();
    let (ann, bob) = (driver.browser().await, driver.browser().await);
    group(&server, &ann, &bob).await;

    // By the button, out of the clipboard, and let go over the conversation.
    let song = launch.folder().join("song.wav");
    fs::write(&song, wav()).unwrap();
    ann.choose(&hook("composer-files"), &[Path::new(&song)]).await;
    hold_picture(&ann, 720, 480).await;
    bring(&ann, "paste", "[window.picture]").await;
    bring(&ann, "drop", "[new File(['what to plant'], 'list.txt', { type: 'text/plain' })]").await;
    ann.until(&uploads("done", 3)).await;
    send(&ann, "from the garden").await;
    ann.until(&uploads("done", 0)).await;

    // The picture's place has the size that it is shown in.
    let picture = "document.querySelector('[data-testid=\"image\"]')";
    let shape = bob
        .until(&format!(
            "{picture}.complete && {picture}.naturalWidth > 0 && (({{ naturalWidth, naturalHeight, width, height }}) =>
             [naturalWidth, naturalHeight, width, height])({picture})"
        ))
        .await;
    assert_eq!(shape, json!([720, 480, 360, 240]));
    let sound = "document.querySelector('[data-testid=\"audio\"]')";
    let length = bob.until(&format!("{sound}.readyState >= 1 && {sound}.duration")).await;
    assert!((length.as_f64().unwrap() - 1.0).abs() < 0.01, "{length}");
    let fetched = bob
        .until(
            "(() => { const link = document.querySelector('[data-testid=\"file\"][download=\"list.txt\"]');
               const request = new XMLHttpRequest();
               request.open('GET', link.href, false);
               request.send();
               return [request.status, request.responseText, link.textContent]; })()",
        )
        .await;
    assert_eq!(fetched, json!([200, "what to plant", "list.txt13 bytes"]));

    // A message that is drawn anew keeps its player: what plays plays on.
    bob.until(&format!("(window.kept = {sound})")).await;
    bob.until("(document.querySelector('[data-testid=\"react\"]').click(), document.querySelector('.emoji-grid button'))")
        .await;
    bob.until("(document.querySelector('.emoji-grid button').click(), true)").await;
    let kept = bob
        .until(&format!("document.querySelector('[data-testid=\"reaction\"]') && [window.kept === {sound}]"))
        .await;
    assert_eq!(kept, json!([true]));
}

#[tokio::test]
async fn uploads_are_watched_cancelled_and_refused() {
    let mut launch = Launch::new("uploads", &["--limit", &format!("upload_bytes_max={LIMIT}")]);
    let server = launch.start();
    let driver = Driver::start();
    let (ann, bob) = (driver.browser().await, driver.browser().await);
    group(&server, &ann, &bob).await;

    // What is too large is told before anything is sent, what lies about itself when the server has seen it.
    bring(&ann, "drop", &format!("[new File([new Uint8Array({LIMIT} + 1)], 'large.bin')]")).await;
    bring(&ann, "drop", "[new File(['no picture'], 'lie.png', { type: 'image/png' })]").await;
    ann.until(&uploads("failed", 2)).await;
    let said = ann
        .until("[...document.querySelectorAll('[data-testid=\"upload-error\"]')].map((each) => each.textContent)")
        .await;
    assert_eq!(said, json!(["Too large: at most 24 MiB.", "Files of this kind are not taken."]));
    for name in ["large.bin", "lie.png"] {
        ann.click(&format!("[data-testid=\"upload\"][data-name=\"{name}\"] button")).await;
    }
    ann.until(&uploads("failed", 0)).await;

    // A server that stands still takes what fits on the way to it, and no more.
    let text = |name: &str, bytes: usize| {
        format!("[new File(['x'.repeat({bytes})], '{name}', {{ type: 'text/plain' }})]")
    };
    let progress = "document.querySelector('[data-testid=\"upload-progress\"]')?.value";
    let under_way = format!("{progress} > 0 && {progress} < 1");
    server.freeze();
    bring(&ann, "drop", &text("long.txt", LIMIT)).await;
    ann.until(&under_way).await;
    ann.click(&hook("upload-remove")).await;
    ann.until(&format!("{} && !{}", uploads("sending", 0), progress)).await;
    bring(&ann, "drop", &text("longer.txt", LIMIT)).await;
    ann.until(&under_way).await;
    let sendable = ann.until("[!document.getElementById('send').disabled]").await;
    assert_eq!(sendable, json!([false]), "not before all of it is there");
    server.thaw();
    ann.until(&uploads("done", 1)).await;
    ann.click(&hook("send")).await;
    let names = "[...document.querySelectorAll('[data-testid=\"file\"]')].map((each) => each.download)";
    let seen: Value = bob.until(&format!("{names}.length > 0 && {names}")).await;
    assert_eq!(seen, json!(["longer.txt"]));
}
