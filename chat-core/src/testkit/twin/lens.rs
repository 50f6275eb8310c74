//! Two stores number rooms and messages as they like: the one's answers in the other's numbers.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventBody},
    model::{AuditEntry, AuditId, Membership, Message, MessageId, MessageView, Room, RoomEntry, RoomId},
    store::{EventPage, Head, MessagePage, Outcome, Refusal, SearchPage},
};

/// Rooms of the one store by those of the other.
#[derive(Debug, Default)]
pub(super) struct Lens {
    theirs: BTreeMap<RoomId, RoomId>,
    ours: BTreeMap<RoomId, RoomId>,
}

impl Lens {
    /// A room that both made as the answer to one change.
    pub(super) fn pair(&mut self, ours: RoomId, theirs: RoomId) {
        if let Some(known) = self.theirs.insert(ours, theirs) {
            assert_eq!(known, theirs, "one room of the one store is two of the other");
            return;
        }
        assert!(self.ours.insert(theirs, ours).is_none(), "{theirs} was given twice");
    }

    /// Their number of a room of ours; one that is nowhere stays so.
    pub(super) fn theirs(&self, ours: RoomId) -> RoomId {
        self.theirs.get(&ours).copied().unwrap_or(ours)
    }

    /// Our number of a room of theirs.
    pub(super) fn ours(&self, theirs: RoomId) -> RoomId {
        *self.ours.get(&theirs).unwrap_or_else(|| panic!("{theirs} was never made"))
    }

    /// Something of theirs in our numbers; of something of ours, what numbers alone tell apart is taken away.
    pub(super) fn see<T: Seen>(&self, mut theirs: T) -> T {
        theirs.rewrite(&|room| self.ours(room));
        theirs
    }
}

/// Takes from something of ours what the other store numbers as it likes.
pub(super) fn plain<T: Seen>(mut ours: T) -> T {
    ours.rewrite(&|room| room);
    ours
}

/// What has numbers in it.
pub(super) trait Seen {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId);
}

impl<T: Seen> Seen for Vec<T> {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.iter_mut().for_each(|one| one.rewrite(room));
    }
}

impl<T: Seen> Seen for Option<T> {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.iter_mut().for_each(|one| one.rewrite(room));
    }
}

impl<T: Seen, U> Seen for (T, U) {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.0.rewrite(room);
    }
}

impl Seen for RoomId {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        *self = room(*self);
    }
}

impl Seen for Message {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.room_id.rewrite(room);
        self.id = MessageId::new(1).unwrap_or(self.id);
    }
}

impl Seen for MessageView {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.message.rewrite(room);
    }
}

impl Seen for MessagePage {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.messages.rewrite(room);
    }
}

impl Seen for SearchPage {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.messages.rewrite(room);
        self.next = self.next.and_then(|_| MessageId::new(1));
    }
}

impl Seen for Room {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.id.rewrite(room);
    }
}

impl Seen for RoomEntry {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.room.rewrite(room);
        self.last_message.rewrite(room);
        self.activity.room.rewrite(room);
    }
}

impl Seen for AuditEntry {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.record.room_id.rewrite(room);
        self.id = AuditId::new(1).unwrap_or(self.id);
    }
}

impl Seen for Membership {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.room.rewrite(room);
    }
}

impl Seen for Head {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.room.rewrite(room);
    }
}

impl Seen for Event {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.room.rewrite(room);
        match &mut self.body {
            EventBody::RoomCreated { room: made, .. } | EventBody::RoomChanged { room: made } => {
                made.rewrite(room);
            }
            EventBody::Message { message } | EventBody::MessageEdited { message } => message.rewrite(room),
            _ => {}
        }
    }
}

impl Seen for EventPage {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        self.events.rewrite(room);
    }
}

impl Seen for Result<Outcome, Refusal> {
    fn rewrite(&mut self, room: &dyn Fn(RoomId) -> RoomId) {
        if let Ok(Outcome::Applied(event) | Outcome::Repeat(event)) = self {
            event.rewrite(room);
        }
    }
}
