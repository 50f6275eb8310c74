//! The sockets of a router, as its host sees them.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::Engine;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{live::Live, pulse::Pulse};

/// The sockets of one [`ChatRouter`](crate::ChatRouter): to count them, and to end them before the process ends.
///
/// axum's own graceful shutdown does not wait for upgraded connections; [`Sockets::shutdown`] does.
#[derive(Clone)]
pub struct Sockets(Arc<Inner>);

struct Inner {
    engine: Engine,
    tasks: TaskTracker,
    /// Those whose user is not known yet.
    waiting: AtomicUsize,
    /// Requests for one whose tokens are being looked at.
    looked_at: AtomicUsize,
    /// No new ones.
    closing: CancellationToken,
    pulse: Arc<Pulse>,
}

/// A place among the sockets that have not authenticated yet; free again when dropped.
#[derive(Debug)]
pub(super) struct Seat(Sockets);

/// A place among the requests whose tokens are being looked at; free again when dropped.
#[derive(Debug)]
pub(super) struct Look(Sockets);

impl Sockets {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self(Arc::new(Inner {
            engine: engine.clone(),
            tasks: TaskTracker::new(),
            waiting: AtomicUsize::new(0),
            looked_at: AtomicUsize::new(0),
            closing: CancellationToken::new(),
            pulse: Arc::new(Pulse::new(engine.limits())),
        }))
    }

    /// How many there are, those that are just opening or closing included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.tasks.len()
    }

    /// How many of them have not authenticated yet.
    #[must_use]
    pub fn unauthenticated_count(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Ends them and the engine: new ones are refused with 503, those without a user are closed with 1001, the
    /// engine is [shut down](Engine::shutdown), which tells the others when to come back, and what was acknowledged
    /// is kept. What is still open after `deadline` is cut off.
    ///
    /// To be called while requests are still served or after; the engine is not to be shut down apart.
    /// `true`: everything had ended in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let inner = &*self.0;
        inner.closing.cancel();
        inner.tasks.close();
        let sockets = tokio::time::timeout(deadline, inner.tasks.wait());
        let (engine, sockets) = futures::join!(inner.engine.shutdown(deadline), sockets);
        inner.pulse.end();
        if sockets.is_err() {
            tracing::warn!(open = self.count(), "sockets are cut off at the deadline of the shutdown");
        }
        engine && sockets.is_ok()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.0.closing.is_cancelled()
    }

    /// Waits until no socket is wanted any more that has no user.
    pub(super) async fn closing(&self) {
        self.0.closing.cancelled().await;
    }

    /// A place for one more socket without a user, where there is one.
    pub(super) fn seat(&self) -> Option<Seat> {
        let max = self.0.engine.limits().unauthenticated_max;
        take(&self.0.waiting, max).then(|| Seat(self.clone()))
    }

    /// A place for one more request whose tokens are to be looked at, where there is one.
    pub(super) fn look(&self) -> Option<Look> {
        let max = self.0.engine.limits().token_checks_max;
        take(&self.0.looked_at, max).then(|| Look(self.clone()))
    }

    pub(super) fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(socket);
    }

    /// From here on the connection is pinged, and ended when it is dead.
    pub(super) fn watch(&self, live: &Arc<Live>) {
        self.0.pulse.watch(live);
    }
}

/// One more, where there are fewer than `max`.
fn take(count: &AtomicUsize, max: usize) -> bool {
    let more = |count: usize| (count < max).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.0.looked_at.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("count", &self.count())
            .field("unauthenticated", &self.unauthenticated_count())
            .finish()
    }
}
