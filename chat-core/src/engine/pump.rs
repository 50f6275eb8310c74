//! The pump of a room: gives what was appended to everyone whose connection is idle.
//!
//! There is at most one at a time for a room, and none while nothing happens. It looks at the head again for each
//! chunk, so that batches form by themselves under load, and goes to the back of the run queue before each, so that
//! it neither starves others nor is starved.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use super::{Inner, hot::Run, room::Room, subscription::Subscription};
use crate::{model::Seq, wire::WireFormat};

/// Subscriptions served between two looks at the head.
pub(crate) const CHUNK: usize = 64;

/// Makes sure that a pump is at it.
pub(crate) fn kick(room: &Arc<Room>, engine: &Arc<Inner>) {
    if room.baton.take() {
        let room = Arc::clone(room);
        engine.spawn(async move { pump(&room).await });
    }
}

async fn pump(room: &Arc<Room>) {
    let mut runs = Runs::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        BackOfQueue::default().await;
        round(room, &mut runs, &mut chunk).await;
        if room.baton.lay_down() {
            return;
        }
    }
}

/// Brings everyone idle to at least the head of the round's start.
async fn round(room: &Arc<Room>, runs: &mut Runs, chunk: &mut Vec<Arc<Subscription>>) {
    let after = Seq::new(room.baton.done());
    let start = room.head();
    if after >= start {
        return;
    }
    let mut from = 0;
    runs.forget();
    while room.chunk(from, CHUNK, chunk) {
        if from > 0 {
            BackOfQueue::default().await;
            runs.forget();
        }
        from += CHUNK;
        for sub in chunk.iter() {
            sub.give(runs.get(room, &sub.connection.format, after));
        }
    }
    chunk.clear();
    room.baton.did(start.get());
    room.receipts_due.store(true, Ordering::Relaxed);
}

/// The runs of a chunk, one for each wire format, copied once.
#[derive(Default)]
struct Runs {
    runs: Vec<(&'static str, Run)>,
    fresh: usize,
}

impl Runs {
    /// The next chunk copies anew, into the same buffers.
    fn forget(&mut self) {
        self.fresh = 0;
    }

    fn get(&mut self, room: &Room, format: &Arc<dyn WireFormat>, after: Seq) -> &Run {
        let name = format.name();
        if let Some(at) = self.runs[..self.fresh].iter().position(|(known, _)| *known == name) {
            return &self.runs[at].1;
        }
        if self.fresh == self.runs.len() {
            self.runs.push((name, Run::default()));
        }
        let (known, run) = &mut self.runs[self.fresh];
        *known = name;
        room.copy_round(&**format, after, run);
        self.fresh += 1;
        run
    }
}

/// Lets everything that is ready go first: wakes itself once. (`yield_now` may defer beyond that.)
#[derive(Default)]
pub(crate) struct BackOfQueue(bool);

impl Future for BackOfQueue {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
