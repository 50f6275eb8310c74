use super::{Header, LONGEST, Parsed, parse};
use crate::ws::{Opcode, ProtocolError};

fn bytes(first: u8, second: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, second];
    bytes.extend_from_slice(rest);
    bytes
}

#[test]
fn lengths() {
    for (second, extended, len) in [
        (0x80, &[][..], 0),
        (0xFD, &[], 125),
        (0xFE, &[0, 126], 126),
        (0xFE, &[0xFF, 0xFF], 65_535),
        (0xFF, &[0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        (0xFF, &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], u64::MAX >> 1),
    ] {
        let header = bytes(0x82, second, &[extended, &[1, 2, 3, 4]].concat());
        let expected = Header { opcode: Opcode::Binary, fin: true, mask: [1, 2, 3, 4], len };
        assert_eq!(parse(&header), Ok(Parsed::Whole(expected, header.len())));
        assert!(header.len() <= LONGEST);
        for cut in 0..header.len() {
            let Ok(Parsed::Needs(needs)) = parse(&header[..cut]) else { panic!("{cut} of {header:?}") };
            assert!(cut < needs && needs <= header.len(), "{cut} of {header:?} needs {needs}");
        }
    }
}

#[test]
fn refusals_show_at_the_first_byte_that_breaks_a_rule() {
    for (header, error) in [
        (&[0xC1][..], ProtocolError::ReservedBits),
        (&[0xA1], ProtocolError::ReservedBits),
        (&[0x91], ProtocolError::ReservedBits),
        (&[0x83], ProtocolError::UnknownOpcode),
        (&[0x8B], ProtocolError::UnknownOpcode),
        (&[0x09], ProtocolError::FragmentedControl),
        (&[0x81, 0x01], ProtocolError::Unmasked),
        (&[0x89, 0xFE], ProtocolError::LongControl),
        (&[0x81, 0xFE, 0, 125], ProtocolError::LengthNotMinimal),
        (&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], ProtocolError::LengthNotMinimal),
        (&[0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0], ProtocolError::LengthReserved),
    ] {
        assert_eq!(parse(header), Err(error), "{header:?}");
        assert!(matches!(parse(&header[..header.len() - 1]), Ok(Parsed::Needs(_))), "{header:?}");
    }
}
