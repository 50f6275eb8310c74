//! A client for the tests: encodes frames by the book, and wrong ones too.

use crate::ws::{Decoder, Event, ProtocolError};

/// An event that owns what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Said {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Event::Close(reason) => Self::Close(reason.map(|(code, reason)| (code, reason.to_owned()))),
        }
    }
}

/// Builds what a client sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    bytes: Vec<u8>,
    frames: u8,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A frame whose first byte is given whole: FIN, reserved bits and opcode.
    pub(super) fn frame(self, first: u8, payload: &[u8]) -> Self {
        let mut wire = self.header(first, payload.len());
        let at = wire.bytes.len();
        let key: [u8; 4] = wire.bytes[at - 4..].try_into().unwrap();
        wire.bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
        wire
    }

    /// A header that announces `len` bytes, and a mask.
    pub(super) fn header(mut self, first: u8, len: usize) -> Self {
        self.bytes.push(first);
        if len < 126 {
            self.bytes.push(0x80 | len as u8);
        } else if len < 65_536 {
            self.bytes.push(0xFE);
            self.bytes.extend((len as u16).to_be_bytes());
        } else {
            self.bytes.push(0xFF);
            self.bytes.extend((len as u64).to_be_bytes());
        }
        // Another key for each frame, and never 0 in it.
        self.frames = self.frames.wrapping_add(1);
        let n = self.frames | 1;
        self.bytes.extend([n, n ^ 0xA6, n ^ 0x58, !n & 0xFE]);
        self
    }

    /// Bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.frame(0x81, text.as_bytes())
    }

    pub(super) fn close(self, code: u16, reason: &str) -> Self {
        self.frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
    }
}

/// Feeds bytes at once; what was said, and the error that ended it.
pub(super) fn decode(decoder: &mut Decoder, bytes: &[u8]) -> (Vec<Said>, Option<ProtocolError>) {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut said = Vec::new();
    loop {
        match decoder.next(&mut input) {
            Ok(Some(event)) => said.push(event.into()),
            Ok(None) => {
                assert!(input.is_empty(), "all input is taken");
                return (said, None);
            }
            Err(error) => return (said, Some(error)),
        }
    }
}

/// Feeds pieces one after the other, to a new decoder.
pub(super) fn decode_pieces<'a>(
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Said>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(limit);
    let mut all = Vec::new();
    for piece in pieces {
        let (said, error) = decode(&mut decoder, piece);
        all.extend(said);
        if error.is_some() {
            return (all, error);
        }
        assert!(decoder.buffered() <= limit + 125, "{} bytes held", decoder.buffered());
    }
    (all, None)
}

/// How many bytes of payload are among these, the start of a stream of short frames.
pub(super) fn payload_bytes(mut wire: &[u8]) -> usize {
    let mut payload = 0;
    while wire.len() > 6 {
        let len = usize::from(wire[1] & 0x7F).min(wire.len() - 6);
        payload += len;
        wire = &wire[6 + len..];
    }
    payload
}
