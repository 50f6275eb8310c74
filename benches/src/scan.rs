//! What a server's text frame means to the generator.
//!
//! Millions a second come as `{"type":"message","room_id":N,"seq":N,…`: those are read at known places. Everything else,
//! the same event with its keys in another order included, goes to a slow parse that is always right.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;

use crate::parse_digits;

/// What one frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A durable event of a room.
    Event {
        /// The room.
        room: u64,
        /// Its number in the room's log.
        seq: u64,
    },
    /// The answer to a send.
    Ok {
        /// The number the send went under.
        id: u64,
        /// Where it stands in the room's log, if the answer says so.
        seq: Option<u64>,
    },
    /// A refusal.
    Error {
        /// The number the refused frame went under, if it had one.
        id: Option<u64>,
        /// Why.
        code: String,
        /// When to try again.
        retry_after_ms: Option<u64>,
    },
    /// Events of a room that are left out.
    Gap {
        /// The room.
        room: u64,
        /// The first left out.
        from: u64,
        /// The last left out.
        to: u64,
    },
    /// The answer to `hello`.
    Welcome {
        /// The heads of the rooms subscribed.
        heads: Vec<(u64, u64)>,
    },
    /// Something without a place in a log: typing, presence, receipts.
    Signal,
    /// The end of the connection or of a subscription, or something unknown: its type.
    Other(String),
}

/// Room and seq of an event as a server words nearly all of them; `None` for everything [`scan`] has to look at.
#[inline]
#[must_use]
pub fn scan_event(payload: &[u8]) -> Option<(u64, u64)> {
    let rest = payload.strip_prefix(br#"{"type":"message","room_id":"#)?;
    let (room, rest) = number(rest)?;
    let (seq, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
    matches!(rest.first(), Some(b',' | b'}')).then_some((room, seq))
}

/// Reads one text frame, whatever it is.
#[must_use]
pub fn scan(payload: &[u8]) -> Seen {
    // Two numbers stay in registers; the enum would go through memory, which is more than half of the time a delivery costs here.
    if let Some((room, seq)) = scan_event(payload) {
        return Seen::Event { room, seq };
    }
    ok(payload).or_else(|| signal(payload)).unwrap_or_else(|| slow(payload))
}

fn ok(payload: &[u8]) -> Option<Seen> {
    let rest = payload.strip_prefix(br#"{"type":"ok","id":""#)?;
    let (id, rest) = number(rest)?;
    let (_room, rest) = number(rest.strip_prefix(br#"","room_id":"#)?)?;
    let (seq, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
    matches!(rest.first(), Some(b',' | b'}')).then_some(Seen::Ok { id, seq: Some(seq) })
}

fn signal(payload: &[u8]) -> Option<Seen> {
    let rest = payload.strip_prefix(br#"{"type":""#)?;
    let kinds: [&[u8]; 4] = [br#"receipt""#, br#"presence""#, br#"typing""#, br#"unread""#];
    kinds.iter().any(|kind| rest.starts_with(kind)).then_some(Seen::Signal)
}

#[inline]
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (value, len) = parse_digits(bytes)?;
    Some((value, &bytes[len..]))
}

/// Any frame of the protocol, as far as a generator cares.
#[derive(Deserialize)]
struct Loose<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    room_id: Option<u64>,
    seq: Option<u64>,
    code: Option<String>,
    retry_after_ms: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
    heads: Option<HashMap<String, u64>>,
}

#[cold]
fn slow(payload: &[u8]) -> Seen {
    let Ok(loose) = serde_json::from_slice::<Loose<'_>>(payload) else {
        return Seen::Other("unreadable".to_owned());
    };
    let id = loose.id.and_then(|id| id.parse().ok());
    match (&*loose.kind, id, loose.room_id, loose.seq) {
        ("ok", Some(id), _, seq) => Seen::Ok { id, seq },
        ("error", id, _, _) => {
            let code = loose.code.unwrap_or_else(|| "no code".to_owned());
            Seen::Error { id, code, retry_after_ms: loose.retry_after_ms }
        }
        ("welcome", ..) => {
            let heads = loose.heads.unwrap_or_default();
            Seen::Welcome {
                heads: heads.iter().filter_map(|(room, head)| Some((room.parse().ok()?, *head))).collect(),
            }
        }
        ("gap", _, Some(room), _) => match (loose.from, loose.to) {
            (Some(from), Some(to)) => Seen::Gap { room, from, to },
            _ => Seen::Other("gap".to_owned()),
        },
        ("typing" | "receipt" | "presence" | "unread" | "room_added" | "pong", ..) => Seen::Signal,
        // Every event has both, whatever its type; nothing else has.
        (_, _, Some(room), Some(seq)) => Seen::Event { room, seq },
        (kind, ..) => Seen::Other(kind.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_fast_and_slow_alike() {
        let fast = br#"{"type":"message","room_id":12,"seq":3456,"message":{"seq":9,"content":"\"seq\":7"}}"#;
        let reordered = br#"{"message":{"room_id":1,"seq":9},"seq":3456,"type":"message","room_id":12}"#;
        let spaced = br#"{ "type": "message", "room_id": 12, "seq": 3456 }"#;
        let shortest = br#"{"type":"message","room_id":12,"seq":3456}"#;
        let other = br#"{"type":"member_joined","room_id":12,"seq":3456,"member":{}}"#;
        assert!(scan_event(fast).is_some() && scan_event(shortest).is_some());
        assert!([reordered.as_slice(), spaced, other].iter().all(|payload| scan_event(payload).is_none()));
        for payload in [fast.as_slice(), reordered, spaced, shortest, other] {
            assert_eq!(scan(payload), Seen::Event { room: 12, seq: 3456 });
            assert_eq!(slow(payload), Seen::Event { room: 12, seq: 3456 });
        }
    }

    #[test]
    fn a_number_that_goes_on_is_not_cut_short() {
        let payload = br#"{"type":"message","room_id":1,"seq":12.5}"#;
        assert_eq!(scan_event(payload), None);
        assert_eq!(scan(payload), Seen::Other("unreadable".to_owned()));
    }

    #[test]
    fn an_answer_is_read_fast_and_slow_alike() {
        let fast = br#"{"type":"ok","id":"17","room_id":1,"seq":8,"message":{}}"#;
        let reordered = br#"{"id":"17","seq":8,"type":"ok","room_id":1}"#;
        assert!(ok(fast).is_some() && ok(reordered).is_none());
        for payload in [fast.as_slice(), reordered] {
            assert_eq!(scan(payload), Seen::Ok { id: 17, seq: Some(8) });
            assert_eq!(slow(payload), Seen::Ok { id: 17, seq: Some(8) });
        }
        assert_eq!(scan(br#"{"type":"ok","id":"1"}"#), Seen::Ok { id: 1, seq: None });
    }

    #[test]
    fn the_rest_of_the_protocol() {
        let error = br#"{"type":"error","id":"3","code":"rate_limited","message":"slow down","retryable":true,"retry_after_ms":40}"#;
        let code = "rate_limited".to_owned();
        assert_eq!(scan(error), Seen::Error { id: Some(3), code, retry_after_ms: Some(40) });
        assert_eq!(
            scan(br#"{"type":"gap","room_id":1,"from":5,"to":9}"#),
            Seen::Gap { room: 1, from: 5, to: 9 }
        );
        let welcome =
            br#"{"type":"welcome","user":{"id":"1"},"heads":{"7":42},"epoch":"x","rooms":[{"id":7}]}"#;
        assert_eq!(scan(welcome), Seen::Welcome { heads: vec![(7, 42)] });
        assert_eq!(scan(br#"{"type":"receipt","room_id":1,"user":"2","read":3}"#), Seen::Signal);
        assert_eq!(scan(br#"{"room_id":1,"type":"typing","user":"2"}"#), Seen::Signal);
        assert_eq!(scan(br#"{"type":"bye","reason":"shutdown"}"#), Seen::Other("bye".to_owned()));
        assert_eq!(scan(b"no json"), Seen::Other("unreadable".to_owned()));
    }
}
