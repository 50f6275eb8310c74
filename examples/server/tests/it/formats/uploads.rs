//! An upload that breaks off half-way leaves nothing; one that does not is found.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::stage::Stage;
use crate::{
    http::{self, must, stuck},
    rest::token,
};

const LINE: &str = "a-boundary";

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_millis(20);

/// The head of a PNG picture, and then enough to be more than one read.
fn picture() -> Vec<u8> {
    let mut bytes =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x04\0\0\0\x03\x08\x06\0\0\0\xb4\xf4\xae\xc6".to_vec();
    bytes.resize(200_000, 7);
    bytes
}

/// A multipart request with a picture in it.
fn request(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let field = format!("--{LINE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let file = format!(
        "--{LINE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(file.as_bytes());
    body.extend_from_slice(&picture());
    body.extend_from_slice(format!("\r\n--{LINE}--\r\n").as_bytes());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={LINE}\r\nContent-Length: {}\r\n\r\n",
        token(1),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Files below a folder, however deep.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// Breaks an upload off, then makes it whole: one file is there, and `messages` tells how many messages.
async fn breaks_off(stage: &Stage, path: &str, fields: &[(&str, &str)], list: &str, messages: usize) {
    let address = stage.servers[0].address;
    let whole = request(address, path, fields);
    for part in [whole.len() / 2, whole.len() - 4] {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(&whole[..part]).await.unwrap();
        tcp.shutdown().await.unwrap();
    }
    let answer = http::exchange(address, &whole).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    stuck(async {
        while files(&stage.media) != 1 {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
    let listed = must(address, "GET", list, &token(1), None).await;
    assert_eq!(listed.as_array().unwrap().len(), messages, "{listed}");
}

#[tokio::test]
async fn a_direct_message_that_breaks_off() {
    let stage = Stage::alone("direct").await;
    let fields = [("receiver", "2"), ("message_type", "image")];
    breaks_off(&stage, "/messages/send/", &fields, "/messages/?with=2", 1).await;
}

#[tokio::test]
async fn an_attachment_that_breaks_off() {
    let stage = Stage::alone("conversation").await;
    let body = json!({ "name": "Room", "participants": [2] });
    let room = must(stage.servers[0].address, "POST", "/api/conversations/", &token(1), Some(&body)).await;
    let place = format!("/api/conversations/{}", room["id"]);
    breaks_off(&stage, &format!("{place}/attachments/"), &[], &format!("{place}/messages/"), 0).await;
}

#[tokio::test]
async fn a_server_that_knows_its_url_gives_whole_ones() {
    let stage = Stage::with("direct", &["--public-url=https://Chat.example:8443/"]).await;
    let address = stage.servers[0].address;
    let fields = [("receiver", "2"), ("message_type", "image")];
    let answer = http::exchange(address, &request(address, "/messages/send/", &fields)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let message = answer.json();
    let place = message["content"].as_str().unwrap().strip_prefix("https://chat.example:8443").unwrap();
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let part = format!(
        "GET {place} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nRange: bytes=1-3\r\n\
         Authorization: Bearer {}\r\n\r\n",
        token(2)
    );
    let file = http::exchange(address, part.as_bytes()).await;
    assert_eq!((file.status, file.body.as_str()), (206, "PNG"), "{place}: {file:?}");
}
