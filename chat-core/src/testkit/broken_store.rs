//! Stores that are wrong, to show that a checker finds out.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::forward::prelude::*;
use crate::{
    event::EventBody,
    model::{Message, MessageId},
    store::{ChangeBody, NewMessage},
};

/// What is wrong with a [`BrokenStore`]. Flaws of pages are at every position that `every` divides, so that all
/// readers meet the same ones; no transport or bus is at fault, and no error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests choose one")]
pub enum Flaw {
    /// Pages of events leave one out.
    Missing,
    /// Pages of events have one twice in a row.
    Doubled,
    /// Pages of events have one before its predecessor.
    Swapped,
    /// Pages of events are contiguous, and one says again what its predecessor says.
    Echoed,
    /// Pages of events are contiguous, and one and its predecessor say what the other should.
    Mixed,
    /// A send is answered as applied and never stored; here every so many sends.
    FalseAck,
}

/// A store around a sound one, with a [`Flaw`].
pub struct BrokenStore<S: ?Sized> {
    inner: Arc<S>,
    flaw: Flaw,
    every: u64,
    sends: AtomicU64,
    met: AtomicU64,
}

impl<S: Store + ?Sized> BrokenStore<S> {
    /// Wraps a store. `every` is at least 1.
    #[must_use]
    pub const fn new(inner: Arc<S>, flaw: Flaw, every: u64) -> Self {
        let every = if every == 0 { 1 } else { every };
        Self { inner, flaw, every, sends: AtomicU64::new(0), met: AtomicU64::new(0) }
    }

    /// How often the flaw has shown: where it has not, a checker had nothing to find.
    #[must_use]
    pub fn times_met(&self) -> u64 {
        self.met.load(Ordering::Relaxed)
    }

    async fn pass<T>(
        &self,
        _: Kind,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        call.await
    }

    async fn events_through(
        &self,
        room: RoomId,
        after: Seq,
        limit: EventLimit,
    ) -> Result<EventPage, StoreError> {
        let mut page = self.inner.events(room, after, limit).await?;
        let flawed = |event: &Event| event.seq.get().is_multiple_of(self.every);
        let places: Vec<_> = (0..page.events.len()).filter(|at| flawed(&page.events[*at])).collect();
        // Backwards, so that what is put in or taken out moves none of the places that are left.
        for at in places.into_iter().rev() {
            if self.spoil(&mut page.events, at) {
                self.met.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(page)
    }

    fn spoil(&self, events: &mut Vec<Event>, at: usize) -> bool {
        match self.flaw {
            Flaw::Missing => {
                events.remove(at);
            }
            Flaw::Doubled => events.insert(at, events[at].clone()),
            Flaw::Swapped if at > 0 => events.swap(at - 1, at),
            Flaw::Echoed if at > 0 => events[at] = placed(events[at - 1].clone(), events[at].seq),
            Flaw::Mixed if at > 0 => {
                let (before, here) = (events[at - 1].clone(), events[at].clone());
                events[at - 1] = placed(here, before.seq);
                events[at] = placed(before, events[at].seq);
            }
            _ => return false,
        }
        true
    }

    /// Commits what is not to be forged, and forges the answers to the rest.
    async fn commit_through(
        &self,
        changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let mut forged = BTreeMap::new();
        let mut honest = Vec::new();
        for (index, change) in changes.into_iter().enumerate() {
            if self.is_forged(&change) {
                forged.insert(index, change);
            } else {
                honest.push(change);
            }
        }
        if forged.is_empty() {
            return holds.commit(&*self.inner, honest).await;
        }
        let mut answers =
            if honest.is_empty() { Vec::new() } else { holds.commit(&*self.inner, honest).await? };
        for (index, change) in forged {
            let answer = self.forge(change).await?;
            answers.insert(index.min(answers.len()), answer);
        }
        Ok(answers)
    }

    fn is_forged(&self, change: &Change) -> bool {
        self.flaw == Flaw::FalseAck
            && matches!(change.body, ChangeBody::Send(_))
            && (self.sends.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.every)
    }

    async fn forge(&self, change: Change) -> Result<Result<Outcome, Refusal>, StoreError> {
        let (Some(room), ChangeBody::Send(new)) = (change.room, change.body) else {
            return Ok(Ok(Outcome::Unchanged));
        };
        let Some(head) = self.inner.heads(&[room]).await?.first().map(|head| head.head) else {
            return Ok(Err(Refusal::RoomNotFound));
        };
        self.met.fetch_add(1, Ordering::Relaxed);
        Ok(Ok(Outcome::Applied(forged(room, head.next(), change.at, change.actor.user().cloned(), new))))
    }
}

forward_store!(BrokenStore);

/// The event at another position.
fn placed(mut event: Event, seq: Seq) -> Event {
    event.seq = seq;
    if let EventBody::Message { message } = &mut event.body {
        message.seq = seq;
    }
    event
}

/// What would have been stored.
fn forged(room: RoomId, seq: Seq, at: Timestamp, actor: Option<UserId>, new: NewMessage) -> Event {
    let id = i64::try_from(seq.get()).ok().and_then(MessageId::new);
    let message = Message {
        id: id.unwrap_or_else(|| MessageId::new(1).expect("1 is an id")),
        room_id: room,
        seq,
        sender: actor.clone(),
        kind: new.kind,
        content: new.content,
        at,
        edited_at: None,
        version: 1,
        deleted: false,
        reply_to: new.reply_to,
        thread: new.thread,
        mentions: new.mentions,
        attachments: Vec::new(),
        metadata: new.metadata,
    };
    Event { room, seq, at, actor, client_id: Some(new.client_id), body: EventBody::Message { message } }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for BrokenStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokenStore")
            .field("flaw", &self.flaw)
            .field("every", &self.every)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
