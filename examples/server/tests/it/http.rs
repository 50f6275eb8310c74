//! As much of an HTTP client as the tests need: one request, one connection.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::described::assert_described;

/// Where the chat is.
const MOUNT: &str = "/api/v1";

/// Long enough for anything that is not stuck.
const STUCK: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Asks once, with a bearer token where there is one.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{bearer}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(address, request.as_bytes()).await;
    if let Some(path) = path.strip_prefix(MOUNT) {
        assert_described(method, path, answer.status);
    }
    answer
}

/// Sends a request as it is, which must ask for the connection to be closed; its answer.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    stuck(async {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(request).await.unwrap();
        read(tcp).await
    })
    .await
}

async fn read(mut tcp: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let status = head[9..12].parse().unwrap();
            let mut answer = Answer { status, head, body: String::new() };
            let mut body = bytes.split_off(end + 4);
            let length = answer.header("content-length").map(|text| text.parse::<usize>().unwrap());
            // Without a length the body ends with the connection.
            while length.is_none_or(|length| body.len() < length)
                && tcp.read_buf(&mut body).await.unwrap() > 0
            {}
            assert!(length.is_none_or(|length| body.len() == length), "cut off: {answer:?}");
            if answer.header("transfer-encoding") == Some("chunked") {
                body = unchunk(&body);
            }
            answer.body = String::from_utf8(body).unwrap();
            return answer;
        }
        assert!(tcp.read_buf(&mut bytes).await.unwrap() > 0, "closed before an answer: {bytes:?}");
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}

/// Asks for what must succeed.
pub(crate) async fn must(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Value {
    let answer = ask(address, method, path, Some(token), body).await;
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    answer.json()
}

/// Fails instead of hanging.
pub(crate) async fn stuck<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(STUCK, work).await.expect("stuck")
}
