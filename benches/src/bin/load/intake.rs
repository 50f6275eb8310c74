//! What a connection's bytes mean: the generator's own hot path.

use chat_benches::{
    Frame, Opcode, ReadBuffer, Seen, StampFinder, Verdict, next_frame, push_client_frame, scan, scan_event,
};

use crate::{
    meter::{Faults, Meter},
    room::Room,
    session::{Phase, Session},
};

#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) meter: Meter,
    pub(crate) faults: Faults,
    finder: StampFinder,
    /// Latency is taken of events whose seq has none of these bits.
    sample_mask: u64,
    /// Whether rooms count who has been given what.
    pub(crate) counts_spread: bool,
}

impl Intake {
    pub(crate) fn new(sample: u32) -> Self {
        Self {
            meter: Meter::default(),
            faults: Faults::default(),
            finder: StampFinder::new(),
            sample_mask: u64::from(sample.next_power_of_two()) - 1,
            counts_spread: false,
        }
    }

    /// Takes what a connection has read by `now`; returns how much of it is used up. The reason for which the connection
    /// is over is an error.
    pub(crate) fn take(
        &mut self,
        session: &mut Session,
        room: &mut Room,
        bytes: &[u8],
        now: u64,
    ) -> Result<usize, String> {
        let mut at = 0;
        if session.phase == Phase::Upgrading {
            at = session.upgraded(bytes)?;
            if at == 0 {
                return Ok(0);
            }
        }
        while let Some(Frame { opcode, start, end, mask }) =
            next_frame(&bytes[at..], ReadBuffer::LONGEST_FRAME).map_err(|error| error.to_string())?
        {
            let payload = &bytes[at + start..at + end];
            at += end;
            match opcode {
                _ if mask.is_some() => return Err("a masked frame".to_owned()),
                Opcode::Text => match scan_event(payload) {
                    Some((id, seq)) if id == room.id => self.event(session, room, payload, seq, now),
                    _ => self.answer(session, room, payload, now)?,
                },
                Opcode::Ping => push_client_frame(&mut session.out, Opcode::Pong, payload, [0; 4]),
                Opcode::Pong => {}
                Opcode::Close => return Err(closed(payload)),
            }
        }
        Ok(at)
    }

    #[inline]
    fn event(&mut self, session: &mut Session, room: &mut Room, payload: &[u8], seq: u64, now: u64) {
        let verdict = session.cursor.give(seq);
        if verdict != Verdict::Next {
            self.faults.judge(verdict);
        }
        if verdict == Verdict::Repeat {
            return;
        }
        self.meter.deliveries += 1;
        if seq & self.sample_mask == 0
            && let Some(at) = self.finder.find(payload)
        {
            self.meter.latency.record(now.saturating_sub(at));
        }
        if self.counts_spread {
            room.spread.note(seq);
        }
    }

    /// Takes everything but an event that was read fast.
    fn answer(
        &mut self,
        session: &mut Session,
        room: &mut Room,
        payload: &[u8],
        now: u64,
    ) -> Result<(), String> {
        match scan(payload) {
            Seen::Event { room: id, seq } if id == room.id => self.event(session, room, payload, seq, now),
            Seen::Ok { id, seq } => {
                if session.publisher.as_mut().is_some_and(|publisher| publisher.answered(id)) {
                    self.meter.acks += 1;
                    room.acked = room.acked.max(seq.unwrap_or(0));
                } else {
                    self.faults.error("an answer to nothing");
                }
            }
            Seen::Error { id, code, retry_after_ms } => {
                if let (Some(publisher), Some(id)) = (&mut session.publisher, id)
                    && publisher.answered(id)
                {
                    publisher.pause(now, retry_after_ms);
                    room.open = room.open.saturating_sub(1);
                }
                self.faults.error(code);
            }
            Seen::Gap { room: id, from, to } if id == room.id => {
                self.faults.gaps += 1;
                self.faults.skipped += session.cursor.skip(from, to);
                if self.counts_spread {
                    (from..=to).for_each(|seq| room.spread.note(seq));
                }
            }
            Seen::Welcome { heads } => {
                let head = heads.iter().find(|(id, _)| *id == room.id).map(|(_, head)| *head);
                session.cursor =
                    chat_benches::Cursor::at(head.ok_or("a welcome without the head of its room")?);
                session.phase = Phase::Live;
                room.live += 1;
            }
            Seen::Signal => self.meter.signals += 1,
            Seen::Event { .. } | Seen::Gap { .. } => self.faults.error("a frame of a room it is not in"),
            Seen::Other(kind) if kind == "unreadable" => {
                let start = String::from_utf8_lossy(&payload[..payload.len().min(80)]);
                self.faults.error(format!("unreadable: {start}"));
            }
            Seen::Other(kind) => self.faults.error(kind),
        }
        Ok(())
    }
}

/// A close frame's code and reason.
fn closed(payload: &[u8]) -> String {
    match payload {
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            format!("closed {code} {}", String::from_utf8_lossy(reason)).trim_end().to_owned()
        }
        _ => "closed without a code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chat_benches::{SAMPLE_ACCEPT, push_server_text};

    use super::*;
    use crate::publisher::Publisher;

    fn live() -> (Intake, Session, Room) {
        let mut intake = Intake::new(1);
        let publisher = Some(Box::new(Publisher::new(1)));
        let (mut session, mut room) = (Session::new(0, "token".to_owned(), publisher), Room::new(5));
        let mut bytes =
            format!("HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: {SAMPLE_ACCEPT}\r\n\r\n").into_bytes();
        push_server_text(&mut bytes, br#"{"type":"welcome","heads":{"4":1,"5":40}}"#);
        let used = intake.take(&mut session, &mut room, &bytes, 0).unwrap();
        assert_eq!((used, session.phase, room.live), (bytes.len(), Phase::Live, 1));
        assert!(!session.out.is_empty(), "said hello");
        session.out.clear();
        (intake, session, room)
    }

    fn events(seqs: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in seqs {
            let event = format!(
                r#"{{"type":"message","room_id":5,"seq":{seq},"message":{{"content":"@t:{:017}"}}}}"#,
                7
            );
            push_server_text(&mut bytes, event.as_bytes());
        }
        bytes
    }

    #[test]
    fn deliveries_are_counted_timed_and_checked() {
        let (mut intake, mut session, mut room) = live();
        let mut bytes = events(&[41, 42, 44, 43, 43, 47]);
        let whole = bytes.len();
        bytes.extend_from_slice(&events(&[48])[..20]);
        assert_eq!(intake.take(&mut session, &mut room, &bytes, 1_007), Ok(whole), "half a frame stays");
        assert_eq!(intake.meter.deliveries, 5, "a repeat is none");
        assert_eq!((intake.meter.latency.total(), intake.meter.latency.max()), (5, 1_000));
        assert_eq!((intake.faults.repeated, intake.faults.out_of_order), (1, 1));
        assert_eq!(session.cursor.missing(48), 3, "45, 46 and 48");
    }

    #[test]
    fn answers_and_the_rest_are_told_apart() {
        let (mut intake, mut session, mut room) = live();
        session.publisher.as_mut().unwrap().push(&mut Vec::new(), &mut Vec::new(), 5, 128, 0);
        let mut bytes = Vec::new();
        for frame in [
            r#"{"type":"ok","id":"1","room_id":5,"seq":41}"#,
            r#"{"type":"ok","id":"1","room_id":5,"seq":41}"#,
            r#"{"type":"error","code":"rate_limited","message":"slow down"}"#,
            r#"{"type":"presence","user":"1","status":"online"}"#,
            r#"{"type":"gap","room_id":5,"from":41,"to":50}"#,
            r#"{"type":"message","room_id":6,"seq":1}"#,
        ] {
            push_server_text(&mut bytes, frame.as_bytes());
        }
        bytes.extend_from_slice(b"\x89\x02hi");
        assert_eq!(intake.take(&mut session, &mut room, &bytes, 0), Ok(bytes.len()));
        assert_eq!((intake.meter.acks, room.acked, intake.meter.signals), (1, 41, 1));
        assert_eq!((intake.faults.gaps, intake.faults.skipped, session.cursor.last()), (1, 10, 50));
        let errors: Vec<_> = intake.faults.errors.iter().map(|(what, count)| (&**what, *count)).collect();
        assert_eq!(
            errors,
            [("a frame of a room it is not in", 1), ("an answer to nothing", 1), ("rate_limited", 1)]
        );
        assert_eq!(session.out, b"\x8A\x82\0\0\0\0hi", "a pong");
    }

    #[test]
    fn the_end_says_why() {
        let (mut intake, mut session, mut room) = live();
        let end = intake.take(&mut session, &mut room, b"\x88\x05\x11\x4Dbye", 0);
        assert_eq!(end, Err("closed 4429 bye".to_owned()));
        let mut refused = Session::new(0, String::new(), None);
        let end = intake.take(&mut refused, &mut room, b"HTTP/1.1 403 Forbidden\r\n\r\n", 0);
        assert_eq!(end, Err("no upgrade: HTTP/1.1 403 Forbidden".to_owned()));
    }
}
