//! A store some of whose rooms someone else holds.

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use super::forward::prelude::*;

/// How long [`LogStore::commit_held`] waits here.
const PATIENCE: Duration = Duration::from_secs(2);

/// A store around another, in which a test holds rooms as another node or a transaction of the host would.
pub struct HeldStore<S: ?Sized> {
    inner: Arc<S>,
    held: Mutex<BTreeSet<RoomId>>,
    freed: Notify,
}

impl<S: Store + ?Sized> HeldStore<S> {
    /// Wraps a store; no room is held.
    #[must_use]
    pub fn new(inner: Arc<S>) -> Self {
        Self { inner, held: Mutex::default(), freed: Notify::new() }
    }

    /// Holds a room from now on.
    pub fn hold(&self, room: RoomId) {
        self.held.lock().insert(room);
    }

    /// Lets a room go.
    pub fn free(&self, room: RoomId) {
        self.held.lock().remove(&room);
        self.freed.notify_waiters();
    }

    fn is_held(&self, change: &Change) -> bool {
        change.room.is_some_and(|room| self.held.lock().contains(&room))
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
        self.inner.events(room, after, limit).await
    }

    async fn commit_through(
        &self,
        changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        if holds == Holds::AreWaitedFor {
            // Whoever waits in vain finds out below.
            drop(timeout(PATIENCE, self.freed_all(&changes)).await);
        }
        let held: Vec<bool> = changes.iter().map(|change| self.is_held(change)).collect();
        let free = changes.into_iter().zip(&held).filter(|(_, held)| !**held).map(|(change, _)| change);
        let mut answers = self.inner.commit(free.collect()).await?.into_iter();
        let answer = |held: bool| if held { Some(Err(Refusal::Held)) } else { answers.next() };
        Ok(held.into_iter().filter_map(answer).collect())
    }

    /// Waits until none of the rooms is held.
    async fn freed_all(&self, changes: &[Change]) {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if !changes.iter().any(|change| self.is_held(change)) {
                return;
            }
            freed.await;
        }
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for HeldStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldStore").field("held", &*self.held.lock()).finish_non_exhaustive()
    }
}

forward_store!(HeldStore);
