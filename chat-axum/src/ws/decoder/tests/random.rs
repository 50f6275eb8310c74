//! Whatever is encoded, fragmented and cut at random, comes out again.

use proptest::prelude::*;

use super::client::{Said, Wire, decode_pieces};

const LIMIT: usize = 4096;

#[derive(Clone, Debug)]
struct Message {
    said: Said,
    /// Where to cut it into fragments, as shares of its length.
    cuts: Vec<f64>,
    /// A control frame before each fragment but the first, where there is one.
    between: Vec<Option<Said>>,
}

fn control() -> impl Strategy<Value = Said> {
    let payload = || prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![payload().prop_map(Said::Ping), payload().prop_map(Said::Pong)]
}

fn message() -> impl Strategy<Value = Message> {
    let said = prop_oneof![
        4 => any::<String>().prop_map(Said::Text),
        1 => "[ -~]{120,130}".prop_map(Said::Text),
        2 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Said::Binary),
        1 => prop::collection::vec(any::<u8>(), LIMIT - 2..=LIMIT).prop_map(Said::Binary),
        2 => control(),
    ];
    let cuts = prop::collection::vec(0.0..=1.0, 0..5);
    let between = prop::collection::vec(prop::option::of(control()), 5);
    (said, cuts, between).prop_map(|(said, cuts, between)| Message { said, cuts, between })
}

fn put_control(wire: Wire, said: &Said) -> Wire {
    match said {
        Said::Ping(payload) => wire.frame(0x89, payload),
        Said::Pong(payload) => wire.frame(0x8A, payload),
        other => panic!("{other:?} is no ping or pong"),
    }
}

/// Encodes the messages; the events that must come out, in their order.
fn encode(messages: Vec<Message>) -> (Vec<u8>, Vec<Said>) {
    let mut wire = Wire::new();
    let mut expected = Vec::new();
    for Message { said, cuts, between } in messages {
        let (opcode, payload) = match &said {
            Said::Text(text) => (0x01, text.as_bytes()),
            Said::Binary(bytes) => (0x02, &bytes[..]),
            control => {
                wire = put_control(wire, control);
                expected.push(said);
                continue;
            }
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * payload.len() as f64) as usize).collect();
        cuts.push(payload.len());
        cuts.sort_unstable();
        let mut from = 0;
        for (i, &to) in cuts.iter().enumerate() {
            let first = if i == 0 { opcode } else { 0x00 };
            let fin = if i + 1 == cuts.len() { 0x80 } else { 0 };
            if let Some(Some(control)) = between.get(i).filter(|_| i > 0) {
                wire = put_control(wire, control);
                expected.push(control.clone());
            }
            wire = wire.frame(first | fin, &payload[from..to]);
            from = to;
        }
        expected.push(said);
    }
    (wire.bytes(), expected)
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in(
        messages in prop::collection::vec(message(), 0..8),
        sizes in prop::collection::vec(prop_oneof![0..4_usize, 0..200_usize, 0..9000_usize], 1..50),
    ) {
        let (wire, expected) = encode(messages);
        let mut rest = &wire[..];
        let mut pieces = Vec::new();
        for size in sizes {
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(decode_pieces(LIMIT, pieces), (expected, None));
    }
}
