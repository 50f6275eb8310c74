//! What readers have taken, and when it is all that is due to them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use chat_core::{Outlet, Wrote};
use tokio::sync::Notify;

/// The bytes that the readers of one room have taken together.
#[derive(Debug)]
pub(crate) struct Tally {
    taken: AtomicU64,
    due: AtomicU64,
    reached: Notify,
}

impl Tally {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { taken: AtomicU64::new(0), due: AtomicU64::new(u64::MAX), reached: Notify::new() })
    }

    /// So many bytes are due in all; to be said before the last of them can be taken.
    pub(crate) fn expect(&self, bytes: u64) {
        self.due.store(bytes, Ordering::SeqCst);
    }

    /// Waits until what is due was taken.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    fn took(&self, bytes: usize) {
        let taken = self.taken.fetch_add(bytes as u64, Ordering::SeqCst) + bytes as u64;
        let due = self.due.load(Ordering::SeqCst);
        assert!(taken <= due, "{taken} bytes were taken where {due} are due");
        if taken == due {
            self.reached.notify_one();
        }
    }
}

/// A transport that takes everything at once and keeps nothing.
#[derive(Debug)]
pub(crate) struct Reader {
    tally: Arc<Tally>,
    /// By this reader alone.
    taken: Arc<AtomicU64>,
}

impl Reader {
    /// A reader, and what it has taken.
    pub(crate) fn new(tally: &Arc<Tally>) -> (Box<Self>, Arc<AtomicU64>) {
        let taken = Arc::default();
        (Box::new(Self { tally: Arc::clone(tally), taken: Arc::clone(&taken) }), taken)
    }

    fn take(&self, bytes: usize) {
        // The engine calls an outlet once at a time: what another thread would need would only cost here.
        self.taken.store(self.taken.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
        self.tally.took(bytes);
    }
}

impl Outlet for Reader {
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        self.take(bytes.len());
        Ok(Wrote::All)
    }

    fn poll_write(&self, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
