//! The time of sending, inside a message's content.

use std::fmt;

use memchr::memmem;

use crate::digits::{FIXED_WIDTH, read_fixed, write_fixed};

const MARK: &[u8] = b"@t:";

/// The shortest content that holds a stamp.
pub const SMALLEST_CONTENT: usize = MARK.len() + FIXED_WIDTH;

/// Appends a content of `size` bytes (at least [`SMALLEST_CONTENT`]) stamped with `at`. None of its bytes needs an
/// escape in JSON.
pub fn push_stamped(out: &mut Vec<u8>, size: usize, at: u64) {
    const FILLER: &[u8] = b" the quick brown fox jumps over the lazy dog and comes back,";
    let end = out.len() + size.max(SMALLEST_CONTENT);
    out.extend_from_slice(MARK);
    write_fixed(out, at);
    while out.len() < end {
        let left = end - out.len();
        out.extend_from_slice(&FILLER[..left.min(FILLER.len())]);
    }
}

/// Finds stamps in frames.
///
/// Frames of one shape have it at nearly one place, so the last place is tried before the frame is searched.
pub struct StampFinder {
    mark: memmem::Finder<'static>,
    last_place: usize,
}

impl StampFinder {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { mark: memmem::Finder::new(MARK), last_place: 0 }
    }

    /// The stamp in `payload`, or `None` where there is none.
    #[inline]
    pub fn find(&mut self, payload: &[u8]) -> Option<u64> {
        if !payload.get(self.last_place..).is_some_and(|rest| rest.starts_with(MARK)) {
            self.last_place = self.mark.find(payload)?;
        }
        read_fixed(&payload[self.last_place + MARK.len()..])
    }
}

impl Default for StampFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StampFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StampFinder").field("last_place", &self.last_place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_found_wherever_it_stands() {
        let mut finder = StampFinder::new();
        for (before, at) in
            [("", 1u64), ("{\"content\":\"", 2), ("{\"content\":\"", 3), ("{\"a\":1,\"content\":\"", 4)]
        {
            let mut payload = before.as_bytes().to_vec();
            push_stamped(&mut payload, 128, at);
            assert_eq!(payload.len(), before.len() + 128);
            payload.extend_from_slice(b"\"}");
            assert_eq!(finder.find(&payload), Some(at));
        }
        assert_eq!(finder.find(b"{}"), None);
        assert_eq!(finder.find(b"@t:12"), None, "cut off");
    }

    #[test]
    fn content_has_its_size() {
        for size in [0, SMALLEST_CONTENT, 61, 1_000] {
            let mut content = Vec::new();
            push_stamped(&mut content, size, 5);
            assert_eq!(content.len(), size.max(SMALLEST_CONTENT));
            assert!(
                content.iter().all(|byte| (b' '..=b'z').contains(byte) && *byte != b'"' && *byte != b'\\')
            );
        }
    }
}
