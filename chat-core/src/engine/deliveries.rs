//! What a connection is given, for transports that pull.

use std::sync::Arc;

use super::{
    feed::{Feed, Pulled, Stop},
    session::Session,
};

/// What a connection is given, for transports that pull.
#[derive(Debug)]
pub struct Deliveries {
    session: Arc<Session>,
    feed: Feed,
}

/// A piece of what a connection is given: whole frames, at most about 64 KiB. Dropping it without
/// [`Batch::written`] ends the session, since nobody could know what the client has.
#[derive(Debug)]
#[must_use = "a batch that is dropped unwritten ends the session"]
pub struct Batch {
    session: Arc<Session>,
    pulled: Pulled,
    written: bool,
}

impl Deliveries {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session, feed: Feed::default() }
    }

    /// The next piece, once there is one; `None` once the connection has ended. Cancel-safe: a call that is dropped
    /// has taken nothing.
    pub async fn next(&mut self) -> Option<Batch> {
        let session = Arc::clone(&self.session);
        let mut batch = Batch { session: Arc::clone(&session), pulled: Pulled::default(), written: true };
        let feed = &mut self.feed;
        let stop = std::future::poll_fn(|cx| {
            let polled = feed.poll(&session.connection, cx, Some(&mut batch.pulled));
            // What was taken is in the batch: an unfinished batch never waits, so that none is lost with the call.
            if polled.is_pending() && !batch.pulled.frames.bytes.is_empty() {
                return std::task::Poll::Ready(Stop::Level);
            }
            polled
        })
        .await;
        if stop == Stop::Dead && batch.pulled.frames.bytes.is_empty() {
            return None;
        }
        batch.written = false;
        Some(batch)
    }
}

impl Batch {
    /// The frames, back to back.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.pulled.frames.bytes
    }

    /// The frames one by one; what has none in the wire format is left out.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let frames = &self.pulled.frames;
        let all = frames.ends.iter().scan(0, |start, end| {
            let frame = &frames.bytes[*start..*end as usize];
            *start = *end as usize;
            Some(frame)
        });
        // What a format has no frame for is nothing.
        all.filter(|frame| !frame.is_empty())
    }

    /// The transport has it: delivered pointers may pass over it.
    pub fn written(mut self) {
        self.written = true;
        for (sub, seq) in self.pulled.marks.drain(..) {
            sub.set_written_late(seq);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.written {
            let connection = &self.session.connection;
            connection.die(&mut connection.out.lock());
        }
    }
}
