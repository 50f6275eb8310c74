//! What messages look like in Redis: a version, then JSON.
//!
//! `1{"from":"<node>","kind":"<kind>","body":…}`. A reader ignores fields that it does not know, takes a kind or an
//! event that it does not know for a loss on the topic, and a signal that it does not know for nothing. The files
//! in `tests/golden` are what was ever written; they stay readable.

mod signal;

use std::sync::Arc;

use chat_core::{
    Event, Signal,
    bus::Payload,
    model::{NodeId, RoomId, Seq, UserId},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::signal::WireSignal;

/// What a message begins with. A version is for what cannot be said by new fields and kinds.
const VERSION: u8 = b'1';

/// What is said between nodes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// What an engine published.
    Payload(Payload),
    /// Something published on this channel was lost on the way out.
    Lost,
    /// A node talks to itself through what everyone uses: so many times by now.
    Probe(u64),
    /// A node talks to itself behind its own subscriptions: so many times by now.
    Mark(u64),
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    /// Understood.
    Said { from: NodeId, said: Said },
    /// Not understood, and of no lasting meaning.
    Ignored,
    /// Not understood: it may have been anything.
    Unknown,
}

/// Writes messages of one node.
#[derive(Debug)]
pub(crate) struct Writer {
    /// What each of them begins with, up to and with the node.
    head: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(node: NodeId) -> Self {
        let mut head = vec![VERSION];
        head.extend_from_slice(format!("{{\"from\":\"{node}\",").as_bytes());
        Self { head }
    }

    /// A message; none where this build cannot say it.
    pub(crate) fn write(&self, said: &Said) -> Option<Vec<u8>> {
        match said {
            Said::Payload(Payload::Event(event)) => self.message("event", &**event),
            Said::Payload(Payload::Head(room_id, seq)) => {
                self.message("head", &Head { room_id: *room_id, seq: *seq })
            }
            Said::Payload(Payload::Signal(signal)) => self.message("signal", &WireSignal::of(signal)?),
            Said::Payload(Payload::RoomSet(user)) => self.message("room_set", &Who { user: user.clone() }),
            Said::Payload(Payload::Disconnect(user)) => {
                self.message("disconnect", &Who { user: user.clone() })
            }
            Said::Payload(Payload::Rights(user, room_id)) => {
                self.message("rights", &Rights { user: user.clone(), room_id: *room_id })
            }
            Said::Payload(Payload::Blocks(user)) => self.message("blocks", &Who { user: user.clone() }),
            Said::Payload(_) => None,
            Said::Lost => self.message("lost", &Nothing {}),
            Said::Probe(count) => self.message("probe", &Count { count: *count }),
            Said::Mark(count) => self.message("mark", &Count { count: *count }),
        }
    }

    /// Whether a message is one of this node's, without reading it.
    pub(crate) fn is_own(&self, message: &[u8]) -> bool {
        message.starts_with(&self.head)
    }

    fn message(&self, kind: &str, body: &impl Serialize) -> Option<Vec<u8>> {
        let mut message = self.head.clone();
        message.extend_from_slice(b"\"kind\":\"");
        message.extend_from_slice(kind.as_bytes());
        message.extend_from_slice(b"\",\"body\":");
        serde_json::to_writer(&mut message, body).ok()?;
        message.push(b'}');
        Some(message)
    }
}

/// Reads a message.
pub(crate) fn read(message: &[u8]) -> Read {
    let Some((&VERSION, json)) = message.split_first() else { return Read::Unknown };
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(json) else { return Read::Unknown };
    let Some(from) = node(envelope.from) else { return Read::Unknown };
    let body = envelope.body.get();
    let said = match envelope.kind {
        "event" => parse::<Event>(body).map(|event| Said::Payload(Payload::Event(Arc::new(event)))),
        "head" => parse::<Head>(body).map(|head| Said::Payload(Payload::Head(head.room_id, head.seq))),
        "signal" => {
            let Some(signal) = parse::<WireSignal>(body) else { return Read::Ignored };
            Some(Said::Payload(Payload::Signal(Signal::from(signal))))
        }
        "room_set" => parse::<Who>(body).map(|who| Said::Payload(Payload::RoomSet(who.user))),
        "disconnect" => parse::<Who>(body).map(|who| Said::Payload(Payload::Disconnect(who.user))),
        "rights" => {
            parse::<Rights>(body).map(|rights| Said::Payload(Payload::Rights(rights.user, rights.room_id)))
        }
        "blocks" => parse::<Who>(body).map(|who| Said::Payload(Payload::Blocks(who.user))),
        "lost" => Some(Said::Lost),
        "probe" => parse::<Count>(body).map(|count| Said::Probe(count.count)),
        "mark" => parse::<Count>(body).map(|count| Said::Mark(count.count)),
        _ => None,
    };
    said.map_or(Read::Unknown, |said| Read::Said { from, said })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    from: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct Head {
    room_id: RoomId,
    seq: Seq,
}

#[derive(Serialize, Deserialize)]
struct Who {
    user: UserId,
}

#[derive(Serialize, Deserialize)]
struct Rights {
    user: UserId,
    room_id: RoomId,
}

#[derive(Serialize, Deserialize)]
struct Count {
    count: u64,
}

#[derive(Serialize)]
struct Nothing {}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json).ok()
}

fn node(text: &str) -> Option<NodeId> {
    u64::from_str_radix(text, 16).ok().map(NodeId)
}

#[cfg(test)]
mod tests;
