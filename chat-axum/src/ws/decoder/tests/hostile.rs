//! Whatever comes, the decoder neither panics nor holds more than it may, and says the same however it is cut.

use super::client::{Wire, decode_pieces};

const LIMIT: usize = 300;

/// `decode_pieces` asserts the bound on the buffer after each piece.
fn check(wire: &[u8], size: usize) {
    let at_once = decode_pieces(LIMIT, [wire]);
    assert_eq!(decode_pieces(LIMIT, wire.chunks(1)), at_once);
    assert_eq!(decode_pieces(LIMIT, wire.chunks(size.max(1))), at_once);
}

#[test]
fn arbitrary_bytes() {
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(size, bytes)| check(bytes, usize::from(*size)));
}

/// Bytes that are more likely to get past the first header.
#[test]
fn arbitrary_frames() {
    bolero::check!().with_type::<(u8, Vec<(u8, u8, Vec<u8>)>)>().for_each(|(size, frames)| {
        let mut wire = Wire::new();
        for (first, lie, payload) in frames {
            // Mostly defined opcodes, without reserved bits.
            let first = if first & 0x70 == 0x70 { *first } else { first & 0x8B };
            wire = match lie {
                0..4 => wire.header(first, payload.len() + usize::from(*lie)).raw(payload),
                4 => wire.raw(payload),
                _ => wire.frame(first, payload),
            };
        }
        check(&wire.bytes(), usize::from(*size));
    });
}
