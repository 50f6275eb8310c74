//! Whatever comes, the decoder neither panics nor holds more than it may, and says the same however it is cut.

use std::time::Duration;

use chat_core::protocol::ClientFrame;

use super::client::{Wire, decode_pieces};

const LIMIT: usize = 300;

/// How long frames, and what is in them, are fuzzed by every run of the tests.
const FUZZED: Duration = Duration::from_secs(60);

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
    let fuzzed = bolero::check!().with_type::<(u8, Vec<(u8, u8, Vec<u8>)>)>().with_test_time(FUZZED);
    fuzzed.for_each(|(size, frames)| {
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

/// What a client says, put together from what it might, in an order of chance.
#[test]
fn arbitrary_json() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "9007199254740993",
        "\"type\":",
        "\"send\"",
        "\"hello\"",
        "\"react\"",
        "\"history\"",
        "\"subscribe\"",
        "\"typing\"",
        "\"id\":",
        "\"room_id\":",
        "\"to_user\":",
        "\"content\":",
        "\"seq\":",
        "\"since\":",
        "\"rooms\":",
        "\"epoch\":",
        "\"mentions\":",
        "\"metadata\":",
        "\"emoji\":",
        "\"limit\":",
        "\"before\":",
        "\"client_id\":",
        "\"a\"",
        "é",
        "\u{0}",
    ];
    let fuzzed = bolero::check!().with_type::<(bool, Vec<u8>)>().with_test_time(FUZZED / 2);
    fuzzed.for_each(|(is_object, picks)| {
        let mut text: String = picks.iter().map(|pick| PIECES[usize::from(*pick) % PIECES.len()]).collect();
        if *is_object {
            text = format!("{{\"type\":\"send\",\"room_id\":1,{text}}}");
        }
        // Whatever it is, it is a frame or an error that says why.
        if let Err(error) = ClientFrame::decode(text.as_bytes()) {
            assert!(!error.message.is_empty(), "{text}");
        }
    });
}
