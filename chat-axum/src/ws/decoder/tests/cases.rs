//! The RFC's cases, in the groups of the Autobahn test suite. Each is fed at once, byte by byte, and cut in two at every
//! place, and must say the same.

use super::client::{Said, Wire, decode_pieces};
use crate::ws::ProtocolError::{self, *};

const LIMIT: usize = 1 << 20;

struct Case {
    name: String,
    wire: Vec<u8>,
    said: Vec<Said>,
    error: Option<ProtocolError>,
}

fn good(name: impl Into<String>, wire: Wire, said: Vec<Said>) -> Case {
    Case { name: name.into(), wire: wire.bytes(), said, error: None }
}

fn bad(name: impl Into<String>, wire: Wire, said: Vec<Said>, error: ProtocolError) -> Case {
    Case { name: name.into(), wire: wire.bytes(), said, error: Some(error) }
}

fn wire() -> Wire {
    Wire::new()
}

fn text(text: impl Into<String>) -> Said {
    Said::Text(text.into())
}

fn ping(payload: &[u8]) -> Said {
    Said::Ping(payload.to_vec())
}

#[track_caller]
fn run(cases: Vec<Case>) {
    for Case { name, wire, said, error } in cases {
        let expected = (said, error);
        assert_eq!(decode_pieces(LIMIT, [&wire[..]]), expected, "{name}: at once");
        if wire.len() < 70_000 {
            assert_eq!(decode_pieces(LIMIT, wire.chunks(1)), expected, "{name}: byte by byte");
        }
        // Long wires are cut where it matters: around the headers, and here and there.
        let step = (wire.len() / 500).max(1);
        let cuts = (0..wire.len()).filter(|at| *at < 40 || wire.len() - at < 40 || at % step == 0);
        for at in cuts {
            let (left, right) = wire.split_at(at);
            assert_eq!(decode_pieces(LIMIT, [left, right]), expected, "{name}: cut at {at}");
        }
    }
}

#[test]
fn group_1_framing() {
    let mut cases = Vec::new();
    for len in [0, 1, 7, 8, 125, 126, 127, 128, 1000, 65_535, 65_536, 100_000] {
        let payload = "*".repeat(len);
        cases.push(good(format!("text of {len}"), wire().text(&payload), vec![text(payload)]));
        let payload: Vec<u8> = (0..len).map(|i| (i % 256) as u8).collect();
        cases.push(good(
            format!("binary of {len}"),
            wire().frame(0x82, &payload),
            vec![Said::Binary(payload)],
        ));
    }
    cases.push(good(
        "a masked hello, as in the RFC",
        wire().raw(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        vec![text("Hello")],
    ));
    for (name, header, error) in [
        ("2 bytes for 125", &[0x82, 0xFE, 0, 125][..], LengthNotMinimal),
        ("8 bytes for 125", &[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 125], LengthNotMinimal),
        ("8 bytes for 65,535", &[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255], LengthNotMinimal),
        ("the highest bit of a length", &[0x82, 0xFF, 128, 0, 0, 0, 0, 1, 0, 0], LengthReserved),
        ("not masked", &[0x81, 0x05, b'H', b'e', b'l', b'l', b'o'], Unmasked),
        ("empty and not masked", &[0x81, 0x00], Unmasked),
    ] {
        cases.push(bad(name, wire().raw(header), vec![], error));
    }
    cases.push(bad("over the limit", wire().header(0x82, LIMIT + 1), vec![], TooLarge));
    cases.push(bad(
        "2^63-1",
        wire().raw(&[0x82, 0xFF, 127, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]),
        vec![],
        TooLarge,
    ));
    run(cases);
}

#[test]
fn group_2_pings_and_pongs() {
    let full = [0xFE; 125];
    let ten = (0..10_u8).fold(wire(), |wire, i| wire.frame(0x89, &[i]));
    run(vec![
        good("an empty ping", wire().frame(0x89, b""), vec![ping(b"")]),
        good("a ping", wire().frame(0x89, b"Hello, world!"), vec![ping(b"Hello, world!")]),
        good("not UTF-8", wire().frame(0x89, b"\x00\xff\xfe\xfd"), vec![ping(b"\x00\xff\xfe\xfd")]),
        good("125 bytes", wire().frame(0x89, &full), vec![ping(&full)]),
        bad("126 bytes", wire().frame(0x89, &[0xFE; 126]), vec![], LongControl),
        bad("a pong of 126 bytes", wire().frame(0x8A, &[0xFE; 126]), vec![], LongControl),
        good("a pong unasked", wire().frame(0x8A, b"life"), vec![Said::Pong(b"life".to_vec())]),
        good(
            "a pong, then a ping",
            wire().frame(0x8A, b"").frame(0x89, b"p"),
            vec![Said::Pong(vec![]), ping(b"p")],
        ),
        good("ten pings", ten, (0..10_u8).map(|i| ping(&[i])).collect()),
    ]);
}

#[test]
fn group_3_reserved_bits() {
    let mut cases = Vec::new();
    for bits in 1..=7_u8 {
        for opcode in [0x81, 0x82, 0x88, 0x89, 0x8A] {
            let wire = wire().text("ok").frame(opcode | bits << 4, b"x").frame(0x89, b"");
            cases.push(bad(format!("bits {bits} on {opcode:#x}"), wire, vec![text("ok")], ReservedBits));
        }
    }
    run(cases);
}

#[test]
fn group_4_opcodes() {
    let mut cases = Vec::new();
    for opcode in (3..=7).chain(11..=15) {
        let alone = wire().frame(0x80 | opcode, b"");
        cases.push(bad(format!("opcode {opcode}"), alone, vec![], UnknownOpcode));
        let behind = wire().text("ok").frame(0x80 | opcode, b"payload").frame(0x89, b"");
        cases.push(bad(format!("opcode {opcode} behind a text"), behind, vec![text("ok")], UnknownOpcode));
    }
    run(cases);
}

#[test]
fn group_5_fragments() {
    run(vec![
        bad("a ping in two", wire().frame(0x09, b"a").frame(0x80, b"b"), vec![], FragmentedControl),
        bad("a pong in two", wire().frame(0x0A, b"a").frame(0x80, b"b"), vec![], FragmentedControl),
        bad("a close in two", wire().frame(0x08, b"").frame(0x80, b""), vec![], FragmentedControl),
        good("two fragments", wire().frame(0x01, b"one").frame(0x80, b"two"), vec![text("onetwo")]),
        good(
            "a ping between",
            wire().frame(0x01, b"one").frame(0x89, b"ping").frame(0x80, b"two"),
            vec![ping(b"ping"), text("onetwo")],
        ),
        good(
            "pings between five fragments, binary",
            wire()
                .frame(0x02, b"1")
                .frame(0x00, b"2")
                .frame(0x89, b"a")
                .frame(0x00, b"3")
                .frame(0x00, b"4")
                .frame(0x89, &[1; 125])
                .frame(0x80, b"5"),
            vec![ping(b"a"), ping(&[1; 125]), Said::Binary(b"12345".to_vec())],
        ),
        good(
            "empty fragments",
            wire().frame(0x01, b"").frame(0x00, b"").frame(0x80, b"").text("next"),
            vec![text(""), text("next")],
        ),
        good(
            "only the middle one has bytes",
            wire().frame(0x01, b"").frame(0x00, b"mid").frame(0x80, b""),
            vec![text("mid")],
        ),
        good(
            "a close between is the end",
            wire().frame(0x01, b"one").close(1000, "").frame(0x80, b"two"),
            vec![Said::Close(Some((1000, String::new())))],
        ),
        bad("nothing to go on with", wire().frame(0x80, b"x").text("y"), vec![], UnexpectedContinuation),
        bad("nor with a fragment", wire().frame(0x00, b"x").text("y"), vec![], UnexpectedContinuation),
        bad("after the end", wire().text("a").frame(0x80, b"b"), vec![text("a")], UnexpectedContinuation),
        bad("a text within a text", wire().frame(0x01, b"a").text("b"), vec![], InterruptedMessage),
        bad("bytes within a text", wire().frame(0x01, b"a").frame(0x02, b"b"), vec![], InterruptedMessage),
    ]);
}

#[test]
fn group_6_utf8() {
    let mut cases = Vec::new();
    let valid = [
        "",
        "Hello-µ@ßöäüàá-UTF-8!!",
        "\u{0}",
        "κόσμε",
        "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}",
        "\u{D7FF}\u{E000}\u{FFFD}\u{FFFE}\u{1FFFF}",
        "𝄞 and 🎉",
    ];
    for string in valid {
        cases.push(good(format!("{string:?}"), wire().text(string), vec![text(string)]));
        let bytes = string.as_bytes();
        let single = bytes.iter().fold(wire().frame(0x01, b""), |wire, byte| wire.frame(0x00, &[*byte]));
        cases.push(good(
            format!("{string:?}, a byte a fragment"),
            single.frame(0x80, b""),
            vec![text(string)],
        ));
        for at in 0..bytes.len() {
            let two = wire().frame(0x01, &bytes[..at]).frame(0x89, b"\xff").frame(0x80, &bytes[at..]);
            cases.push(good(format!("{string:?} in two at {at}"), two, vec![ping(b"\xff"), text(string)]));
        }
    }
    let invalid: [&[u8]; 18] = [
        b"\xff",
        b"\xfe",
        b"\x80",
        b"\xbf\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xc3(",
        b"\xe2\x82(",
    ];
    for bytes in invalid {
        let mut around = b"k\xc3\xb6".to_vec();
        around.extend_from_slice(bytes);
        around.extend_from_slice(b"rest");
        cases.push(bad(format!("{bytes:x?}"), wire().frame(0x81, bytes), vec![], InvalidUtf8));
        cases.push(bad(format!("{around:x?}"), wire().frame(0x81, &around), vec![], InvalidUtf8));
        for at in 0..=around.len() {
            let two = wire().frame(0x01, &around[..at]).frame(0x80, &around[at..]);
            cases.push(bad(format!("{around:x?} in two at {at}"), two, vec![], InvalidUtf8));
        }
        cases.push(good(
            format!("{bytes:x?} as bytes"),
            wire().frame(0x82, bytes),
            vec![Said::Binary(bytes.to_vec())],
        ));
    }
    for cut_off in [&b"\xce"[..], b"\xe2\x82", b"\xf0\x9f\x8e", b"ok\xce\xba\xe1\xbd"] {
        cases.push(bad(format!("{cut_off:x?} at the end"), wire().frame(0x81, cut_off), vec![], InvalidUtf8));
        let in_two = wire().frame(0x01, cut_off).frame(0x80, b"");
        cases.push(bad(format!("{cut_off:x?} at the end of two"), in_two, vec![], InvalidUtf8));
    }
    run(cases);
}

#[test]
fn group_6_invalid_utf8_fails_before_the_message_ends() {
    for bytes in [&b"ok\xf4\x90"[..], b"ok\xed\xa0", b"\xf0\x9f\x8e(", b"\xff"] {
        let unfinished = wire().frame(0x01, bytes);
        run(vec![bad(format!("{bytes:x?}, unfinished"), unfinished, vec![], InvalidUtf8)]);
        // A frame of which only this much has come.
        let masked = wire().frame(0x81, bytes).bytes();
        let begun = wire().raw(&[0x81, 0x80 | 100]).raw(&masked[2..]);
        run(vec![bad(format!("{bytes:x?}, begun"), begun, vec![], InvalidUtf8)]);
    }
}

#[test]
fn group_7_closing() {
    let closed = |code: u16, reason: &str| vec![Said::Close(Some((code, reason.to_owned())))];
    let longest = "x".repeat(123);
    let mut cases = vec![
        good("no payload", wire().frame(0x88, b""), vec![Said::Close(None)]),
        good("a code", wire().close(1000, ""), closed(1000, "")),
        good("a code and a reason", wire().close(1000, "Hello World!"), closed(1000, "Hello World!")),
        good("the longest reason", wire().close(1000, &longest), closed(1000, &longest)),
        good("twice", wire().close(1000, "").close(1000, ""), closed(1000, "")),
        good("a ping behind it", wire().close(1000, "").frame(0x89, b""), closed(1000, "")),
        good("a text behind it", wire().close(1000, "").text("late"), closed(1000, "")),
        good("after a text", wire().text("a").frame(0x88, b""), vec![text("a"), Said::Close(None)]),
        bad("a byte too long", wire().frame(0x88, &[b'x'; 126]), vec![], LongControl),
        bad("one byte", wire().frame(0x88, &[3]), vec![], CloseWithoutCode),
        bad(
            "a reason that is not UTF-8",
            wire().frame(0x88, b"\x03\xe8\xce\xba\xed\xa0"),
            vec![],
            InvalidUtf8,
        ),
    ];
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        cases.push(good(format!("{code}"), wire().close(code, "why"), closed(code, "why")));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(bad(format!("{code}"), wire().close(code, "why"), vec![], CloseCode));
    }
    run(cases);
}

#[test]
fn group_9_limits() {
    let most = vec![0x2A; LIMIT];
    let fragments = |size: usize| {
        let mut wire = wire().frame(0x02, b"");
        for chunk in most.chunks(size) {
            wire = wire.frame(0x00, chunk);
        }
        wire.frame(0x80, b"")
    };
    run(vec![
        good("the limit at once", wire().frame(0x82, &most), vec![Said::Binary(most.clone())]),
        good("the limit in fragments of 4,096", fragments(4096), vec![Said::Binary(most.clone())]),
        bad("a fragment too much", wire().frame(0x02, &most).frame(0x80, b"x"), vec![], TooLarge),
    ]);
    let small = fragments(64).bytes();
    for size in [64, 256, 1000, 65_536] {
        let said = decode_pieces(LIMIT, small.chunks(size));
        assert_eq!(said, (vec![Said::Binary(most.clone())], None), "fragments of 64 in pieces of {size}");
    }
}
