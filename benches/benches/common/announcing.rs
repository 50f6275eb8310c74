//! The wire format of a room that is watched.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chat_core::{
    Event, People, Signal, WireFormat,
    protocol::{ClientFrame, FrameError, ServerFrame},
};

use crate::{events_only::EventsOnly, tally::Tally};

/// [`EventsOnly`] of one room, which tells the tally what is due once it has encoded the last of a window: a frame's
/// length is not known before, and nobody can take it before either.
#[derive(Debug)]
pub(crate) struct Announcing {
    tally: Arc<Tally>,
    readers: u64,
    bytes: AtomicU64,
    /// Events of the window that are not encoded yet.
    left: AtomicU64,
}

impl Announcing {
    pub(crate) fn new(readers: usize) -> Self {
        Self {
            tally: Tally::new(),
            readers: readers as u64,
            bytes: AtomicU64::new(0),
            left: AtomicU64::new(0),
        }
    }

    /// So many events are about to be said.
    pub(crate) fn expect(&self, events: usize) {
        self.tally.expect(u64::MAX);
        self.left.store(events as u64, Ordering::SeqCst);
    }

    /// What its readers have taken.
    pub(crate) const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Bytes that each of them is due since the beginning.
    pub(crate) fn said(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

impl WireFormat for Announcing {
    fn name(&self) -> &'static str {
        EventsOnly.name()
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let start = out.len();
        EventsOnly.event(event, people, out);
        let added = (out.len() - start) as u64;
        let bytes = self.bytes.fetch_add(added, Ordering::SeqCst) + added;
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.tally.expect(bytes * self.readers);
        }
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        EventsOnly.signal(signal, people, out);
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        EventsOnly.frame(frame, out);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        EventsOnly.decode(frame)
    }
}
