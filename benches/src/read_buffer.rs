//! One big read buffer for all connections of a thread.

use std::{
    fmt,
    io::{self, Read},
};

/// A buffer that is filled from one connection at a time.
///
/// A connection keeps nothing between reads but the few bytes of a frame that has not come whole; they are put back in
/// front before its next read, so that frames are always looked at in one piece.
pub struct ReadBuffer {
    bytes: Box<[u8]>,
}

impl ReadBuffer {
    /// The longest frame that is sure to fit, in payload bytes.
    pub const LONGEST_FRAME: usize = Self::SIZE - 14;

    const SIZE: usize = 256 * 1024;

    /// A buffer of 256 KiB: a whole turn's share of a busy connection, and still inside a core's own cache.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; Self::SIZE].into_boxed_slice() }
    }

    /// Reads once from `source` and returns what is there now, with `leftover` (emptied by that) in front; `None` at
    /// the end.
    ///
    /// The caller puts what it cannot use yet back into `leftover`.
    ///
    /// # Errors
    /// Those of `source`, `WouldBlock` included; `leftover` is as it was then. Also where `leftover` fills the buffer.
    #[inline]
    pub fn read<'a>(
        &'a mut self,
        leftover: &mut Vec<u8>,
        mut source: impl Read,
    ) -> io::Result<Option<&'a mut [u8]>> {
        let kept = leftover.len();
        if kept >= self.bytes.len() {
            return Err(io::Error::other("a frame longer than the read buffer"));
        }
        self.bytes[..kept].copy_from_slice(leftover);
        let read = source.read(&mut self.bytes[kept..])?;
        leftover.clear();
        Ok((read > 0).then(|| &mut self.bytes[..kept + read]))
    }
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuffer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, Seen, next_frame, push_server_text, scan};

    /// Gives a stream in pieces that end at the cuts.
    struct Pieces<'a> {
        stream: &'a [u8],
        at: usize,
        cuts: Vec<usize>,
    }

    impl Read for &mut Pieces<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let end = self.cuts.iter().copied().find(|cut| *cut > self.at).unwrap_or(self.stream.len());
            let len = (end - self.at).min(buf.len());
            buf[..len].copy_from_slice(&self.stream[self.at..self.at + len]);
            self.at += len;
            Ok(len)
        }
    }

    /// The generator's way of reading, over any source.
    fn seqs(mut source: Pieces<'_>) -> Vec<u64> {
        let mut buffer = ReadBuffer::new();
        let (mut leftover, mut seqs) = (Vec::new(), Vec::new());
        while let Some(bytes) = buffer.read(&mut leftover, &mut source).unwrap() {
            let mut at = 0;
            while let Some(Frame { start, end, .. }) =
                next_frame(&bytes[at..], ReadBuffer::LONGEST_FRAME).unwrap()
            {
                if let Seen::Event { seq, .. } = scan(&bytes[at + start..at + end]) {
                    seqs.push(seq);
                }
                at += end;
            }
            leftover.extend_from_slice(&bytes[at..]);
        }
        assert!(leftover.is_empty(), "a whole stream leaves nothing");
        seqs
    }

    #[test]
    fn frames_split_at_every_byte_are_read_all_the_same() {
        let mut stream = Vec::new();
        for seq in 1..=3u64 {
            let content = "x".repeat(seq as usize * 60);
            let event = format!(
                r#"{{"type":"message","room_id":5,"seq":{seq},"message":{{"content":"{content}"}}}}"#
            );
            push_server_text(&mut stream, event.as_bytes());
        }
        let whole = seqs(Pieces { stream: &stream, at: 0, cuts: Vec::new() });
        assert_eq!(whole, [1, 2, 3]);
        for cut in 1..stream.len() {
            assert_eq!(seqs(Pieces { stream: &stream, at: 0, cuts: vec![cut] }), whole, "cut at {cut}");
        }
        let everywhere = (1..stream.len()).collect();
        assert_eq!(seqs(Pieces { stream: &stream, at: 0, cuts: everywhere }), whole);
    }

    #[test]
    fn nothing_is_forgotten_when_there_is_nothing_to_read() {
        struct Blocked;
        impl Read for Blocked {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
        let mut leftover = b"half".to_vec();
        let mut buffer = ReadBuffer::new();
        assert_eq!(buffer.read(&mut leftover, Blocked).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(leftover, b"half");
        assert_eq!(buffer.read(&mut leftover, b" a frame".as_slice()).unwrap().unwrap(), b"half a frame");
    }
}
