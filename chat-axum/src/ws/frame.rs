//! Encoding frames to clients: never masked, never fragmented.
//!
//! Every function appends one whole frame to a buffer of the caller's, so that a batch is one buffer and one write.

use super::{header::CONTROL_MAX, opcode::Opcode};

/// Header bytes that [`build`] keeps free: right for payloads of 126 to 65,535 bytes, as most events are.
const RESERVED: usize = 4;

/// Appends a frame whose payload is at hand.
pub fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let (header, len) = header(opcode, payload.len());
    out.reserve(len + payload.len());
    out.extend_from_slice(&header[..len]);
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload `payload` writes behind what is there, as a serializer does.
///
/// The payload moves at most once, by a few bytes, when its length calls for another header than most.
///
/// # Errors
/// Those of `payload`; `out` is then as it was.
///
/// # Panics
/// When `payload` shortens the buffer.
pub fn build<E>(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; RESERVED]);
    if let Err(error) = payload(out) {
        out.truncate(start);
        return Err(error);
    }
    assert!(out.len() >= start + RESERVED, "a payload is only appended to");
    let payload_len = out.len() - start - RESERVED;
    let (header, len) = header(opcode, payload_len);
    match len.checked_sub(RESERVED) {
        None => drop(out.drain(start..start + RESERVED - len)),
        Some(0) => {}
        Some(more) => {
            out.extend_from_slice(&[0; 10][..more]);
            out.copy_within(start + RESERVED..start + RESERVED + payload_len, start + len);
        }
    }
    out[start..start + len].copy_from_slice(&header[..len]);
    Ok(())
}

/// Appends a ping. A payload beyond the 125 bytes of a control frame is cut off.
pub fn ping(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, Opcode::Ping, &payload[..payload.len().min(CONTROL_MAX)]);
}

/// Appends the answer to a ping, or an unasked sign of life. Cut off as a [`ping`] is.
pub fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, Opcode::Pong, &payload[..payload.len().min(CONTROL_MAX)]);
}

/// Appends a close frame, after which nothing may be sent. At most 123 bytes of the reason go with it, cut off between
/// characters.
pub fn close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
    let (header, len) = header(Opcode::Close, 2 + reason.len());
    out.extend_from_slice(&header[..len]);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a client's close frame: its code again, or none where it gave none.
pub fn close_reply(out: &mut Vec<u8>, received: Option<(u16, &str)>) {
    match received {
        Some((code, _)) => close(out, code, ""),
        None => write(out, Opcode::Close, &[]),
    }
}

/// The length, header and all, of the server frame that `bytes` starts with; `None` where its header is cut off.
///
/// Tells a writer that stopped within a frame where that frame ends.
#[must_use]
pub fn len_of(bytes: &[u8]) -> Option<usize> {
    let extended = match bytes.get(1)? & 0x7F {
        126 => 2,
        127 => 8,
        short => return Some(2 + usize::from(short)),
    };
    let raw = bytes.get(2..2 + extended)?;
    let len = raw.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    usize::try_from(len).ok()?.checked_add(2 + extended)
}

/// The header of a whole frame, and its length in the array.
fn header(opcode: Opcode, len: usize) -> ([u8; 10], usize) {
    let mut header = [0; 10];
    header[0] = 0x80 | opcode as u8;
    match len {
        0..=125 => {
            header[1] = len as u8;
            (header, 2)
        }
        126..=0xFFFF => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            (header, 4)
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            (header, 10)
        }
    }
}

#[cfg(test)]
mod tests;
