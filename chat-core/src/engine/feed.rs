//! What a connection that is not idle is given next: the one way from cursors to bytes, for the drain that pushes into
//! an outlet and for the pull side alike.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{Inner, connection::Connection, hot::Run, metrics, out::Out, subscription::Subscription};
use crate::{model::Seq, protocol::ServerFrame, store::EventLimit};

/// Bytes of one piece of a room's log.
const PIECE_BYTES: usize = 32 * 1024;

/// Bytes of one batch of the pull side.
pub(crate) const BATCH_BYTES: usize = 64 * 1024;

/// A page of catch-up.
const PAGE: EventLimit = EventLimit { events: 200, bytes: 64 * 1024 };

/// Between two reads of catch-up after one failed.
const READ_RETRY: Duration = Duration::from_millis(500);

/// Starts the task that gives a connection what waits for it, until it is level.
pub(crate) fn spawn_drain(connection: &Arc<Connection>) {
    let Some(engine) = connection.engine.upgrade() else { return };
    let connection = Arc::clone(connection);
    metrics::drain_started();
    engine.spawn(async move {
        let mut feed = Feed::default();
        std::future::poll_fn(|cx| feed.poll(&connection, cx, None)).await;
        metrics::drain_ended();
    });
}

/// Bytes for the pull side.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) frames: Run,
    /// What the frames bring which subscription to.
    pub(crate) marks: Vec<(Arc<Subscription>, Seq)>,
}

/// Why a feed stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing is left to give (an outlet's drain), or a batch is full or all there is (the pull side).
    Level,
    /// Nothing goes out any more.
    Dead,
}

type Read = Pin<Box<dyn Future<Output = Option<Run>> + Send>>;

/// One drain's or one pull side's state between its polls.
#[derive(Default)]
pub(crate) struct Feed {
    scratch: Run,
    page: Option<(Arc<Subscription>, Run)>,
    read: Option<(Arc<Subscription>, Read)>,
    /// Subscriptions that need the store after the one in `read`.
    unread: VecDeque<Arc<Subscription>>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("reading", &self.read.is_some()).finish_non_exhaustive()
    }
}

impl Feed {
    /// Gives what there is: into the outlet, or into `pulled`.
    pub(crate) fn poll(
        &mut self,
        connection: &Arc<Connection>,
        cx: &mut Context<'_>,
        mut pulled: Option<&mut Pulled>,
    ) -> Poll<Stop> {
        loop {
            self.poll_read(cx);
            let mut guard = connection.out.lock();
            let out = &mut *guard;
            if out.dead {
                return Poll::Ready(Stop::Dead);
            }
            if pulled.as_ref().is_some_and(|pulled| pulled.frames.bytes.len() >= BATCH_BYTES) {
                return Poll::Ready(Stop::Level);
            }
            if ready!(flush_begun(connection, out, cx, pulled.as_deref_mut())) {
                continue;
            }
            if out.close.is_some() {
                match (&pulled, &out.outlet) {
                    (Some(pulled), _) if !pulled.frames.bytes.is_empty() => return Poll::Ready(Stop::Level),
                    // Whether the last flush fails does not matter any more.
                    (None, Some(outlet)) => drop(ready!(outlet.poll_flush(cx))),
                    _ => {}
                }
                connection.die(out);
                return Poll::Ready(Stop::Dead);
            }
            let Some(sub) = self.next_sub(out) else {
                return self.level(connection, out, cx, pulled.as_deref());
            };
            let ended = match self.give(connection, out, &sub, cx, pulled.as_deref_mut()) {
                Given::Some | Given::Level => false,
                Given::Ended => true,
                Given::Blocked => return Poll::Pending,
                Given::Dead => return Poll::Ready(Stop::Dead),
            };
            drop(guard);
            if ended && let Some(engine) = connection.engine.upgrade() {
                engine.subscription_ended(&sub);
            }
        }
    }

    /// The subscription to serve next: the one a page was read for, else the one that waits longest.
    fn next_sub(&self, out: &mut Out) -> Option<Arc<Subscription>> {
        match &self.page {
            Some((sub, _)) => Some(Arc::clone(sub)),
            None => out.wait().behind.pop_front(),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) {
        if let Some((sub, read)) = &mut self.read
            && let Poll::Ready(page) = read.as_mut().poll(cx)
        {
            let sub = Arc::clone(sub);
            self.read = None;
            if let Some(page) = page {
                self.page = Some((sub, page));
            }
        }
        if self.read.is_none()
            && self.page.is_none()
            && let Some(sub) = self.unread.pop_front()
            && let Some(engine) = sub.connection.engine.upgrade()
        {
            let read: Read = Box::pin(read_page(engine, Arc::clone(&sub), sub.cursor()));
            self.read = Some((sub, read));
            self.poll_read(cx);
        }
    }

    /// Nothing waits: the drain ends once the transport has flushed, the pull side gives what it has or waits.
    fn level(
        &self,
        connection: &Connection,
        out: &mut Out,
        cx: &mut Context<'_>,
        pulled: Option<&Pulled>,
    ) -> Poll<Stop> {
        if let Some(pulled) = pulled {
            if !pulled.frames.bytes.is_empty() {
                return Poll::Ready(Stop::Level);
            }
            out.wait().waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Some(outlet) = &out.outlet else { return Poll::Ready(Stop::Dead) };
        match outlet.poll_flush(cx) {
            Poll::Ready(Ok(())) if self.read.is_none() => {
                out.draining = false;
                out.wait = None;
                Poll::Ready(Stop::Level)
            }
            Poll::Ready(Err(_)) => {
                connection.die(out);
                Poll::Ready(Stop::Dead)
            }
            Poll::Ready(Ok(())) | Poll::Pending => {
                out.wait().waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn give(
        &mut self,
        connection: &Arc<Connection>,
        out: &mut Out,
        sub: &Arc<Subscription>,
        cx: &mut Context<'_>,
        pulled: Option<&mut Pulled>,
    ) -> Given {
        let cursor = sub.cursor();
        let until = sub.until();
        // Read under `out`: what is appended later finds this drain at work, or the subscription out of the queue.
        let target = sub.room.head().min(until);
        if cursor >= target || sub.is_ended() {
            self.page = None;
            sub.queued.store(false, Ordering::Relaxed);
            return if cursor >= until && !sub.is_ended() { Given::Ended } else { Given::Level };
        }
        let behind = target.since(cursor);
        if behind > connection.bounds.gap_after {
            self.page = None;
            let to = target.back(connection.bounds.gap_keep);
            let gap = ServerFrame::Gap { room_id: sub.room.id, from: cursor.next(), to };
            out.wait().replies.push(|bytes| connection.format.frame(&gap, bytes));
            out.wait().behind.push_front(Arc::clone(sub));
            sub.set_cursor(to);
            metrics::gap_told();
            return Given::Some;
        }
        let from_page =
            self.page.as_ref().is_some_and(|(_, page)| page.after <= cursor && cursor < page.last());
        if !from_page {
            self.page = None;
            let hot = sub.room.copy_hot(&*connection.format, cursor, target, PIECE_BYTES, &mut self.scratch);
            if !hot || self.scratch.ends.is_empty() {
                self.unread.push_back(Arc::clone(sub));
                return Given::Some;
            }
        }
        let run = self.page.as_ref().map_or(&self.scratch, |(_, page)| page);
        let end = run.last().min(target);
        let slice = run.slice(cursor, end);
        if let Some(pulled) = pulled {
            let base = u32::try_from(pulled.frames.bytes.len()).unwrap_or(u32::MAX);
            let start = u32::try_from(run.start_of(cursor)).unwrap_or(u32::MAX);
            let first = usize::try_from(cursor.since(run.after)).unwrap_or(usize::MAX);
            let count = usize::try_from(end.since(cursor)).unwrap_or(usize::MAX);
            pulled.frames.bytes.extend_from_slice(slice);
            pulled.frames.ends.extend(run.ends[first..first + count].iter().map(|e| base + (e - start)));
            pulled.marks.push((Arc::clone(sub), end));
            sub.set_cursor(end);
        } else if slice.is_empty() {
            sub.set_cursor(end);
            sub.set_written_late(end);
        } else {
            let Some(outlet) = &out.outlet else { return Given::Dead };
            match outlet.poll_write(cx, slice) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    let (at, rest) = if n == slice.len() { (end, &[][..]) } else { run.cut(cursor, n) };
                    let wait = out.wait.get_or_insert_default();
                    sub.set_cursor(at);
                    if rest.is_empty() {
                        sub.set_written_late(at);
                    } else {
                        wait.rest.extend_from_slice(rest);
                        wait.rest_of = Some(Arc::clone(sub));
                        sub.set_written_late(at.back(1));
                    }
                }
                Poll::Ready(_) => {
                    connection.die(out);
                    return Given::Dead;
                }
                Poll::Pending => {
                    if self.page.is_none() {
                        out.wait().behind.push_front(Arc::clone(sub));
                    }
                    // A connection that does not read keeps no copy of the room's log.
                    self.scratch = Run::default();
                    return Given::Blocked;
                }
            }
        }
        match &self.page {
            Some((_, page)) if sub.cursor() < page.last() => {}
            _ => {
                self.page = None;
                out.wait().behind.push_back(Arc::clone(sub));
            }
        }
        Given::Some
    }
}

/// What became of one subscription's turn.
enum Given {
    Some,
    Level,
    Ended,
    Blocked,
    Dead,
}

/// Brings on its way what goes before events. `true`: something went, look again.
fn flush_begun(
    connection: &Connection,
    out: &mut Out,
    cx: &mut Context<'_>,
    pulled: Option<&mut Pulled>,
) -> Poll<bool> {
    let Some(wait) = out.wait.as_deref_mut() else { return Poll::Ready(false) };
    if !wait.signals.is_empty() && out.close.is_none() && wait.rest.is_empty() {
        let mut signals: Vec<_> = wait.signals.drain().map(|(_, signal)| signal).collect();
        signals.sort_unstable_by_key(|(number, _)| *number);
        for (_, bytes) in signals {
            wait.replies.push(|out| out.extend_from_slice(&bytes));
        }
    }
    if let Some(pulled) = pulled {
        if wait.replies.bytes.is_empty() {
            return Poll::Ready(false);
        }
        let base = u32::try_from(pulled.frames.bytes.len()).unwrap_or(u32::MAX);
        pulled.frames.bytes.append(&mut wait.replies.bytes);
        pulled.frames.ends.extend(wait.replies.ends.drain(..).map(|end| base + end));
        if std::mem::take(&mut wait.large) > 0 {
            connection.commands.wake();
        }
        return Poll::Ready(true);
    }
    let bound = connection.bounds.replies_bytes;
    if wait.rest.is_empty() {
        if wait.replies.bytes.is_empty() {
            return Poll::Ready(false);
        }
        std::mem::swap(&mut wait.rest, &mut wait.replies.bytes);
        wait.replies.ends.clear();
        wait.large = 0;
    }
    let Some(outlet) = &out.outlet else { return Poll::Ready(false) };
    match ready!(outlet.poll_write(cx, &wait.rest)) {
        Ok(n) if n > 0 => {
            let was_light = wait.is_light(bound);
            wait.rest.drain(..n);
            if !was_light && wait.is_light(bound) {
                connection.commands.wake();
            }
            if wait.rest.is_empty() {
                wait.rest = Vec::new();
                if let Some(sub) = wait.rest_of.take() {
                    sub.set_written_late(sub.cursor());
                }
            }
        }
        _ => connection.die(out),
    }
    Poll::Ready(true)
}

/// Reads one page of a room's log from the store, encoded for the connection; tries until it has one.
/// `None`: the connection or the engine is gone.
async fn read_page(engine: Arc<Inner>, sub: Arc<Subscription>, after: Seq) -> Option<Run> {
    loop {
        let shown = sub.room.head();
        let read = {
            let _turn = engine.catch_up_reads.acquire().await.ok()?;
            engine.read("events", engine.store.events(sub.room.id, after, PAGE)).await
        };
        match read {
            // The session ends as soon as the epoch is renewed; where that failed, it is tried again.
            Ok(page) if sub.room.is_contradicted(&engine, &page, shown) => {
                tokio::time::sleep(READ_RETRY).await;
            }
            Ok(page) => {
                let mut run = Run::default();
                run.clear(after.max(page.floor));
                if page.floor > after {
                    // A deleted room, of which but the deletion is left. Who was removed below it is not known any
                    // more, so nobody is given it; that the room is gone is told by the end of the subscription.
                    sub.connection.skip_to(&sub, page.head);
                }
                if sub.connection.format.needs_people() {
                    let strangers = engine.strangers(page.events.iter());
                    if !strangers.is_empty() {
                        engine.learn(&strangers).await;
                    }
                }
                for event in &page.events {
                    if event.seq != run.last().next() {
                        break;
                    }
                    if let Some(reason) = event.body.ends(&sub.connection.user) {
                        sub.bound(event.seq, reason);
                    }
                    run.push(|bytes| sub.connection.format.event(event, &engine.people, bytes));
                }
                if run.ends.is_empty() {
                    tracing::warn!(room = %sub.room.id, %after, "the store has no events where some are said to be");
                    tokio::time::sleep(READ_RETRY).await;
                    if sub.connection.end().is_some() || sub.is_ended() {
                        return None;
                    }
                    continue;
                }
                return Some(run);
            }
            Err(_) => tokio::time::sleep(READ_RETRY).await,
        }
        if sub.connection.end().is_some() {
            return None;
        }
    }
}
