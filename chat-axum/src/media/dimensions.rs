//! An image's width and height as it is shown, read from its header as the bytes pass by; nothing is decoded.

use std::mem;

use super::exif::{self, big, little};

/// Bytes of a header that must be there before anything can be said.
const HEADER_BYTES: usize = 32;

/// Bytes of a segment that are looked at for how a photograph was held. Cameras say it among the first hundred.
const EXIF_BYTES_MAX: usize = 4 * 1024;

/// Looks for the size of an image.
#[derive(Debug)]
pub(super) struct Dimensions {
    state: State,
    /// Whether a photograph is shown on its side, once it has said. Browsers turn JPEG alone, all of them alike.
    is_turned: Option<bool>,
    /// What was not looked at as yet: less than a header, or than the most of a segment.
    left: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// Not an image of a kind whose header is known.
    Unknown,
    Png,
    Gif,
    Webp,
    /// At a marker, after so many bytes to be passed over.
    Jpeg(usize),
    Found(u32, u32),
    /// It has none where it must have one.
    Broken,
}

impl Dimensions {
    pub(super) fn of(content_type: &str) -> Self {
        let state = match content_type {
            "image/png" => State::Png,
            "image/gif" => State::Gif,
            "image/webp" => State::Webp,
            "image/jpeg" => State::Jpeg(2),
            _ => State::Unknown,
        };
        Self { state, is_turned: None, left: Vec::new() }
    }

    /// Looks at the next bytes.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        match self.state {
            State::Png | State::Gif | State::Webp => {
                let wanted = HEADER_BYTES.saturating_sub(self.left.len()).min(bytes.len());
                self.left.extend_from_slice(&bytes[..wanted]);
                if self.left.len() == HEADER_BYTES {
                    self.read_header();
                }
            }
            State::Jpeg(_) => self.walk(bytes),
            State::Unknown | State::Found(..) | State::Broken => {}
        }
    }

    /// What was found by now: none for what is no image of a known kind, or before its header has passed.
    pub(super) const fn found(&self) -> Option<(u32, u32)> {
        match self.state {
            State::Found(width, height) => Some((width, height)),
            _ => None,
        }
    }

    /// At the end of the file: whether an image's size is still missing.
    pub(super) fn is_missing(&mut self) -> bool {
        if matches!(self.state, State::Png | State::Gif | State::Webp) {
            // A small one ends before that.
            self.left.resize(HEADER_BYTES, 0);
            self.read_header();
        }
        match self.state {
            State::Unknown => false,
            State::Found(width, height) => width == 0 || height == 0,
            _ => true,
        }
    }

    fn read_header(&mut self) {
        let head = &self.left;
        let found = match self.state {
            State::Png => (&head[12..16] == b"IHDR").then(|| (big(&head[16..20]), big(&head[20..24]))),
            State::Gif => Some((little(&head[6..8]), little(&head[8..10]))),
            _ => webp(head),
        };
        self.state = found.map_or(State::Broken, |(width, height)| State::Found(width, height));
        self.left = Vec::new();
    }

    /// From marker to marker. A segment is passed over however long it is; between two is held what is needed to read
    /// one's beginning, or what it says of how the photograph was held.
    fn walk(&mut self, bytes: &[u8]) {
        let mut held = mem::take(&mut self.left);
        held.extend_from_slice(bytes);
        let mut at = 0;
        while let State::Jpeg(skip) = self.state {
            let left = held.len() - at;
            if left <= skip {
                self.state = State::Jpeg(skip - left);
                return;
            }
            at += skip;
            self.state = State::Jpeg(0);
            let segment = &held[at..];
            // Marker, length, precision, height, width.
            match segment {
                [0xFF, 0xFF, ..] => self.state = State::Jpeg(1),
                [0xFF, 0x01 | 0xD0..=0xD8, ..] => self.state = State::Jpeg(2),
                [0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, ..] if segment.len() >= 9 => {
                    let (height, width) = (big(&segment[5..7]), big(&segment[7..9]));
                    self.state = match self.is_turned {
                        Some(true) => State::Found(height, width),
                        _ => State::Found(width, height),
                    };
                }
                // Pictures before their size, an end, or no marker at all.
                [0xFF, 0x00 | 0xD9 | 0xDA, ..] => self.state = State::Broken,
                [first, ..] if *first != 0xFF => self.state = State::Broken,
                _ if segment.len() < 9 => break,
                [_, kind, ..] => {
                    let whole = 2 + (big(&segment[2..4]) as usize).max(2);
                    // The first that says anything of it holds.
                    if *kind == 0xE1 && self.is_turned.is_none() {
                        let seen = whole.min(EXIF_BYTES_MAX);
                        if segment.len() < seen {
                            break;
                        }
                        self.is_turned = exif::is_turned(&segment[4..seen]);
                    }
                    self.state = State::Jpeg(whole);
                }
                _ => break,
            }
        }
        if matches!(self.state, State::Jpeg(_)) {
            held.drain(..at);
            self.left = held;
        }
    }
}

fn webp(head: &[u8]) -> Option<(u32, u32)> {
    match &head[12..16] {
        b"VP8 " if head[23..26] == [0x9D, 0x01, 0x2A] => {
            Some((little(&head[26..28]) & 0x3FFF, little(&head[28..30]) & 0x3FFF))
        }
        b"VP8L" if head[20] == 0x2F => {
            let bits = little(&head[21..25]);
            Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8X" => Some((little(&head[24..27]) + 1, little(&head[27..30]) + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Dimensions, EXIF_BYTES_MAX, exif::tests::segment};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x06\0\0\0crc!");
        bytes
    }

    fn jpeg(before: usize) -> Vec<u8> {
        let mut bytes = b"\xFF\xD8\xFF\xE0\0\x04ab".to_vec();
        for length in [before, 65_535] {
            bytes.extend(b"\xFF\xFF\xE1");
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            bytes.extend(vec![0xFF; length - 2]);
        }
        bytes.extend(b"\xFF\xC2\0\x11\x08\x01\x02\x03\x04rest");
        bytes
    }

    /// A photograph of 0x304 by 0x102, with these segments before its size.
    fn photograph(segments: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"\xFF\xD8".to_vec();
        for segment in segments {
            bytes.extend(b"\xFF\xE1");
            bytes.extend(u16::try_from(segment.len() + 2).unwrap().to_be_bytes());
            bytes.extend(segment);
        }
        bytes.extend(b"\xFF\xC0\0\x11\x08\x01\x02\x03\x04rest");
        bytes
    }

    #[test]
    fn photographs_are_as_large_as_they_are_shown() {
        let (lying, standing) = (Some((0x304, 0x102)), Some((0x102, 0x304)));
        let long = |orientation| [segment(true, 3, orientation), vec![0xFF; 60_000]].concat();
        let far = segment(true, 400, 6);
        let other = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>".to_vec();
        for (segments, size) in [
            (vec![segment(true, 3, 1)], lying),
            (vec![segment(true, 3, 3)], lying),
            (vec![segment(true, 3, 6)], standing),
            (vec![segment(false, 0, 8)], standing),
            (vec![long(6)], standing),
            (vec![long(2)], lying),
            (vec![other.clone(), segment(false, 9, 5)], standing),
            (vec![segment(true, 3, 7), segment(true, 3, 1), other], standing),
            (vec![segment(true, 3, 1), segment(true, 3, 6)], lying),
            // Too far in.
            (vec![far, segment(true, 3, 6)], lying),
            (vec![Vec::new(), b"Exif\0".to_vec(), b"Exif\0\0".to_vec()], lying),
        ] {
            let bytes = photograph(&segments);
            for step in [1, 2, 7, 4_096, bytes.len()] {
                let mut looked = Dimensions::of("image/jpeg");
                bytes.chunks(step).for_each(|chunk| {
                    looked.see(chunk);
                    assert!(looked.left.len() <= EXIF_BYTES_MAX);
                });
                assert_eq!(looked.found(), size, "{segments:?} by {step}");
            }
        }
    }

    #[test]
    fn sizes_are_found_however_the_bytes_come() {
        for (kind, bytes, size) in [
            ("image/png", png(100_000, 7), Some((100_000, 7))),
            ("image/gif", b"GIF89a\x03\0\x04\x01;".to_vec(), Some((3, 260))),
            (
                "image/webp",
                b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x20\0xx".to_vec(),
                Some((16, 32)),
            ),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x0f\xc0\x07\0xxxxxxx".to_vec(), Some((16, 32))),
            (
                "image/webp",
                b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0xx".to_vec(),
                Some((16, 32)),
            ),
            ("image/jpeg", jpeg(2), Some((0x304, 0x102))),
            ("image/jpeg", jpeg(60_000), Some((0x304, 0x102))),
            ("image/jpeg", b"\xFF\xD8\xFF\xDA\0\x08xxxxxxxx".to_vec(), None),
            ("image/jpeg", b"\xFF\xD8\xFF\xE0\0\xFF".to_vec(), None),
            ("image/png", b"\x89PNG\r\n\x1a\n".to_vec(), None),
            ("image/png", png(0, 7), None),
        ] {
            for step in [1, 2, 7, 4_096, bytes.len()] {
                let mut looked = Dimensions::of(kind);
                bytes.chunks(step).for_each(|chunk| looked.see(chunk));
                assert_eq!(looked.is_missing(), size.is_none(), "{kind} by {step}");
                if size.is_some() {
                    assert_eq!(looked.found(), size, "{kind} by {step}");
                }
            }
        }
        assert!(!Dimensions::of("text/plain").is_missing());
    }

    #[test]
    fn no_bytes_are_too_strange() {
        bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(kind, bytes)| {
            let kinds = ["image/png", "image/gif", "image/webp", "image/jpeg"];
            let mut whole = Dimensions::of(kinds[usize::from(kind % 4)]);
            let mut parts = Dimensions::of(kinds[usize::from(kind % 4)]);
            whole.see(bytes);
            bytes.chunks(usize::from(kind / 4) + 1).for_each(|chunk| parts.see(chunk));
            assert_eq!(whole.is_missing(), parts.is_missing());
            assert_eq!(whole.found(), parts.found());
        });
    }
}
