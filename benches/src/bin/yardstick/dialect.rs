//! The frames it reads and writes. Those on the hot path are read and written without a JSON library.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_benches::{push_digits, push_server_text};
use memchr::{memchr2, memmem};
use serde::Deserialize;

/// The texts of a `send` that its event repeats, as they were escaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Send<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) client_id: &'a [u8],
    pub(crate) content: &'a [u8],
}

impl<'a> Send<'a> {
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        Some(Self {
            id: text(payload, br#""id":""#)?,
            client_id: text(payload, br#""client_id":""#)?,
            content: text(payload, br#""content":""#)?,
        })
    }

    /// Appends the event as `chat-server` words it, so that both carry the same number of bytes.
    pub(crate) fn push_event(&self, out: &mut Vec<u8>, room: u64, seq: u64, user: &str) {
        let mut json = Vec::with_capacity(512);
        json.extend_from_slice(br#"{"type":"message","room_id":"#);
        push_digits(&mut json, room);
        json.extend_from_slice(br#","seq":"#);
        push_digits(&mut json, seq);
        json.extend_from_slice(br#","at":"2026-01-01T00:00:00.000Z","actor":""#);
        json.extend_from_slice(user.as_bytes());
        json.extend_from_slice(br#"","client_id":""#);
        json.extend_from_slice(self.client_id);
        json.extend_from_slice(br#"","message":"#);
        self.push_message(&mut json, room, seq, user);
        json.push(b'}');
        push_server_text(out, &json);
    }

    /// Appends the answer to its sender.
    pub(crate) fn push_ok(&self, out: &mut Vec<u8>, room: u64, seq: u64, user: &str) {
        let mut json = Vec::with_capacity(512);
        json.extend_from_slice(br#"{"type":"ok","id":""#);
        json.extend_from_slice(self.id);
        json.extend_from_slice(br#"","room_id":"#);
        push_digits(&mut json, room);
        json.extend_from_slice(br#","seq":"#);
        push_digits(&mut json, seq);
        json.extend_from_slice(br#","message":"#);
        self.push_message(&mut json, room, seq, user);
        json.extend_from_slice(br#","repeat":false}"#);
        push_server_text(out, &json);
    }

    fn push_message(&self, json: &mut Vec<u8>, room: u64, seq: u64, user: &str) {
        json.extend_from_slice(br#"{"id":"#);
        push_digits(json, seq);
        json.extend_from_slice(br#","room_id":"#);
        push_digits(json, room);
        json.extend_from_slice(br#","seq":"#);
        push_digits(json, seq);
        json.extend_from_slice(br#","sender":""#);
        json.extend_from_slice(user.as_bytes());
        json.extend_from_slice(br#"","kind":"text","content":""#);
        json.extend_from_slice(self.content);
        json.extend_from_slice(br#"","at":"2026-01-01T00:00:00.000Z","version":1,"#);
        json.extend_from_slice(br#""mentions":[],"attachments":[],"metadata":{}}"#);
    }
}

/// The text after `key`, up to the quote that ends it.
fn text<'a>(payload: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let start = memmem::find(payload, key)? + key.len();
    let mut end = start;
    loop {
        end += memchr2(b'"', b'\\', payload.get(end..)?)?;
        if payload[end] == b'"' {
            return Some(&payload[start..end]);
        }
        end += 2;
    }
}

/// The user that a token names; nobody checks its signature.
pub(crate) fn user_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        user_id: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    Some(serde_json::from_slice::<Claims>(&claims).ok()?.user_id)
}

/// The user of a `hello`.
pub(crate) fn greeter(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Hello {
        token: String,
    }
    user_of(&serde_json::from_slice::<Hello>(payload).ok()?.token)
}

/// The users named in the body of a request for a room, or for more members of one.
pub(crate) fn named(body: &[u8]) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        members: Vec<String>,
        users: Vec<String>,
    }
    let mut body: Body = serde_json::from_slice(body).unwrap_or_default();
    body.members.append(&mut body.users);
    body.members
}

/// The answer to a `hello`.
pub(crate) fn welcome(user: &str, room: u64, head: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let json = format!(r#"{{"type":"welcome","user":{{"id":"{user}"}},"heads":{{"{room}":{head}}}}}"#);
    push_server_text(&mut out, json.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use chat_benches::{ReadBuffer, Seen, Signer, next_frame, scan};

    use super::*;

    #[test]
    fn a_send_becomes_an_event_and_an_answer() {
        let payload =
            br#"{"type":"send","id":"7","room_id":3,"content":"a \"id\":\"9\" \\","client_id":"1-7"}"#;
        let send = Send::parse(payload).unwrap();
        assert_eq!(send, Send { id: b"7", client_id: b"1-7", content: br#"a \"id\":\"9\" \\"# });
        let mut out = Vec::new();
        send.push_event(&mut out, 3, 44, "1");
        let frame = next_frame(&out, ReadBuffer::LONGEST_FRAME).unwrap().unwrap();
        let json = &out[frame.start..frame.end];
        assert_eq!(scan(json), Seen::Event { room: 3, seq: 44 });
        let value: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(value["message"]["content"], r#"a "id":"9" \"#);
        out.clear();
        send.push_ok(&mut out, 3, 44, "1");
        let frame = next_frame(&out, ReadBuffer::LONGEST_FRAME).unwrap().unwrap();
        assert_eq!(scan(&out[frame.start..frame.end]), Seen::Ok { id: 7, seq: Some(44) });
    }

    #[test]
    fn a_text_without_its_end_is_none() {
        assert_eq!(text(br#""id":"abc"#, br#""id":""#), None);
        assert_eq!(text(br#""id":"abc\"#, br#""id":""#), None);
        assert_eq!(text(br#""id":"abc\""#, br#""id":""#), None);
    }

    #[test]
    fn a_hello_names_its_user() {
        let token = Signer::new("any").user(12, 1);
        let hello = format!(r#"{{"type":"hello","token":"{token}","subscribe":"all"}}"#);
        assert_eq!(greeter(hello.as_bytes()).as_deref(), Some("12"));
        assert_eq!(greeter(br#"{"type":"hello"}"#), None);
        assert_eq!(named(br#"{"kind":"group","members":["1","2"]}"#), ["1", "2"]);
        assert_eq!(named(br#"{"users":["3"]}"#), ["3"]);
    }
}
