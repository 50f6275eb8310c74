//! One connection's part in the protocol, without its socket.

use chat_benches::{Cursor, Opcode, SAMPLE_ACCEPT, push_client_frame};
use memchr::memmem;

use crate::publisher::Publisher;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The upgrade is asked for.
    Upgrading,
    /// `hello` is said.
    Greeting,
    /// Welcomed: events count.
    Live,
    /// Over.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) phase: Phase,
    /// The room it is in, by index.
    pub(crate) room: usize,
    pub(crate) cursor: Cursor,
    pub(crate) publisher: Option<Box<Publisher>>,
    /// Bytes to write.
    pub(crate) out: Vec<u8>,
    token: String,
}

impl Session {
    pub(crate) fn new(room: usize, token: String, publisher: Option<Box<Publisher>>) -> Self {
        Self { phase: Phase::Upgrading, room, cursor: Cursor::at(0), publisher, out: Vec::new(), token }
    }

    /// Looks for the answer to the upgrade; returns its length once it is there whole, and says `hello`.
    pub(crate) fn upgraded(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(0);
        };
        let head = &bytes[..end];
        if !head.starts_with(b"HTTP/1.1 101") || memmem::find(head, SAMPLE_ACCEPT.as_bytes()).is_none() {
            let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(format!("no upgrade: {}", String::from_utf8_lossy(first)));
        }
        let token = std::mem::take(&mut self.token);
        let hello = format!(r#"{{"type":"hello","token":"{token}","subscribe":"all"}}"#);
        push_client_frame(&mut self.out, Opcode::Text, hello.as_bytes(), [0x5A, 0xC3, 0x0F, 0x96]);
        self.phase = Phase::Greeting;
        Ok(end + 4)
    }
}
