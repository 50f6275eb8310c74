//! Decoding what a client sends: a strict RFC 6455 reader without I/O.

mod error;

pub use error::ProtocolError;

use super::{
    close,
    header::{self, Header, Parsed},
    mask,
    opcode::Opcode,
};

/// Decodes the frames of one client into messages and control frames.
///
/// Bytes go in as they come ([`Decoder::next`]); a frame that lies whole in them is unmasked in place and lent out, and
/// only the part of a message that must wait for more bytes is copied.
///
/// # Bounds
/// The buffer never has room for more than the limit and one control payload (125 bytes), grows with the bytes that
/// came and not with what a header announces, and is given back as soon as nothing waits.
///
/// # To ensure correctness
/// - What comes out does not depend on how the stream was cut.
/// - A broken rule is told at the first byte that shows it, invalid UTF-8 included; the limit, at the header.
/// - After an error every call returns that error; after a close frame everything is dropped unread.
#[derive(Debug)]
pub struct Decoder {
    /// The message so far, and behind it the control payload that came between its fragments so far.
    buffer: Vec<u8>,
    /// How much of `buffer` is message.
    message: u32,
    /// How much of the message is known to be UTF-8.
    checked: u32,
    /// The most bytes a message may have.
    limit: u32,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// A header that came in pieces.
    head: [u8; header::LONGEST],
    head_len: u8,
    /// Text or binary, within a message that is not yet whole.
    kind: Option<Opcode>,
    state: State,
}

/// What a client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 knows no other")]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong(&'a [u8]),
    /// The client closes, with a code and a reason or without. Nothing follows.
    Close(Option<(u16, &'a str)>),
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Turned to the next byte of the payload.
    mask: [u8; 4],
    /// Bytes of payload to come.
    left: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Open,
    Closed,
    Failed(ProtocolError),
}

/// A payload that is whole.
enum Payload<'i> {
    /// In the bytes that were fed.
    Fed(Opcode, &'i [u8]),
    /// In the buffer, from this offset to its end.
    Buffered(Opcode, usize),
}

impl Decoder {
    /// A decoder that takes messages of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let mut decoder = Self {
            buffer: Vec::new(),
            message: 0,
            checked: 0,
            limit: 0,
            frame: None,
            head: [0; header::LONGEST],
            head_len: 0,
            kind: None,
            state: State::Open,
        };
        decoder.set_limit(limit);
        decoder
    }

    /// Changes the limit, from the next header on.
    pub fn set_limit(&mut self, limit: usize) {
        // Two GiB keep every sum of lengths inside a u32.
        self.limit = u32::try_from(limit).unwrap_or(u32::MAX).min(u32::MAX / 2);
    }

    /// Takes bytes off the front of `input` up to the next event; `None` when all are taken.
    ///
    /// To be called until it returns `None` (which also frees what was lent out last), or until the caller wants no
    /// more: what is left in `input` must then come first at the next call.
    ///
    /// # Errors
    /// The first rule that the client broke. The connection is to be closed with its
    /// [code](ProtocolError::close_code).
    pub fn next<'e, 'i: 'e>(
        &'e mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'e>>, ProtocolError> {
        self.release();
        match self.state {
            State::Open => {}
            State::Closed => {
                *input = &mut [];
                return Ok(None);
            }
            State::Failed(error) => return Err(error),
        }
        let payload = match self.advance(input) {
            Ok(Some(payload)) => payload,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.fail(error);
                return Err(error);
            }
        };
        let (opcode, bytes) = match payload {
            Payload::Fed(opcode, bytes) => (opcode, bytes),
            Payload::Buffered(opcode, from) => (opcode, &self.buffer[from..]),
        };
        let event = event(opcode, bytes);
        match event {
            Ok(Event::Close(_)) => self.state = State::Closed,
            Ok(_) => {}
            Err(error) => self.state = State::Failed(error),
        }
        event.map(Some)
    }

    /// The bytes held for what is not yet whole: 0 on an idle connection.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads headers and payloads until one is whole or the input is used up.
    fn advance<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Payload<'i>>, ProtocolError> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let Some(header) = self.header(input)? else { return Ok(None) };
                    let frame = self.admit(&header)?;
                    let alone = frame.fin && frame.opcode != Opcode::Continuation;
                    if alone && input.len() >= frame.left as usize {
                        let bytes = take(input, frame.left as usize);
                        mask::apply(bytes, frame.mask);
                        return Ok(Some(Payload::Fed(frame.opcode, bytes)));
                    }
                    if !frame.opcode.is_control() && frame.opcode != Opcode::Continuation {
                        self.kind = Some(frame.opcode);
                    }
                    frame
                }
            };

            let len = input.len().min(frame.left as usize);
            let piece = take(input, len);
            mask::apply(piece, frame.mask);
            mask::advance(&mut frame.mask, len);
            frame.left -= len as u32;
            self.append(piece, frame);

            let ended = frame.left == 0;
            if !frame.opcode.is_control() {
                self.message += len as u32;
                if self.kind == Some(Opcode::Text) {
                    self.check_utf8()?;
                }
            }
            if !ended {
                self.frame = Some(frame);
                return Ok(None);
            }
            if frame.opcode.is_control() {
                return Ok(Some(Payload::Buffered(frame.opcode, self.message as usize)));
            }
            if frame.fin {
                // From here on the buffer is the caller's until the next call releases it.
                self.message = 0;
                self.checked = 0;
                return Ok(self.kind.take().map(|kind| Payload::Buffered(kind, 0)));
            }
        }
    }

    /// The next header, out of the input alone where it lies there whole.
    fn header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, ProtocolError> {
        if self.head_len == 0
            && let Parsed::Whole(header, len) = header::parse(input)?
        {
            take(input, len);
            return Ok(Some(header));
        }
        loop {
            let have = usize::from(self.head_len);
            match header::parse(&self.head[..have])? {
                Parsed::Whole(header, _) => {
                    self.head_len = 0;
                    return Ok(Some(header));
                }
                Parsed::Needs(_) if input.is_empty() => return Ok(None),
                Parsed::Needs(needs) => {
                    let more = take(input, (needs - have).min(input.len()));
                    self.head[have..have + more.len()].copy_from_slice(more);
                    self.head_len += more.len() as u8;
                }
            }
        }
    }

    /// Holds a header against the frames before it and against the limit.
    fn admit(&self, header: &Header) -> Result<Frame, ProtocolError> {
        match (header.opcode, self.kind) {
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::InterruptedMessage),
            _ => {}
        }
        let left = if header.opcode.is_control() {
            header.len
        } else {
            let room = u64::from(self.limit.saturating_sub(self.message));
            Some(header.len).filter(|&len| len <= room).ok_or(ProtocolError::TooLarge)?
        };
        let left = u32::try_from(left).map_err(|_| ProtocolError::TooLarge)?;
        Ok(Frame { opcode: header.opcode, fin: header.fin, mask: header.mask, left })
    }

    /// Appends a piece of a payload. Doubles the buffer, but never beyond what the message can come to.
    fn append(&mut self, piece: &[u8], frame: Frame) {
        let len = self.buffer.len() + piece.len();
        if len > self.buffer.capacity() {
            let end = if frame.fin || frame.opcode.is_control() {
                len + frame.left as usize
            } else {
                // The limit may have been lowered since this frame was let in.
                (self.limit as usize).max(len + frame.left as usize)
            };
            let capacity = (2 * self.buffer.capacity()).max(len).min(end);
            self.buffer.reserve_exact(capacity - self.buffer.len());
        }
        self.buffer.extend_from_slice(piece);
    }

    /// Goes on checking the text where the last call stopped: at most three bytes are looked at twice.
    fn check_utf8(&mut self) -> Result<(), ProtocolError> {
        let unchecked = &self.buffer[self.checked as usize..];
        let valid = match str::from_utf8(unchecked) {
            Ok(text) => text.len(),
            // No length: the text stops within a character, which more bytes may complete. Where none come, reading
            // the whole message as text tells.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(ProtocolError::InvalidUtf8),
        };
        self.checked += valid as u32;
        Ok(())
    }

    /// Drops what was lent out by the last call; frees the buffer when nothing waits in it.
    pub(super) fn release(&mut self) {
        if self.frame.is_some() {
            return;
        }
        self.buffer.truncate(self.message as usize);
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
    }

    fn fail(&mut self, error: ProtocolError) {
        self.state = State::Failed(error);
        self.buffer = Vec::new();
    }
}

/// Reads a payload as what its opcode says.
fn event(opcode: Opcode, bytes: &[u8]) -> Result<Event<'_>, ProtocolError> {
    Ok(match opcode {
        Opcode::Text => Event::Text(utf8(bytes)?),
        Opcode::Binary => Event::Binary(bytes),
        Opcode::Ping => Event::Ping(bytes),
        Opcode::Pong => Event::Pong(bytes),
        Opcode::Close => Event::Close(match bytes {
            [] => None,
            [_] => return Err(ProtocolError::CloseWithoutCode),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !close::is_sendable(code) {
                    return Err(ProtocolError::CloseCode);
                }
                Some((code, utf8(reason)?))
            }
        }),
        // `advance` gives a continuation out under the kind of its message.
        Opcode::Continuation => return Err(ProtocolError::UnexpectedContinuation),
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, ProtocolError> {
    str::from_utf8(bytes).map_err(|_| ProtocolError::InvalidUtf8)
}

/// Splits `len` bytes off the front of `input`, which has them.
fn take<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let (taken, rest) = std::mem::take(input).split_at_mut(len);
    *input = rest;
    taken
}

#[cfg(test)]
mod tests;
