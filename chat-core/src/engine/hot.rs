//! The hot part of a room's log: its newest events as finished frames, one ring for each wire format in use.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    event::{Event, EventBody},
    model::{Seq, UserId},
    people::People,
    wire::WireFormat,
};

/// A piece of a log in one wire format: the frames of the events above `after`, back to back.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) after: Seq,
    pub(crate) bytes: Vec<u8>,
    /// Where the frame of `after + 1 + i` ends in `bytes`.
    pub(crate) ends: Vec<u32>,
}

impl Run {
    /// The last position in it.
    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.after.get() + self.ends.len() as u64)
    }

    /// The frames above `cursor` up to `last`; both lie in this run.
    pub(crate) fn slice(&self, cursor: Seq, last: Seq) -> &[u8] {
        &self.bytes[self.start_of(cursor)..self.start_of(last)]
    }

    /// Where the frames above `cursor` start.
    pub(crate) fn start_of(&self, cursor: Seq) -> usize {
        match usize::try_from(cursor.since(self.after)) {
            Ok(0) | Err(_) => 0,
            Ok(n) => self.ends.get(n - 1).map_or(self.bytes.len(), |end| *end as usize),
        }
    }

    /// After `written` bytes above `cursor`: the position whose frame is the last begun, and the rest of that frame.
    pub(crate) fn cut(&self, cursor: Seq, written: usize) -> (Seq, &[u8]) {
        let at = self.start_of(cursor) + written;
        let whole = self.ends.partition_point(|end| (*end as usize) < at);
        let frame_end = self.ends.get(whole).map_or(self.bytes.len(), |end| *end as usize);
        if at == self.start_of(cursor) {
            return (cursor, &[]);
        }
        (Seq::new(self.after.get() + whole as u64 + 1), &self.bytes[at..frame_end])
    }

    pub(crate) fn clear(&mut self, after: Seq) {
        self.after = after;
        self.bytes.clear();
        self.ends.clear();
    }

    /// Appends the frame of the next event.
    pub(crate) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.bytes);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }
}

/// How much may be kept hot.
#[derive(Clone, Debug)]
pub(crate) struct HotBound {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// Bytes hot over all rooms of the node.
    pub(crate) node: Arc<AtomicUsize>,
}

/// The hot part of one room.
#[derive(Debug)]
pub(crate) struct HotLog {
    head: Seq,
    rings: Vec<Ring>,
    /// What each hot event is about, the newest last, as far back as the longest ring.
    about: VecDeque<About>,
    bound: HotBound,
    people: Arc<People>,
}

#[derive(Debug)]
struct About {
    /// The message whose content it carries.
    content_of: Option<Seq>,
    /// Whose right to the log it ends.
    ends: Option<Ends>,
}

#[derive(Debug)]
enum Ends {
    User(UserId),
    Everyone,
}

#[derive(Debug)]
struct Ring {
    format: Arc<dyn WireFormat>,
    users: usize,
    /// Events at or below it are not in this ring.
    after: Seq,
    bytes: VecDeque<u8>,
    /// Offset of `bytes[0]` since the ring began.
    start: u64,
    /// Where the frame of `after + 1 + i` ends, as an offset since the ring began.
    ends: VecDeque<u64>,
}

impl HotLog {
    pub(crate) fn new(head: Seq, bound: HotBound, people: Arc<People>) -> Self {
        Self { head, rings: Vec::new(), about: VecDeque::new(), bound, people }
    }

    pub(crate) const fn head(&self) -> Seq {
        self.head
    }

    /// A subscription in `format` begins: from here on events are kept in it.
    pub(crate) fn enter(&mut self, format: &Arc<dyn WireFormat>) {
        match self.rings.iter_mut().find(|ring| ring.format.name() == format.name()) {
            Some(ring) => ring.users += 1,
            None => self.rings.push(Ring {
                format: Arc::clone(format),
                users: 1,
                after: self.head,
                bytes: VecDeque::new(),
                start: 0,
                ends: VecDeque::new(),
            }),
        }
    }

    /// A subscription in `format` ended.
    pub(crate) fn leave(&mut self, format: &Arc<dyn WireFormat>) {
        if let Some(at) = self.rings.iter().position(|ring| ring.format.name() == format.name()) {
            self.rings[at].users -= 1;
            if self.rings[at].users == 0 && self.rings.len() > 1 {
                self.forget(self.rings[at].bytes.len());
                self.rings.swap_remove(at);
            }
        }
    }

    /// Goes on above `floor`, with nothing hot.
    pub(crate) fn jump(&mut self, floor: Seq) {
        self.shrink();
        self.about.clear();
        self.head = floor;
        for ring in &mut self.rings {
            ring.after = floor;
        }
    }

    /// Takes the next event: encodes it once for each format in use.
    pub(crate) fn append(&mut self, event: &Event) {
        debug_assert_eq!(event.seq, self.head.next());
        self.head = event.seq;
        self.about.push_back(About {
            content_of: if event.body.carries_content() { event.body.target() } else { None },
            ends: match &event.body {
                EventBody::MemberLeft { user, .. } => Some(Ends::User(user.clone())),
                EventBody::RoomDeleted {} => Some(Ends::Everyone),
                _ => None,
            },
        });
        if let EventBody::MessageDeleted { target } = &event.body {
            self.redact(*target);
        }
        for ring in &mut self.rings {
            let before = ring.bytes.len();
            ring.append(event, &self.people);
            self.bound.node.fetch_add(ring.bytes.len() - before, Ordering::Relaxed);
        }
        if self.about.len() > self.bound.events {
            self.drop_through(self.head.back((self.bound.events * 3 / 4) as u64));
        }
        if let Some(over) = self.rings.iter().filter_map(|ring| ring.over(self.bound.bytes)).max() {
            self.drop_through(over);
        }
    }

    /// Copies what lies above `cursor`, whole frames, up to `last` and about `bytes_max` (at least one frame), into
    /// `run`. `false`: `cursor` lies below the hot part, and the store must be read.
    pub(crate) fn copy(
        &self,
        format: &dyn WireFormat,
        cursor: Seq,
        last: Seq,
        bytes_max: usize,
        run: &mut Run,
    ) -> bool {
        run.clear(cursor);
        let Some(ring) = self.rings.iter().find(|ring| ring.format.name() == format.name()) else {
            return cursor >= self.head;
        };
        ring.copy(cursor, last.min(self.head), bytes_max, run)
    }

    /// The first hot position in `format`, less one.
    pub(crate) fn floor(&self, format: &dyn WireFormat) -> Seq {
        let ring = self.rings.iter().find(|ring| ring.format.name() == format.name());
        ring.map_or(self.head, |ring| ring.after)
    }

    /// Where `user`'s right to the log ended above `verified`, as far as the hot part knows.
    /// `Err`: what lies above `verified` is not all hot.
    pub(crate) fn ended_above(&self, user: &UserId, verified: Seq) -> Result<Option<Seq>, NotHot> {
        let known_from = self.head.back(self.about.len() as u64);
        if verified < known_from {
            return Err(NotHot);
        }
        let skip = usize::try_from(verified.since(known_from)).unwrap_or(usize::MAX);
        let found = self.about.iter().enumerate().skip(skip).find(|(_, about)| match &about.ends {
            Some(Ends::User(gone)) => gone == user,
            Some(Ends::Everyone) => true,
            None => false,
        });
        Ok(found.map(|(at, _)| Seq::new(known_from.get() + at as u64 + 1)))
    }

    /// Bytes kept hot.
    pub(crate) fn bytes(&self) -> usize {
        self.rings.iter().map(|ring| ring.bytes.len()).sum()
    }

    /// Keeps nothing hot; every cursor below the head reads from the store.
    pub(crate) fn shrink(&mut self) {
        self.drop_through(self.head);
    }

    /// Nothing of what a message said may stay: drops everything up to the last event that carries it.
    fn redact(&mut self, target: Seq) {
        if let Some(at) = self.about.iter().rposition(|about| about.content_of == Some(target)) {
            let known_from = self.head.back(self.about.len() as u64);
            self.drop_through(Seq::new(known_from.get() + at as u64 + 1));
        }
    }

    fn drop_through(&mut self, seq: Seq) {
        let mut dropped = 0;
        for ring in &mut self.rings {
            dropped += ring.drop_through(seq);
        }
        self.forget(dropped);
        let known_to = self.head;
        while !self.about.is_empty() && known_to.back(self.about.len() as u64 - 1) <= seq {
            self.about.pop_front();
        }
    }

    fn forget(&self, bytes: usize) {
        self.bound.node.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for HotLog {
    fn drop(&mut self) {
        self.forget(self.bytes());
    }
}

/// What was asked lies below the hot part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotHot;

impl Ring {
    fn append(&mut self, event: &Event, people: &People) {
        // One buffer for encoding, contiguous; the ring may wrap.
        ENCODE.with_borrow_mut(|buffer| {
            buffer.clear();
            self.format.event(event, people, buffer);
            self.bytes.extend(buffer.iter());
        });
        self.ends.push_back(self.start + self.bytes.len() as u64);
    }

    /// Through which position to drop so that about three quarters of `bytes_max` are left.
    fn over(&self, bytes_max: usize) -> Option<Seq> {
        if self.bytes.len() <= bytes_max {
            return None;
        }
        let cut = self.start + (self.bytes.len() - bytes_max * 3 / 4) as u64;
        let dropped = self.ends.partition_point(|end| *end < cut) as u64 + 1;
        Some(Seq::new(self.after.get() + dropped))
    }

    fn drop_through(&mut self, seq: Seq) -> usize {
        let count = usize::try_from(seq.since(self.after)).unwrap_or(usize::MAX).min(self.ends.len());
        if count == 0 {
            return 0;
        }
        let end = self.ends[count - 1];
        let bytes = usize::try_from(end - self.start).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..bytes);
        self.ends.drain(..count);
        self.after = Seq::new(self.after.get() + count as u64);
        self.start = end;
        if self.ends.is_empty() {
            self.bytes.shrink_to(4 * 1024);
        }
        bytes
    }

    fn copy(&self, cursor: Seq, last: Seq, bytes_max: usize, run: &mut Run) -> bool {
        if cursor < self.after {
            return false;
        }
        let first = usize::try_from(cursor.since(self.after)).unwrap_or(usize::MAX);
        let until = usize::try_from(last.since(self.after)).unwrap_or(usize::MAX).min(self.ends.len());
        if first >= until {
            return true;
        }
        let from = if first == 0 { self.start } else { self.ends[first - 1] };
        let fits = self.ends.partition_point(|end| *end - self.start <= from - self.start + bytes_max as u64);
        let until = until.min(fits.max(first + 1));
        let to = self.ends[until - 1];
        let range = offset(from, self.start)..offset(to, self.start);
        let (a, b) = self.bytes.as_slices();
        if range.start < a.len() {
            run.bytes.extend_from_slice(&a[range.start..range.end.min(a.len())]);
        }
        if range.end > a.len() {
            run.bytes.extend_from_slice(&b[range.start.max(a.len()) - a.len()..range.end - a.len()]);
        }
        run.ends
            .extend(self.ends.range(first..until).map(|end| u32::try_from(*end - from).unwrap_or(u32::MAX)));
        true
    }
}

fn offset(at: u64, start: u64) -> usize {
    usize::try_from(at - start).unwrap_or(usize::MAX)
}

thread_local! {
    static ENCODE: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests;
