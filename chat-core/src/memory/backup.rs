//! A memory store as it was, for tests of what follows when a database is put back.

use parking_lot::Mutex;

use super::MemoryStore;

impl MemoryStore {
    /// What it holds now, to be put back by [`MemoryStore::restore`].
    pub(crate) fn backup(&self) -> Self {
        Self { state: Mutex::new(self.state.lock().clone()) }
    }

    /// Holds what `backup` does, and nothing that was stored since.
    pub(crate) fn restore(&self, backup: &Self) {
        let state = backup.state.lock().clone();
        *self.state.lock() = state;
    }
}
