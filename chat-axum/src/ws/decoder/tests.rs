mod cases;
mod client;
mod hostile;
mod random;

use client::{Said, Wire, decode};

use super::{Decoder, Event, ProtocolError};

#[test]
fn a_whole_frame_is_lent_out_of_what_was_fed() {
    let mut bytes = Wire::new().text("hello").bytes();
    let range = bytes.as_ptr_range();
    let mut decoder = Decoder::new(100);
    let mut input = &mut bytes[..];
    let Some(Event::Text(text)) = decoder.next(&mut input).unwrap() else { panic!("no text") };
    assert_eq!(text, "hello");
    assert!(range.contains(&text.as_ptr()), "not a copy");
    assert_eq!(decoder.buffered(), 0);
}

#[test]
fn the_buffer_is_given_back_when_nothing_waits() {
    let bytes = Wire::new().text("hello").bytes();
    let mut decoder = Decoder::new(100);
    let (mut first, mut second) = (bytes[..8].to_vec(), bytes[8..].to_vec());
    assert_eq!(decoder.next(&mut &mut first[..]), Ok(None));
    assert!(decoder.buffered() > 0);
    let mut input = &mut second[..];
    assert_eq!(decoder.next(&mut input), Ok(Some(Event::Text("hello"))));
    assert_eq!(decoder.next(&mut input), Ok(None));
    assert_eq!(decoder.buffered(), 0);
}

#[test]
fn the_buffer_grows_with_what_came_not_with_what_was_announced() {
    let limit = 1 << 20;
    let wire = Wire::new().frame(0x82, &vec![7; limit]).bytes();
    let mut decoder = Decoder::new(limit);
    assert_eq!(decode(&mut decoder, &wire[..100]), (vec![], None));
    assert!(decoder.buffered() <= 100);
    for chunk in wire[100..].chunks(1000) {
        decode(&mut decoder, chunk);
        assert!(decoder.buffered() <= limit);
    }
}

#[test]
fn the_limit_counts_the_whole_message_and_is_told_at_the_header() {
    let mut decoder = Decoder::new(10);
    let wire = Wire::new().frame(0x01, b"123456").frame(0x00, b"").frame(0x80, b"7890").bytes();
    assert_eq!(decode(&mut decoder, &wire), (vec![Said::Text("1234567890".into())], None));

    // Only the header of the third fragment comes, and it is enough.
    let wire = Wire::new().frame(0x01, b"123456").frame(0x89, &[0; 125]).header(0x80, 5).bytes();
    let (said, error) = decode(&mut decoder, &wire);
    assert_eq!(said, [Said::Ping(vec![0; 125])]);
    assert_eq!(error, Some(ProtocolError::TooLarge));
    assert_eq!(error.map(ProtocolError::close_code), Some(1009));
}

#[test]
fn the_limit_can_be_raised_and_lowered_on_the_way() {
    let mut decoder = Decoder::new(4);
    let long = Wire::new().text("hello").bytes();
    assert_eq!(decode(&mut Decoder::new(4), &long).1, Some(ProtocolError::TooLarge));
    decoder.set_limit(5);
    assert_eq!(decode(&mut decoder, &long), (vec![Said::Text("hello".into())], None));

    // Lowered under a message that is on its way: what was let in stays, no more is.
    let wire = Wire::new().frame(0x01, b"12345").bytes();
    assert_eq!(decode(&mut decoder, &wire), (vec![], None));
    decoder.set_limit(3);
    let wire = Wire::new().frame(0x89, b"p").frame(0x80, b"6").bytes();
    assert_eq!(decode(&mut decoder, &wire), (vec![Said::Ping(b"p".to_vec())], Some(ProtocolError::TooLarge)));
}

#[test]
fn a_frame_let_in_before_the_limit_was_lowered_is_still_read() {
    let mut decoder = Decoder::new(100);
    let wire = Wire::new().frame(0x02, &[1; 90]).frame(0x80, &[]).bytes();
    assert_eq!(decode(&mut decoder, &wire[..20]), (vec![], None));
    decoder.set_limit(10);
    assert_eq!(decode(&mut decoder, &wire[20..]), (vec![Said::Binary(vec![1; 90])], None));
}

#[test]
fn an_error_stays_and_frees_what_was_held() {
    let mut decoder = Decoder::new(100);
    let wire = Wire::new().frame(0x01, b"begun").bytes();
    assert_eq!(decode(&mut decoder, &wire), (vec![], None));
    assert_eq!(decode(&mut decoder, &[0x83]), (vec![], Some(ProtocolError::UnknownOpcode)));
    assert_eq!(decoder.buffered(), 0);
    let good = Wire::new().text("too late").bytes();
    assert_eq!(decode(&mut decoder, &good), (vec![], Some(ProtocolError::UnknownOpcode)));
}

#[test]
fn invalid_utf8_is_told_at_the_byte_that_shows_it() {
    // κόσμε, then a surrogate half, then text: refused at the second byte of the surrogate.
    let payload = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    for wire in [
        Wire::new().frame(0x81, payload),
        Wire::new().frame(0x01, &payload[..12]).frame(0x80, &payload[12..]),
        Wire::new().frame(0x01, &payload[..4]).frame(0x00, &payload[4..]).frame(0x80, b""),
    ] {
        let wire = wire.bytes();
        let mut decoder = Decoder::new(1000);
        let at = (0..wire.len()).find(|&i| decode(&mut decoder, &wire[i..=i]).1.is_some()).unwrap();
        assert_eq!(client::payload_bytes(&wire[..=at]), 13, "the surrogate shows at the 13th byte");
    }
}

#[test]
fn nothing_follows_a_close() {
    let mut decoder = Decoder::new(100);
    let wire = Wire::new().close(1000, "bye").frame(0x89, b"late").frame(0xFF, b"nonsense").bytes();
    assert_eq!(decode(&mut decoder, &wire), (vec![Said::Close(Some((1000, "bye".into())))], None));
    let more = Wire::new().text("more").bytes();
    assert_eq!(decode(&mut decoder, &more), (vec![], None));
}

#[test]
fn a_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 80, "{}", size_of::<Decoder>());
}
