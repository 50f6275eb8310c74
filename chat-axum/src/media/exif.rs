//! What a photograph says of how it was held.

/// What Exif data begins with in a segment of a JPEG file.
const NAME: &[u8] = b"Exif\0\0";

/// The entry that tells the orientation.
const ORIENTATION: u32 = 0x112;

/// A number of two bytes, as an entry's type.
const SHORT: u32 = 3;

/// Bytes of an entry: tag, type, count, value.
const ENTRY_BYTES: usize = 12;

/// Whether an image is shown with its width for its height, by the body of a segment of its file; none where that is
/// not of Exif data. What lies beyond the bytes that are given is not there.
pub(super) fn is_turned(segment: &[u8]) -> Option<bool> {
    let tiff = segment.strip_prefix(NAME)?;
    // 5 to 8 are those with a quarter turn in them.
    Some(orientation(tiff).is_some_and(|orientation| (5..=8).contains(&orientation)))
}

fn orientation(tiff: &[u8]) -> Option<u32> {
    let number = match tiff.get(..4)? {
        b"MM\0*" => big,
        b"II*\0" => little,
        _ => return None,
    };
    let directory = tiff.get(usize::try_from(number(tiff.get(4..8)?)).ok()?..)?;
    let entries = usize::try_from(number(directory.get(..2)?)).ok()?;
    let mut entries = directory[2..].chunks_exact(ENTRY_BYTES).take(entries);
    let entry = entries.find(|entry| number(&entry[..2]) == ORIENTATION)?;
    (number(&entry[2..4]) == SHORT && number(&entry[4..8]) == 1).then(|| number(&entry[8..10]))
}

pub(super) fn big(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| (value << 8) | u32::from(*byte))
}

pub(super) fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte))
}

#[cfg(test)]
pub(super) mod tests {
    use super::is_turned;

    /// A segment's body, as cameras write it: `before` other entries, then the orientation.
    pub(in crate::media) fn segment(is_big: bool, before: u16, orientation: u16) -> Vec<u8> {
        let short = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut bytes = b"Exif\0\0".to_vec();
        bytes.extend(if is_big { b"MM\0*" } else { b"II*\0" });
        bytes.extend(long(8));
        bytes.extend(short(before + 1));
        for tag in 0..before {
            bytes.extend([short(tag), short(4)].concat());
            bytes.extend([long(1), long(0x0112_0003)].concat());
        }
        bytes.extend([short(0x112), short(3)].concat());
        bytes.extend(long(1));
        bytes.extend([short(orientation), short(0)].concat());
        bytes.extend(long(0));
        bytes
    }

    #[test]
    fn a_quarter_turn_is_told_by_the_orientation() {
        for orientation in 0..=9 {
            for (is_big, before) in [(true, 0), (false, 0), (true, 12), (false, 12)] {
                let turned = (5..=8).contains(&orientation);
                assert_eq!(is_turned(&segment(is_big, before, orientation)), Some(turned), "{orientation}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_turns_nothing() {
        let whole = segment(false, 3, 6);
        // Up to the end of the value; what follows is not read.
        for length in 0..whole.len() - 6 {
            assert_ne!(is_turned(&whole[..length]), Some(true), "{length}");
        }
        assert_eq!(is_turned(b"http://ns.adobe.com/xap/1.0/\0"), None);
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = whole.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            is_turned(&changed)
        };
        let entry = whole.len() - 16;
        assert_eq!(with(0, b"Exif"), Some(true));
        for (at, bytes) in [
            (6, b"IM".as_slice()),
            // A directory elsewhere, one without entries, with too few.
            (10, b"\xFF\xFF\xFF\xFF"),
            (14, b"\0\0"),
            (14, b"\x03\0"),
            // Another type, and more than one value.
            (entry + 2, b"\x04\0"),
            (entry + 4, b"\x02\0"),
        ] {
            assert_eq!(with(at, bytes), Some(false), "{at}");
        }
    }
}
