//! Whose turn it is to work something off: at most one worker at a time, and nothing is left lying when it stops.
//!
//! Publishers append, then look at the flag; the worker clears the flag, then looks at the head: one of the two sees
//! the other. (Its test runs it in every order that threads may take.)

use super::sync::{AtomicBool, AtomicU64, Ordering};

/// Up to where there is something, up to where it is worked off, and whether someone is at it.
#[derive(Debug)]
pub(crate) struct Baton {
    taken: AtomicBool,
    head: AtomicU64,
    done: AtomicU64,
}

impl Baton {
    /// Everything up to `head` is worked off.
    pub(crate) fn new(head: u64) -> Self {
        Self { taken: AtomicBool::new(false), head: AtomicU64::new(head), done: AtomicU64::new(head) }
    }

    /// There is something up to `head`. Whoever has raised it calls [`Baton::take`] afterwards.
    pub(crate) fn raise(&self, head: u64) {
        self.head.store(head, Ordering::SeqCst);
    }

    /// Up to where there is something.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    /// Takes it; `false`: someone else is at it, and will see what was raised.
    pub(crate) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::SeqCst)
    }

    /// Up to where it is worked off.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Who holds it has worked it off up to `done`.
    pub(crate) fn did(&self, done: u64) {
        self.done.store(done, Ordering::SeqCst);
    }

    /// Lays it down; `false`: there is more by now, and the caller holds it still.
    pub(crate) fn lay_down(&self) -> bool {
        self.taken.store(false, Ordering::SeqCst);
        self.head() <= self.done() || !self.take()
    }
}
