//! WebSocket frames (RFC 6455), as little as both sides need: whole messages, no extensions.

use std::{error, fmt};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// One whole text message.
    Text,
    /// The last frame of a connection.
    Close,
    /// A question for life.
    Ping,
    /// Its answer.
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        match bits {
            0x1 => Some(Self::Text),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// Where a frame's payload lies in the bytes that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it carries.
    pub opcode: Opcode,
    /// Where the payload starts.
    pub start: usize,
    /// Where the payload, and so the frame, ends.
    pub end: usize,
    /// The mask of a client's frame.
    pub mask: Option<[u8; 4]>,
}

/// Bytes that are no frame either side may send: an extension, a fragment, a reserved opcode, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenFrame;

impl fmt::Display for BrokenFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken WebSocket frame")
    }
}

impl error::Error for BrokenFrame {}

/// The frame at the start of `bytes`; `None` until it is there whole.
///
/// # Errors
/// Where the bytes cannot become a frame of at most `longest` payload bytes.
#[inline]
pub fn next_frame(bytes: &[u8], longest: usize) -> Result<Option<Frame>, BrokenFrame> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Ok(None);
    };
    // Bit 7 is FIN; the three below are reserved for extensions nobody negotiated.
    if first & 0xF0 != 0x80 {
        return Err(BrokenFrame);
    }
    let opcode = Opcode::of(first & 0x0F).ok_or(BrokenFrame)?;
    let (len, mut start) = match second & 0x7F {
        126 => match rest {
            [a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 4),
            _ => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(len) => (usize::try_from(u64::from_be_bytes(*len)).map_err(|_| BrokenFrame)?, 10),
            None => return Ok(None),
        },
        len => (usize::from(len), 2),
    };
    if len > longest {
        return Err(BrokenFrame);
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = bytes.get(start..start + 4).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(None);
        };
        mask = Some(*key);
        start += 4;
    }
    let end = start + len;
    Ok((end <= bytes.len()).then_some(Frame { opcode, start, end, mask }))
}

/// Appends a text frame as a server sends it.
pub fn push_server_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_head(out, Opcode::Text, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as a client sends it, masked with `key`.
pub fn push_client_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], key: [u8; 4]) {
    push_head(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key);
}

/// Puts a mask on or takes it off.
pub fn unmask(payload: &mut [u8], key: [u8; 4]) {
    for chunk in payload.chunks_mut(4) {
        for (byte, key) in chunk.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

fn push_head(out: &mut Vec<u8>, opcode: Opcode, len: usize, masked: u8) {
    out.push(0x80 | opcode.bits());
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..126), _) => out.push(masked | len),
        (_, Ok(len)) => {
            out.push(masked | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 1 << 20;

    #[test]
    fn a_frame_is_seen_only_whole_and_then_exactly() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mut server = Vec::new();
            push_server_text(&mut server, &payload);
            let mut client = Vec::new();
            push_client_frame(&mut client, Opcode::Text, &payload, [7, 0, 255, 3]);
            for bytes in [&server, &client] {
                // Every cut of a short frame; of a long one those around the header and the end.
                for cut in (0..bytes.len()).filter(|cut| *cut < 300 || bytes.len() - cut < 300) {
                    assert_eq!(next_frame(&bytes[..cut], LONGEST), Ok(None), "{len} cut at {cut}");
                }
                let mut more = bytes.clone();
                more.extend_from_slice(b"\x81\x00");
                let frame = next_frame(&more, LONGEST).unwrap().unwrap();
                assert_eq!((frame.opcode, frame.end), (Opcode::Text, bytes.len()));
                let mut body = more[frame.start..frame.end].to_vec();
                if let Some(key) = frame.mask {
                    unmask(&mut body, key);
                }
                assert_eq!(body, payload);
            }
        }
    }

    #[test]
    fn what_nobody_may_send_is_refused() {
        assert_eq!(next_frame(&[0x01, 0x00], LONGEST), Err(BrokenFrame), "a fragment");
        assert_eq!(next_frame(&[0xC1, 0x00], LONGEST), Err(BrokenFrame), "an extension");
        assert_eq!(next_frame(&[0x83, 0x00], LONGEST), Err(BrokenFrame), "a reserved opcode");
        assert_eq!(next_frame(&[0x81, 126, 1, 0], 255), Err(BrokenFrame), "too long");
    }
}
