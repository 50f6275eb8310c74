//! What is counted.

use std::collections::BTreeMap;

use chat_benches::{Histogram, Verdict};

/// The figures of the measured time; what came before is cleared.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Events given to connections.
    pub(crate) deliveries: u64,
    /// Bytes read, frame headers and answers included.
    pub(crate) bytes: u64,
    /// Publishes acknowledged.
    pub(crate) acks: u64,
    /// Frames without a place in a log.
    pub(crate) signals: u64,
    /// Publishes left out since too many were outstanding (fixed rate only).
    pub(crate) held_back: u64,
    /// Nanoseconds from publish to delivery, of a sample.
    pub(crate) latency: Histogram,
}

impl Meter {
    pub(crate) fn clear(&mut self) {
        let mut latency = std::mem::take(&mut self.latency);
        latency.clear();
        *self = Self { latency, ..Self::default() };
    }
}

/// What went wrong, warm-up included. Lost events are counted at the end, from the cursors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) repeated: u64,
    pub(crate) out_of_order: u64,
    /// `gap` frames: allowed, but they mean that a reader fell behind.
    pub(crate) gaps: u64,
    /// Events they left out.
    pub(crate) skipped: u64,
    /// Errors by code, and everything else that should not have come.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn judge(&mut self, verdict: Verdict) {
        match verdict {
            // A hole is counted at the end, when it is known whether it was filled.
            Verdict::Next | Verdict::Ahead => {}
            Verdict::Late => self.out_of_order += 1,
            Verdict::Repeat => self.repeated += 1,
        }
    }

    #[cold]
    pub(crate) fn error(&mut self, what: impl Into<String>) {
        *self.errors.entry(what.into()).or_default() += 1;
    }
}
