use std::convert::Infallible;

use super::{build, close, close_reply, len_of, ping, pong, write};
use crate::ws::Opcode;

fn built(before: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = before.to_vec();
    build(&mut out, Opcode::Text, |out| {
        // In two parts, as a serializer would.
        let (left, right) = payload.split_at(payload.len() / 2);
        out.extend_from_slice(left);
        out.extend_from_slice(right);
        Ok::<_, Infallible>(())
    })
    .unwrap();
    out
}

#[test]
fn headers_at_every_edge() {
    for (len, header) in [
        (0, &[0x81, 0][..]),
        (1, &[0x81, 1]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (127, &[0x81, 126, 0, 127]),
        (65_535, &[0x81, 126, 0xFF, 0xFF]),
        (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (70_000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
    ] {
        let payload: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
        let expected = [header, &payload].concat();
        let mut out = Vec::new();
        write(&mut out, Opcode::Text, &payload);
        assert_eq!(out, expected, "written, {len}");
        assert_eq!(built(&[], &payload), expected, "built, {len}");
        assert_eq!(built(b"before", &payload), [b"before", &expected[..]].concat(), "behind another, {len}");
        assert_eq!(len_of(&expected), Some(expected.len()));
        for cut in 0..header.len() {
            let known = (cut >= 2 && header.len() == 2).then_some(expected.len());
            assert_eq!(len_of(&expected[..cut]), known, "{len} cut at {cut}");
        }
    }
}

#[test]
fn a_payload_that_fails_leaves_nothing() {
    let mut out = b"before".to_vec();
    let result = build(&mut out, Opcode::Text, |out| {
        out.extend_from_slice(b"half a mess");
        Err("no more")
    });
    assert_eq!(result, Err("no more"));
    assert_eq!(out, b"before");
}

#[test]
#[should_panic(expected = "only appended to")]
fn a_payload_that_shortens_the_buffer_is_a_bug() {
    let mut out = b"before".to_vec();
    let _ = build(&mut out, Opcode::Text, |out| {
        out.clear();
        Ok::<_, Infallible>(())
    });
}

#[test]
fn control_frames_stay_within_125_bytes() {
    let mut out = Vec::new();
    ping(&mut out, b"hi");
    assert_eq!(out, [0x89, 2, b'h', b'i']);
    out.clear();
    pong(&mut out, &[7; 200]);
    assert_eq!(out[..2], [0x8A, 125]);
    assert_eq!(out.len(), 127);
}

#[test]
fn a_close_reason_is_cut_between_characters() {
    let mut out = Vec::new();
    close(&mut out, 1000, "bye");
    assert_eq!(out, [0x88, 5, 0x03, 0xE8, b'b', b'y', b'e']);
    // Three bytes each: 41 make 123, which is just what fits; after one of ASCII only 40 do.
    for (reason, kept) in [("€".repeat(50), 123), (format!("a{}", "€".repeat(50)), 121)] {
        out.clear();
        close(&mut out, 4429, &reason);
        assert_eq!(usize::from(out[1]), 2 + kept);
        assert_eq!(str::from_utf8(&out[4..]).unwrap(), &reason[..kept]);
    }
}

#[test]
fn a_close_is_answered_with_its_own_code() {
    let mut out = Vec::new();
    close_reply(&mut out, Some((3001, "because")));
    assert_eq!(out, [0x88, 2, 0x0B, 0xB9]);
    out.clear();
    close_reply(&mut out, None);
    assert_eq!(out, [0x88, 0]);
}
