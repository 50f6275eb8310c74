//! The engine: rooms' logs, who is given what, and the calls of users and of the host.

mod after;
mod answers;
mod baton;
mod blocks;
mod builder;
mod calls;
mod commands;
mod connection;
mod consent;
mod deliveries;
mod direct;
mod farewell;
mod feed;
mod guarded;
mod held;
mod hot;
mod in_turn;
mod intake;
mod lookout;
mod metrics;
mod naming;
mod out;
mod passages;
mod presence;
mod pump;
mod receipts;
mod registry;
mod repair;
mod replies;
mod room;
mod room_log;
mod rooms_feed;
mod session;
mod signalling;
mod subscribing;
mod subscription;
mod typing;
mod users;
mod validate;
mod welcome;
mod writer;

/// What [`baton`] is built of, so that a test can build it of what it controls.
mod sync {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicUsize},
};

use parking_lot::RwLock;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use builder::{BuildError, EngineBuilder};
pub use calls::{
    AsHost, AsUser, AuditPage, CreateRoom, Created, ListReports, ReportPage, Search, SentMessage, UserView,
};
pub use deliveries::{Batch, Deliveries};
#[cfg(feature = "testkit")]
pub(crate) use room_log::{Heard, RoomLog};
pub use session::{Busy, Commands, ConnectOptions, Connected};

use crate::{
    bus::Bus,
    clock::Clock,
    error::{Error, ErrorCode},
    hooks::Host,
    limits::Limits,
    people::People,
    store::{Store, StoreError, StoreErrorKind},
};

/// A chat engine: cheap to clone, ended by [`Engine::shutdown`] or by dropping the last clone.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
    _last: Arc<LastClone>,
}

/// Ends the engine's tasks when the host has dropped its last handle.
#[derive(Debug)]
struct LastClone(CancellationToken, CancellationToken);

impl Drop for LastClone {
    fn drop(&mut self) {
        self.0.cancel();
        self.1.cancel();
    }
}

/// What an engine is made of. Its own tasks hold it until they are cancelled.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) epoch: RwLock<Arc<str>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) link: Link,
    pub(crate) host: Host,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) rooms: registry::Registry,
    pub(crate) users: users::Users,
    pub(crate) presence: presence::Presence,
    pub(crate) recoveries: in_turn::InTurn<lookout::LostParts>,
    pub(crate) people: Arc<People>,
    pub(crate) nameless: naming::Nameless,
    pub(crate) claims: naming::ClaimsUnderWay,
    pub(crate) after: after::AfterHooks,
    pub(crate) writer: writer::Writer,
    pub(crate) hot_bytes: Arc<AtomicUsize>,
    pub(crate) catch_up_reads: Semaphore,
    pub(crate) tasks: TaskTracker,
    /// Ends everything but the lanes.
    pub(crate) cancel: CancellationToken,
    /// Ends the lanes, once nobody writes any more.
    pub(crate) lanes_end: CancellationToken,
}

/// The outgoing half of the bus.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) leases: Arc<dyn crate::bus::Leases>,
    pub(crate) quota: Arc<dyn crate::bus::Quota>,
}

impl Inner {
    /// Runs a task that the engine's end waits for.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Does something to its end though its caller goes away (an HTTP handler is dropped with its client): what was
    /// stored must be told too.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.spawn(work).await;
        done.unwrap_or_else(|_| Err(Error::new(ErrorCode::Internal, "the server failed at this")))
    }

    /// Bounds a read of the store in time, and counts its failures. A panic of the store's is one.
    pub(crate) async fn read<T>(
        &self,
        operation: &'static str,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        self.in_time(operation, StoreErrorKind::Unavailable, read).await
    }

    /// Bounds a write beside the logs in time, and counts its failures. One that is late may be stored, or still be.
    pub(crate) async fn put<T>(
        &self,
        operation: &'static str,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        let put = self.in_time(operation, StoreErrorKind::Unknown, write).await;
        put.map_err(|error| match error.code() {
            // There is no `client_id` to repeat it with, and no need of one.
            ErrorCode::OutcomeUnknown => error.with_message("the store's answer was lost; it may be stored"),
            _ => error,
        })
    }

    async fn in_time<T>(
        &self,
        operation: &'static str,
        late: StoreErrorKind,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        let failed = || StoreError::new(late, operation);
        let call = guarded::caught(guarded::STORE, call);
        let result = match tokio::time::timeout(self.limits.store_timeout, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(panicked)) => Err(failed().with_source(panicked)),
            Err(elapsed) => Err(failed().with_source(elapsed)),
        };
        result.map_err(|error| {
            metrics::store_failed(&error);
            tracing::warn!(%error, operation, "store failed");
            error.into()
        })
    }

    pub(crate) fn epoch(&self) -> Arc<str> {
        Arc::clone(&self.epoch.read())
    }

    /// What everyone is told once the engine is shutting down.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(ErrorCode::Unavailable, "the engine is shutting down"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
