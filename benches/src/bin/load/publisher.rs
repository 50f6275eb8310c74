//! One connection's publishing.

use chat_benches::{Opcode, push_client_frame, push_digits, push_stamped};

/// Where an error does not say when to go on.
const PAUSE_NS: u64 = 100_000_000;

#[derive(Debug)]
pub(crate) struct Publisher {
    /// Publishes so far; the newest one's `id` and `client_id`.
    sent: u64,
    /// Those without an answer.
    pub(crate) outstanding: u32,
    /// Not before this time, since a publish was refused.
    paused_until: u64,
    mask: u32,
}

impl Publisher {
    pub(crate) fn new(seed: u32) -> Self {
        // xorshift never leaves zero.
        Self { sent: 0, outstanding: 0, paused_until: 0, mask: seed | 1 }
    }

    pub(crate) fn may(&self, now: u64, outstanding_max: u32) -> bool {
        self.outstanding < outstanding_max && now >= self.paused_until
    }

    /// Appends a publish stamped with `at`.
    pub(crate) fn push(
        &mut self,
        out: &mut Vec<u8>,
        scratch: &mut Vec<u8>,
        room: u64,
        content: usize,
        at: u64,
    ) {
        self.sent += 1;
        self.outstanding += 1;
        scratch.clear();
        scratch.extend_from_slice(br#"{"type":"send","id":""#);
        push_digits(scratch, self.sent);
        scratch.extend_from_slice(br#"","room_id":"#);
        push_digits(scratch, room);
        scratch.extend_from_slice(br#","content":""#);
        push_stamped(scratch, content, at);
        scratch.extend_from_slice(br#"","client_id":""#);
        push_digits(scratch, self.sent);
        scratch.extend_from_slice(br#""}"#);
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        push_client_frame(out, Opcode::Text, scratch, self.mask.to_ne_bytes());
    }

    /// Takes the answer to publish `id`; false where there is nothing to answer.
    pub(crate) fn answered(&mut self, id: u64) -> bool {
        let known = (1..=self.sent).contains(&id) && self.outstanding > 0;
        self.outstanding -= u32::from(known);
        known
    }

    /// Takes a refusal: nothing more for a while.
    pub(crate) fn pause(&mut self, now: u64, retry_after_ms: Option<u64>) {
        let pause = retry_after_ms.map_or(PAUSE_NS, |ms| ms.min(60_000) * 1_000_000);
        self.paused_until = self.paused_until.max(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use chat_benches::{StampFinder, next_frame, unmask};

    use super::*;

    #[test]
    fn a_publish_is_a_masked_send() {
        let mut publisher = Publisher::new(7);
        let (mut out, mut scratch) = (Vec::new(), Vec::new());
        publisher.push(&mut out, &mut scratch, 5, 128, 42);
        let frame = next_frame(&out, 1_000).unwrap().unwrap();
        unmask(&mut out[frame.start..frame.end], frame.mask.unwrap());
        let json: serde_json::Value = serde_json::from_slice(&out[frame.start..]).unwrap();
        assert_eq!(
            (&json["type"], &json["id"], &json["client_id"]),
            (&"send".into(), &"1".into(), &"1".into())
        );
        assert_eq!(json["room_id"], 5);
        assert_eq!(json["content"].as_str().unwrap().len(), 128);
        assert_eq!(StampFinder::new().find(&out), Some(42));
    }

    #[test]
    fn a_window_opens_with_answers_and_closes_with_refusals() {
        let mut publisher = Publisher::new(7);
        publisher.push(&mut Vec::new(), &mut Vec::new(), 5, 128, 42);
        assert!(!publisher.may(0, 1) && publisher.may(0, 2));
        assert!(!publisher.answered(2), "never sent");
        assert!(publisher.answered(1) && publisher.may(0, 1));
        assert!(!publisher.answered(1), "answered twice");
        publisher.pause(0, Some(5));
        assert!(!publisher.may(4_999_999, 1) && publisher.may(5_000_000, 1));
    }
}
