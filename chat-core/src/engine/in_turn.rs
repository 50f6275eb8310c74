//! Work that may come faster than it is done: one piece at a time, and all that comes meanwhile is the next.

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, MutexGuard};

/// What is to be done next, and whose turn it is.
#[derive(Debug)]
pub(crate) struct InTurn<T> {
    next: Mutex<Option<T>>,
    turn: Turn<()>,
}

impl<T> Default for InTurn<T> {
    fn default() -> Self {
        Self { next: Mutex::new(None), turn: Turn::new(()) }
    }
}

impl<T: Default> InTurn<T> {
    /// Adds to the next piece. `true`: nobody waits to do it yet, and the caller has to see that somebody does, by
    /// [`InTurn::begin`] in a task of its own. So there are never more than two: one at work, one waiting.
    #[must_use = "somebody has to do it"]
    pub(crate) fn add(&self, add: impl FnOnce(&mut T)) -> bool {
        let mut next = self.next.lock();
        let is_new = next.is_none();
        add(next.get_or_insert_default());
        is_new
    }

    /// Waits for the turn, and takes all that was added until then. The turn ends with what this gives, however it
    /// ends: what was added since is the next one's.
    pub(crate) async fn begin(&self) -> (MutexGuard<'_, ()>, T) {
        let turn = self.turn.lock().await;
        let piece = self.next.lock().take().unwrap_or_default();
        (turn, piece)
    }
}
