//! What was sent, over all connections, against what is stored.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, history::RoomHistory};
use crate::model::{ClientId, RoomId, Seq, UserId};

/// One send, and what its sender was told.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) user: UserId,
    pub(super) room: RoomId,
    pub(super) client_id: ClientId,
    pub(super) content: String,
    /// The first under its key.
    pub(super) is_first: bool,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Stored {
        seq: Seq,
        repeat: bool,
    },
    /// Stored or not.
    Unknown,
    /// Refused, since something else is stored under the key.
    Mismatch,
    /// Refused, and not stored by this attempt.
    Refused,
}

type Key = (RoomId, UserId, ClientId);

pub(super) fn check(attempts: &[Attempt], rooms: &BTreeMap<RoomId, RoomHistory>, found: &mut Findings) {
    let mut by_key: BTreeMap<Key, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        let key = (attempt.room, attempt.user.clone(), attempt.client_id.clone());
        by_key.entry(key).or_default().push(attempt);
    }
    for (key, attempts) in &by_key {
        check_key(key, attempts, rooms, found);
    }
    for (room, history) in rooms {
        for ((user, client_id), places) in &history.keys {
            if !by_key.contains_key(&(*room, user.clone(), client_id.clone())) {
                found.add(format!("G4: room {room}: {user} never sent {client_id}, stored at {places:?}"));
            }
        }
    }
}

fn check_key(key: &Key, attempts: &[&Attempt], rooms: &BTreeMap<RoomId, RoomHistory>, found: &mut Findings) {
    let (room, user, client_id) = key;
    let none = Vec::new();
    let history = rooms.get(room);
    let places = history.and_then(|h| h.keys.get(&(user.clone(), client_id.clone()))).unwrap_or(&none);
    let mut wrong = |guarantee: &str, what: &str| {
        found.add(format!("{guarantee}: room {room}: {user} {client_id}: {what}: {places:?} {attempts:?}"));
    };
    if places.len() > 1 {
        wrong("G4", "stored more than once");
    }
    let text = places.first().and_then(|seq| history?.sent_text(*seq));
    let told: BTreeSet<Seq> = attempts
        .iter()
        .filter_map(|attempt| if let Answer::Stored { seq, .. } = attempt.answer { Some(seq) } else { None })
        .collect();
    if told.len() > 1 {
        wrong("G4", "repeats were answered differently");
    }
    for attempt in attempts {
        match attempt.answer {
            Answer::Stored { seq, .. } if !places.contains(&seq) => {
                wrong("G1", "acknowledged and not in the log");
            }
            Answer::Stored { .. } if text != Some(attempt.content.as_str()) => {
                wrong("G4", "acknowledged, and something else is stored");
            }
            Answer::Mismatch if text.is_none_or(|text| text == attempt.content) => {
                wrong("G4", "refused as another body, and it is the same or none is stored");
            }
            _ => {}
        }
    }
    let firsts = attempts
        .iter()
        .filter(|attempt| matches!(attempt.answer, Answer::Stored { repeat: false, .. }))
        .count();
    if firsts > 1 {
        wrong("G4", "more than one attempt was told to be the first");
    }
    let may_be =
        attempts.iter().any(|attempt| matches!(attempt.answer, Answer::Stored { .. } | Answer::Unknown));
    if !places.is_empty() && !may_be {
        wrong("G5", "every attempt was refused, and it is stored");
    }
    if text.is_some_and(|text| !attempts.iter().any(|attempt| attempt.content == text)) {
        wrong("G4", "stored with a body that was never sent");
    }
    if !attempts.first().is_none_or(|attempt| attempt.is_first) {
        wrong("log", "the first attempt is missing");
    }
}
