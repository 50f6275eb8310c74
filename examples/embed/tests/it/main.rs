//! The smallest host, run as its user would.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{path::PathBuf, process::Stdio, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};
use tokio_tungstenite::tungstenite::Message;

/// For what must happen: long enough for a busy machine.
const SOON: Duration = Duration::from_secs(30);

struct Host {
    _child: Child,
    folder: PathBuf,
    address: String,
}

impl Host {
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("embed-{}", std::process::id()));
        // As a test that was killed may have left it.
        _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_embed"))
            .arg("127.0.0.1:0")
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { _child: child, folder, address }
    }

    /// Asks over a connection of its own; gives status and body.
    async fn ask(&self, method: &str, path: &str, badge: Option<&str>, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let bearer = badge.map(|badge| format!("Authorization: Bearer {badge}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test]
async fn the_smallest_host_has_chat() {
    let host = Host::start().await;
    let (status, body) = host.ask("GET", "/", None, &json!({})).await;
    assert_eq!((status, body), (200, Value::from("the app that was here before")));

    let room = json!({"kind": "group", "name": "Lunch", "members": ["8"]});
    assert_eq!(host.ask("POST", "/chat/rooms", None, &room).await.0, 401);
    assert_eq!(host.ask("POST", "/chat/rooms", Some("badge-5"), &room).await.0, 401);
    let (status, refused) = host.ask("POST", "/chat/rooms", Some("badge-9"), &room).await;
    assert_eq!((status, &refused["detail"]), (403, &json!("temps make no rooms")));
    let (status, made) = host.ask("POST", "/chat/rooms", Some("badge-7"), &room).await;
    assert_eq!(status, 201, "{made}");

    let url = format!("ws://{}/chat/ws", host.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let hello = json!({"type": "hello", "token": "badge-8"}).to_string();
    socket.send(Message::text(hello)).await.unwrap();
    let welcome = next(&mut socket, "welcome").await;
    assert_eq!((&welcome["user"]["name"], &welcome["rooms"][0]["id"]), (&json!("Bob Ray"), &made["id"]));
    let said = json!({"content": "soup?"});
    let path = format!("/chat/rooms/{}/messages", made["id"]);
    assert_eq!(host.ask("POST", &path, Some("badge-7"), &said).await.0, 201);
    assert_eq!(next(&mut socket, "message").await["message"]["content"], "soup?");
}

/// The next frame of a type.
async fn next<S>(socket: &mut S, kind: &str) -> Value
where
    S: futures::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        let frame = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = frame {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}
