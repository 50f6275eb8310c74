//! The state of a connection's way out: its outlet, and what waits while it cannot take more.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use super::{hot::Run, metrics, subscription::Subscription};
use crate::{Outlet, protocol::Close, signal::SignalKey};

/// The write side, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) outlet: Option<Box<dyn Outlet>>,
    /// A drain (or the pull side) is at it: nobody else writes.
    pub(crate) draining: bool,
    /// Nothing is written any more.
    pub(crate) dead: bool,
    pub(crate) close: Option<Close>,
    /// What a healthy connection does not need.
    pub(crate) wait: Option<Box<Wait>>,
}

/// What waits for a connection that is not idle.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// The rest of what was begun: it goes before everything else.
    pub(crate) rest: Vec<u8>,
    /// The subscription whose frame `rest` ends.
    pub(crate) rest_of: Option<Arc<Subscription>>,
    /// Answers and notices, as frames.
    pub(crate) replies: Run,
    /// Bytes of them that do not count for what should have been read.
    pub(crate) large: usize,
    /// Latest signals by key, encoded, oldest first by number.
    pub(crate) signals: HashMap<SignalKey, (u64, Arc<[u8]>)>,
    pub(crate) signal_number: u64,
    /// Subscriptions that are behind.
    pub(crate) behind: VecDeque<Arc<Subscription>>,
    /// Who waits for something to wait here.
    pub(crate) waker: Option<Waker>,
}

impl Out {
    pub(crate) fn wait(&mut self) -> &mut Wait {
        self.wait.get_or_insert_default()
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.wait.as_mut().and_then(|wait| wait.waker.take()) {
            waker.wake();
        }
    }

    pub(crate) fn queue(&mut self, sub: &Arc<Subscription>) {
        if !sub.queued.swap(true, Ordering::Relaxed) {
            self.wait().behind.push_back(Arc::clone(sub));
        }
        self.wake();
    }
}

impl Wait {
    /// Bytes of answers that the client should have read.
    pub(super) fn counted(&self) -> usize {
        self.replies.bytes.len().saturating_sub(self.large)
    }

    /// Whether another large answer may wait here: of those before it no more than `bound` does.
    pub(super) fn is_light(&self, bound: usize) -> bool {
        self.large + self.rest.len() <= bound
    }

    /// Keeps the latest signal of a key; of too many keys the one that waits longest goes.
    pub(super) fn keep(&mut self, key: &SignalKey, bytes: &Arc<[u8]>, max: usize) {
        self.signal_number += 1;
        let signal = (self.signal_number, Arc::clone(bytes));
        if self.signals.insert(key.clone(), signal).is_some() || self.signals.len() <= max {
            return;
        }
        let oldest = self.signals.iter().min_by_key(|(_, (number, _))| *number).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.signals.remove(&oldest);
            metrics::signal_dropped(oldest.kind());
        }
    }
}
