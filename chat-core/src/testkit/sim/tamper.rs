//! Frames that are spoilt on their way to a client, to show that the checker finds out.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{frame::Seen, witness::Logs};
use crate::{
    event::EventBody,
    model::{RoomId, Seq, UserId},
};

/// How frames are spoilt before a client sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests choose one")]
pub enum Tampering {
    /// An event is left out.
    Drop,
    /// An event comes twice.
    Double,
    /// Two events of a room change places.
    Swap,
    /// From somewhere on, a room's events do not come any more.
    LoseTail,
    /// A gap ends one position early.
    WrongGap,
    /// A user who was removed is given the next event all the same.
    AfterRemoval,
    /// An event of a room that the user was never in.
    Foreign,
    /// A message says something else.
    Misquote,
    /// An edited message comes as it was before the edit.
    OldVersion,
    /// An acknowledgement names the position after the right one.
    WrongAck,
    /// A command is answered twice.
    TwoAnswers,
    /// A command is not answered.
    NoAnswer,
}

#[derive(Debug)]
pub(super) struct Tamper {
    how: Option<Tampering>,
    met: Arc<AtomicU64>,
    logs: Arc<Mutex<Logs>>,
    user: UserId,
    count: u64,
    held: Option<Seen>,
    removed: BTreeMap<RoomId, Seq>,
}

impl Tamper {
    pub(super) fn new(
        how: Option<Tampering>,
        met: Arc<AtomicU64>,
        logs: Arc<Mutex<Logs>>,
        user: UserId,
    ) -> Self {
        Self { how, met, logs, user, count: 0, held: None, removed: BTreeMap::new() }
    }

    /// A new connection: nothing is held back over its beginning.
    pub(super) fn reset(&mut self) {
        self.held = None;
        self.removed.clear();
    }

    fn met(&self) {
        self.met.fetch_add(1, Ordering::Relaxed);
    }

    /// What the client sees of a frame.
    pub(super) fn pass(&mut self, seen: Seen) -> Vec<Seen> {
        let Some(how) = self.how else { return vec![seen] };
        let is_event = seen.event().is_some();
        self.count += u64::from(is_event);
        let now = is_event && self.count.is_multiple_of(7);
        match how {
            Tampering::Drop if now => {
                self.met();
                return Vec::new();
            }
            Tampering::Double if now => {
                self.met();
                return vec![seen.clone(), seen];
            }
            Tampering::Swap => return self.swap(seen, now),
            Tampering::LoseTail if is_event && self.count > 20 => {
                self.met();
                return Vec::new();
            }
            Tampering::AfterRemoval => return self.go_on(seen),
            Tampering::Foreign if now => {
                if let Some(foreign) = self.foreign() {
                    self.met();
                    return vec![seen, foreign];
                }
            }
            _ => return self.alter(how, seen, now),
        }
        vec![seen]
    }

    fn swap(&mut self, seen: Seen, now: bool) -> Vec<Seen> {
        let room = |seen: &Seen| seen.event().map(|event| event.room);
        match self.held.take() {
            Some(held) if room(&held) == room(&seen) => {
                self.met();
                vec![seen, held]
            }
            Some(held) => vec![held, seen],
            None if now => {
                self.held = Some(seen);
                Vec::new()
            }
            None => vec![seen],
        }
    }

    fn go_on(&mut self, seen: Seen) -> Vec<Seen> {
        if let Some((room, seq)) = seen.removal_of(&self.user) {
            self.removed.insert(room, seq);
        }
        let mut all = vec![seen];
        let logs = self.logs.lock();
        let before = self.removed.len();
        self.removed.retain(|room, seq| {
            let next = logs.get(room).and_then(|log| log.get(usize::try_from(seq.get()).unwrap_or(0)));
            if let Some(next) = next {
                all.push(Seen::Event(Box::new(next.event.clone())));
            }
            next.is_none()
        });
        drop(logs);
        if self.removed.len() < before {
            self.met();
        }
        all
    }

    fn foreign(&self) -> Option<Seen> {
        let logs = self.logs.lock();
        let is_here = |body: &EventBody| match body {
            EventBody::RoomCreated { members, .. } => members.iter().any(|member| member.user == self.user),
            EventBody::MemberJoined { member } => member.user == self.user,
            _ => false,
        };
        let log = logs.values().find(|log| !log.iter().any(|committed| is_here(&committed.event.body)))?;
        Some(Seen::Event(Box::new(log.last()?.event.clone())))
    }

    fn alter(&mut self, how: Tampering, mut seen: Seen, now: bool) -> Vec<Seen> {
        let mut times = 1;
        let altered = match (how, &mut seen) {
            (Tampering::WrongGap, Seen::Gap { from, to, .. }) if *from < *to => {
                *to = to.back(1);
                true
            }
            (Tampering::Misquote, Seen::Event(event)) if now => match &mut event.body {
                EventBody::Message { message } if !message.deleted => {
                    message.content.push('!');
                    true
                }
                _ => false,
            },
            (Tampering::OldVersion, Seen::Event(event)) => match &mut event.body {
                EventBody::MessageEdited { message } if message.version > 1 => {
                    message.version -= 1;
                    true
                }
                _ => false,
            },
            (Tampering::WrongAck, Seen::Ok { seq: Some(seq), .. }) => {
                *seq = seq.next();
                true
            }
            (Tampering::TwoAnswers, Seen::Ok { .. }) => {
                times = 2;
                true
            }
            (Tampering::NoAnswer, Seen::Ok { .. }) => {
                times = 0;
                true
            }
            _ => false,
        };
        if altered {
            self.met();
        }
        vec![seen; times]
    }
}
