//! The header of a frame from a client.

use super::{decoder::ProtocolError, opcode::Opcode};

/// The longest header: two bytes, eight of length, four of mask.
pub(super) const LONGEST: usize = 14;

/// The most payload of a control frame (RFC 6455, section 5.5).
pub(super) const CONTROL_MAX: usize = 125;

/// A header that keeps the rules which need no knowledge of other frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// Whether this frame ends its message.
    pub(super) fin: bool,
    pub(super) mask: [u8; 4],
    /// Bytes of payload.
    pub(super) len: u64,
}

/// What the bytes at hand say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A header, and how many bytes it has.
    Whole(Header, usize),
    /// The header has at least so many bytes.
    Needs(usize),
}

/// Parses the header at the start of `bytes`.
///
/// # Errors
/// The first broken rule, in the order of the bytes, and as early as the bytes at hand can show it: what is refused
/// does not depend on how the stream was cut.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ProtocolError> {
    let Some(&first) = bytes.first() else { return Ok(Parsed::Needs(2)) };
    if first & 0x70 != 0 {
        return Err(ProtocolError::ReservedBits);
    }
    let opcode = Opcode::from_nibble(first & 0x0F).ok_or(ProtocolError::UnknownOpcode)?;
    let fin = first & 0x80 != 0;
    if opcode.is_control() && !fin {
        return Err(ProtocolError::FragmentedControl);
    }

    let Some(&second) = bytes.get(1) else { return Ok(Parsed::Needs(2)) };
    if second & 0x80 == 0 {
        return Err(ProtocolError::Unmasked);
    }
    let short = second & 0x7F;
    if opcode.is_control() && usize::from(short) > CONTROL_MAX {
        return Err(ProtocolError::LongControl);
    }

    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some(raw) = bytes.get(2..2 + extended) else { return Ok(Parsed::Needs(2 + extended)) };
    let long = raw.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    let len = match short {
        126 if long < 126 => return Err(ProtocolError::LengthNotMinimal),
        127 if long <= 0xFFFF => return Err(ProtocolError::LengthNotMinimal),
        127 if long >> 63 != 0 => return Err(ProtocolError::LengthReserved),
        126 | 127 => long,
        _ => u64::from(short),
    };

    let whole = 2 + extended + 4;
    let Some(&[a, b, c, d]) = bytes.get(2 + extended..whole) else { return Ok(Parsed::Needs(whole)) };
    Ok(Parsed::Whole(Header { opcode, fin, mask: [a, b, c, d], len }, whole))
}

#[cfg(test)]
mod tests;
