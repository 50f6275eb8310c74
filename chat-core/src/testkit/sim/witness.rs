//! Who sees every commit, as it happens, beneath everything that fails.

use std::{collections::BTreeMap, fmt, future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::testkit::forward::prelude::*;

/// An event as it was committed, and when, since the simulation began.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) event: Event,
    pub(super) at: Duration,
}

/// The logs of all rooms as they were committed, whatever becomes of them later.
pub(super) type Logs = BTreeMap<RoomId, Vec<Committed>>;

/// A store around another one that writes down what is committed.
pub(super) struct Witness<S: ?Sized> {
    inner: Arc<S>,
    began: Instant,
    logs: Arc<Mutex<Logs>>,
}

impl<S: Store + ?Sized> Witness<S> {
    pub(super) fn new(inner: Arc<S>, began: Instant) -> Self {
        Self { inner, began, logs: Arc::default() }
    }

    pub(super) fn logs(&self) -> Arc<Mutex<Logs>> {
        Arc::clone(&self.logs)
    }

    async fn pass<T>(
        &self,
        _: Kind,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        call.await
    }

    async fn commit_through(
        &self,
        changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let answers = holds.commit(&*self.inner, changes).await?;
        let at = self.began.elapsed();
        let mut logs = self.logs.lock();
        for answer in &answers {
            if let Ok(Outcome::Applied(event)) = answer {
                logs.entry(event.room).or_default().push(Committed { event: event.clone(), at });
            }
        }
        drop(logs);
        Ok(answers)
    }

    async fn events_through(
        &self,
        room: RoomId,
        after: Seq,
        limit: EventLimit,
    ) -> Result<EventPage, StoreError> {
        self.inner.events(room, after, limit).await
    }
}

forward_store!(Witness);

impl<S: ?Sized> fmt::Debug for Witness<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}
