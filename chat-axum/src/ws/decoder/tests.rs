//! A table of the RFC's cases, each fed whole, cut in two at every place, and byte by byte.

use proptest::prelude::*;

use super::{Decoder, Event, ProtocolError};

const LIMIT: usize = 70_000;

/// An event that outlives its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Error(ProtocolError),
}

fn owned(event: &Event<'_>) -> Got {
    match event {
        Event::Text(text) => Got::Text((*text).to_owned()),
        Event::Binary(bytes) => Got::Binary(bytes.to_vec()),
        Event::Ping(bytes) => Got::Ping(bytes.to_vec()),
        Event::Pong(bytes) => Got::Pong(bytes.to_vec()),
        Event::Close(close) => Got::Close(close.map(|(code, reason)| (code, reason.to_owned()))),
    }
}

/// Feeds a stream in pieces; gives what came out, up to the first error.
fn decode<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Got> {
    let mut decoder = Decoder::new(limit);
    let mut got = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = bytes.as_mut_slice();
        loop {
            match decoder.next(&mut input) {
                Ok(Some(event)) => got.push(owned(&event)),
                Ok(None) => break,
                Err(error) => {
                    got.push(Got::Error(error));
                    return got;
                }
            }
        }
        assert!(decoder.buffered() <= limit + 125, "{} bytes held", decoder.buffered());
    }
    got
}

/// A client's frame: first byte, payload, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(KEY);
    out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
/// The same without the last-fragment bit.
const OPEN: u8 = 0x7F;
const CONTINUE: u8 = 0x80;

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

fn check(name: &str, stream: &[u8], expected: &[Got]) {
    assert_eq!(decode(LIMIT, [stream]), expected, "{name}, whole");
    if stream.len() > 600 {
        for at in [1, 2, 5, 9, stream.len() / 2, stream.len() - 1] {
            assert_eq!(decode(LIMIT, [&stream[..at], &stream[at..]]), expected, "{name}, cut at {at}");
        }
        return;
    }
    for at in 0..=stream.len() {
        assert_eq!(decode(LIMIT, [&stream[..at], &stream[at..]]), expected, "{name}, cut at {at}");
    }
    assert_eq!(decode(LIMIT, stream.chunks(1)), expected, "{name}, byte by byte");
}

#[test]
fn whole_messages_of_every_length() {
    for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = "x".repeat(len);
        check(&format!("text of {len}"), &frame(TEXT, payload.as_bytes()), &[text(&payload)]);
        check(
            &format!("binary of {len}"),
            &frame(BINARY, payload.as_bytes()),
            &[Got::Binary(payload.into_bytes())],
        );
    }
}

#[test]
fn control_frames() {
    let long = vec![7; 125];
    check("ping", &frame(PING, b"hi"), &[Got::Ping(b"hi".to_vec())]);
    check("empty ping", &frame(PING, b""), &[Got::Ping(Vec::new())]);
    check("long ping", &frame(PING, &long), &[Got::Ping(long.clone())]);
    check("unasked pong", &frame(PONG, b"x"), &[Got::Pong(b"x".to_vec())]);
    check("ping too long", &frame(PING, &[0; 126]), &[Got::Error(ProtocolError::LongControl)]);
    check("fragmented ping", &frame(PING & OPEN, b""), &[Got::Error(ProtocolError::FragmentedControl)]);
    let ten: Vec<u8> = (0..10_u8).flat_map(|n| frame(PING, &[n])).collect();
    check("ten pings", &ten, &(0..10_u8).map(|n| Got::Ping(vec![n])).collect::<Vec<_>>());
}

#[test]
fn what_is_reserved_is_refused() {
    for bit in [0x40, 0x20, 0x10] {
        check("reserved bit", &frame(TEXT | bit, b"x"), &[Got::Error(ProtocolError::ReservedBits)]);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check("opcode", &frame(0x80 | opcode, b""), &[Got::Error(ProtocolError::UnknownOpcode)]);
    }
    check("unmasked", &[TEXT, 1, b'x'], &[Got::Error(ProtocolError::Unmasked)]);
    let not_minimal = [&[TEXT, 0x80 | 126, 0, 125][..], &[0; 129]].concat();
    check("length not minimal", &not_minimal, &[Got::Error(ProtocolError::LengthNotMinimal)]);
    let not_minimal = [&[TEXT, 0x80 | 127][..], &65_535_u64.to_be_bytes(), &[0; 4]].concat();
    check("long length not minimal", &not_minimal, &[Got::Error(ProtocolError::LengthNotMinimal)]);
    let reserved = [&[TEXT, 0x80 | 127][..], &(1_u64 << 63).to_be_bytes(), &[0; 4]].concat();
    check("length with the high bit", &reserved, &[Got::Error(ProtocolError::LengthReserved)]);
}

#[test]
fn fragments() {
    let two = [frame(TEXT & OPEN, b"frag"), frame(CONTINUE, b"ment")].concat();
    check("two fragments", &two, &[text("fragment")]);
    let with_ping = [
        frame(TEXT & OPEN, b"frag"),
        frame(PING, b"p"),
        frame(CONTINUE & OPEN, b""),
        frame(CONTINUE, b"ment"),
    ]
    .concat();
    check("a ping between", &with_ping, &[Got::Ping(b"p".to_vec()), text("fragment")]);
    let binary = [frame(BINARY & OPEN, &[1]), frame(CONTINUE, &[2]), frame(TEXT, b"next")].concat();
    check("then another", &binary, &[Got::Binary(vec![1, 2]), text("next")]);
    check(
        "continuation of nothing",
        &frame(CONTINUE, b"x"),
        &[Got::Error(ProtocolError::UnexpectedContinuation)],
    );
    let again = [two, frame(CONTINUE, b"x")].concat();
    check("after the end", &again, &[text("fragment"), Got::Error(ProtocolError::UnexpectedContinuation)]);
    let interrupted = [frame(TEXT & OPEN, b"a"), frame(TEXT, b"b")].concat();
    check("a message within", &interrupted, &[Got::Error(ProtocolError::InterruptedMessage)]);
}

#[test]
fn utf8_is_checked_as_it_comes() {
    let good = "κόσμε \u{10ffff} \u{fffd}";
    check("whole", &frame(TEXT, good.as_bytes()), &[text(good)]);
    for at in 0..=good.len() {
        let (a, b) = good.as_bytes().split_at(at);
        let cut = [frame(TEXT & OPEN, a), frame(CONTINUE, b)].concat();
        check("within a character", &cut, &[text(good)]);
    }
    for bad in [&b"\xce"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\xff", b"\xfe"] {
        check("bad", &frame(TEXT, bad), &[Got::Error(ProtocolError::InvalidUtf8)]);
        check("binary may", &frame(BINARY, bad), &[Got::Binary(bad.to_vec())]);
    }
    // Told at the byte that shows it, not at the end of the message.
    let open = frame(TEXT & OPEN, b"\xf4\x90");
    assert_eq!(decode(LIMIT, [&open[..]]), [Got::Error(ProtocolError::InvalidUtf8)]);
    let unfinished = [frame(TEXT & OPEN, b"\xce"), frame(CONTINUE, b"")].concat();
    check("ends within a character", &unfinished, &[Got::Error(ProtocolError::InvalidUtf8)]);
}

#[test]
fn closing() {
    check("without a code", &frame(CLOSE, b""), &[Got::Close(None)]);
    check("half a code", &frame(CLOSE, &[3]), &[Got::Error(ProtocolError::CloseWithoutCode)]);
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
        check("good code", &close(code, "bye"), &[Got::Close(Some((code, "bye".to_owned())))]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        check("bad code", &close(code, ""), &[Got::Error(ProtocolError::CloseCode)]);
    }
    let bad_reason = frame(CLOSE, b"\x03\xe8\xff");
    check("bad reason", &bad_reason, &[Got::Error(ProtocolError::InvalidUtf8)]);
    check("reason too long", &close(1000, &"x".repeat(124)), &[Got::Error(ProtocolError::LongControl)]);
    let after = [close(1000, ""), frame(TEXT, b"late"), vec![0xFF; 9]].concat();
    check("nothing follows", &after, &[Got::Close(Some((1000, String::new())))]);
}

#[test]
fn the_limit_is_told_at_the_header() {
    let over = frame(TEXT, &vec![b'x'; LIMIT + 1]);
    assert_eq!(decode(LIMIT, [&over[..14]]), [Got::Error(ProtocolError::TooLarge)]);
    let huge = [&[BINARY, 0x80 | 127][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
    check("beyond memory", &huge, &[Got::Error(ProtocolError::TooLarge)]);
    let sum = [frame(TEXT & OPEN, &vec![b'x'; LIMIT]), frame(CONTINUE, b"x")].concat();
    assert_eq!(decode(LIMIT, [&sum[..]]), [Got::Error(ProtocolError::TooLarge)]);
    let exact = "x".repeat(LIMIT);
    assert_eq!(decode(LIMIT, [&frame(TEXT, exact.as_bytes())[..]]), [text(&exact)]);
}

#[test]
fn an_idle_decoder_holds_nothing() {
    let mut decoder = Decoder::new(LIMIT);
    let mut stream = [frame(TEXT & OPEN, &[b'x'; 500]), frame(CONTINUE, &[b'y'; 500])].concat();
    let (mut first, mut second) = stream.split_at_mut(300);
    assert!(decoder.next(&mut first).unwrap().is_none());
    assert!(decoder.buffered() > 0);
    assert!(matches!(decoder.next(&mut second), Ok(Some(Event::Text(_)))));
    assert!(decoder.next(&mut second).unwrap().is_none());
    assert_eq!(decoder.buffered(), 0);
}

fn message() -> impl Strategy<Value = (bool, Vec<u8>, Vec<usize>)> {
    let text = any::<String>().prop_map(|text| (true, text.into_bytes()));
    let binary = prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (false, bytes));
    (prop_oneof![text, binary], prop::collection::vec(0_usize..300, 0..4))
        .prop_map(|((t, b), cuts)| (t, b, cuts))
}

proptest! {
    /// Whatever is said, however it is fragmented and however the stream is cut, comes out as it was said.
    #[test]
    fn any_stream_in_any_pieces(
        messages in prop::collection::vec(message(), 0..6),
        cuts in prop::collection::vec(0_usize..4_000, 0..12),
    ) {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for (is_text, bytes, mut fragments) in messages {
            fragments.iter_mut().for_each(|at| *at = (*at).min(bytes.len()));
            fragments.sort_unstable();
            let mut from = 0;
            let opcode = if is_text { 1 } else { 2 };
            for (n, at) in fragments.iter().chain([&bytes.len()]).enumerate() {
                let last = n == fragments.len();
                let first = (if last { 0x80 } else { 0 }) | (if n == 0 { opcode } else { 0 });
                stream.extend(frame(first, &bytes[from..*at]));
                if !last {
                    stream.extend(frame(PING, &[n as u8]));
                    expected.push(Got::Ping(vec![n as u8]));
                }
                from = *at;
            }
            expected.push(if is_text {
                Got::Text(String::from_utf8(bytes).unwrap())
            } else {
                Got::Binary(bytes)
            });
        }
        let mut places: Vec<_> = cuts.into_iter().map(|at| at.min(stream.len())).chain([0, stream.len()]).collect();
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(decode(LIMIT, pieces), expected);
    }
}

/// Anything at all: never a panic, never more held than the limit allows.
#[test]
fn fuzz_decoder() {
    bolero::check!().with_type::<(Vec<u8>, u8)>().for_each(|(bytes, cut)| {
        let cut = usize::from(*cut).min(bytes.len());
        let whole = decode(200, [&bytes[..]]);
        assert_eq!(whole, decode(200, [&bytes[..cut], &bytes[cut..]]));
    });
}
