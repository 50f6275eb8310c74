//! Golden files: all that clients of a format say and are told, as it goes over the wire, key by key in its order.

mod conversation;
mod direct;
mod envelope;
mod flat;
mod thread;

use std::{net::SocketAddr, path::Path};

use serde_json::Value;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{ask, named_token};
use crate::support::{Answer, Chat, Client};

/// Fields that hold times.
const TIMES: [&str; 4] = ["timestamp", "created_at", "updated_at", "last_seen"];

/// What was said, line by line: `1 → …` by user 1, `1 ← …` to it.
#[derive(Default)]
pub(super) struct Transcript {
    lines: String,
    /// What differs from run to run, and what stands in its place.
    chance: Vec<(String, &'static str)>,
}

/// A socket, and whose it is.
pub(super) struct Line {
    user: &'static str,
    client: Client,
}

impl Transcript {
    /// Opens a socket at a path; as nobody where no user is given.
    pub(super) async fn open(&mut self, address: SocketAddr, path: &str, user: &'static str) -> Line {
        self.write(&[user, "opens", path]);
        let query = if user.is_empty() { String::new() } else { format!("?token={}", named_token(user)) };
        let client = Client::open_at(address, &format!("{path}{query}"), &[]).await.unwrap();
        Line { user, client }
    }

    pub(super) async fn say(&mut self, line: &mut Line, frame: Value) {
        self.say_text(line, &frame.to_string()).await;
    }

    pub(super) async fn say_text(&mut self, line: &mut Line, text: &str) {
        self.write(&[line.user, "→", text]);
        line.client.send(Message::text(text)).await;
    }

    /// The next frame, which must be of a type.
    pub(super) async fn hear(&mut self, line: &mut Line, kind: &str) -> Value {
        let text = line.client.text().await;
        self.write(&[line.user, "←", &text]);
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["type"], kind);
        frame
    }

    /// What is answered at once.
    pub(super) async fn exchange(&mut self, line: &mut Line, frame: Value, kind: &str) -> Value {
        self.say(line, frame).await;
        self.hear(line, kind).await
    }

    /// Nothing more comes but the end.
    pub(super) async fn end(&mut self, mut line: Line, code: u16) {
        let heard = line.client.hear_out().await;
        assert_eq!(heard, (Vec::new(), Some(code)));
        self.write(&[line.user, "← close", &code.to_string()]);
    }

    /// The end that a client wishes.
    pub(super) async fn leave(&mut self, mut line: Line) {
        self.write(&[line.user, "→ close 1000"]);
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        line.client.0.close(Some(close)).await.unwrap();
        self.end(line, 1000).await;
    }

    /// Asks REST for what must be answered with a status.
    pub(super) async fn ask(
        &mut self,
        chat: &Chat,
        user: &str,
        method: &str,
        path: &str,
        body: Value,
        status: u16,
    ) -> Value {
        let answer = ask(chat, user, method, path, body.clone()).await;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.answered(&[user, method, path, &body], answer, status)
    }

    /// An answer of REST, to what was asked in other ways.
    pub(super) fn answered(&mut self, asked: &[&str], answer: Answer, status: u16) -> Value {
        self.write(asked);
        assert_eq!(answer.status, status, "{answer:?}");
        let waits = if answer.headers.contains_key("retry-after") { "Retry-After" } else { "" };
        self.write(&["←", &status.to_string(), waits, &answer.text]);
        answer.body
    }

    /// Something that stands as `name` in the file, being another in each run.
    pub(super) fn name(&mut self, chance: &Value, name: &'static str) {
        self.chance.push((chance.as_str().unwrap().to_owned(), name));
    }

    /// Holds all that was said against a golden file; `UPDATE_GOLDENS=1` writes it.
    pub(super) fn is(mut self, name: &str) {
        let mut said = std::mem::take(&mut self.lines);
        for (chance, name) in &self.chance {
            said = said.replace(chance, name);
        }
        for time in TIMES {
            said = without(&said, &format!("\"{time}\":\""), '"', |text| {
                assert_eq!((text.len(), text.find('T'), text.find('Z')), (24, Some(10), Some(23)), "{text}");
                "<time>"
            });
        }
        said = without(&said, "\"retry_after_ms\":", '}', |text| {
            assert!(text.parse::<u64>().unwrap() > 0);
            "<ms>"
        });
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/compat/goldens/{name}.txt"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&path, &said).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), said);
    }

    fn write(&mut self, words: &[&str]) {
        let words: Vec<_> = words.iter().copied().filter(|word| !word.is_empty()).collect();
        self.lines += &words.join(" ");
        self.lines.push('\n');
    }
}

/// A test that fails shows how far it came.
#[expect(clippy::print_stderr, reason = "where tests show what helps to see why they failed")]
impl Drop for Transcript {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.lines);
        }
    }
}

/// A text with something else for whatever stands between a beginning and an end.
fn without(text: &str, begin: &str, end: char, instead: impl Fn(&str) -> &'static str) -> String {
    let mut parts = text.split(begin);
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let at = part.find(end).unwrap();
        all.extend([begin, instead(&part[..at]), &part[at..]]);
    }
    all
}
