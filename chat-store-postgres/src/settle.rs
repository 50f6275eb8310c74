//! Answers as the rules gave them, put where the database put them.

use chat_core::{
    Event, EventBody,
    model::{Message, MessageId, Seq},
    store::Outcome,
};

use crate::{
    batch::Base,
    write::{Written, WrittenRoom},
};

/// What an answer of one room is settled by.
#[derive(Debug)]
pub(crate) struct Settled<'w> {
    pub(crate) room: WrittenRoom,
    pub(crate) base: Base,
    pub(crate) written: &'w Written,
}

impl Settled<'_> {
    pub(crate) fn outcome(&self, outcome: &mut Outcome) {
        if let Outcome::Applied(event) | Outcome::Repeat(event) = outcome {
            self.event(event);
        }
    }

    fn event(&self, event: &mut Event) {
        event.room = self.room.id;
        // What stood before stands where it stood.
        if event.seq > self.base.head {
            event.seq = self.moved(event.seq);
            event.at = event.at.max(self.room.at);
        }
        match &mut event.body {
            EventBody::Message { message } | EventBody::MessageEdited { message } => self.message(message),
            EventBody::RoomCreated { room, .. } => room.id = self.room.id,
            _ => {}
        }
    }

    fn message(&self, message: &mut Message) {
        // An id of the batch's own: sent by it.
        let real: Option<&MessageId> = self.written.messages.get(&message.id);
        if let Some(id) = real {
            message.id = *id;
            message.seq = self.moved(message.seq);
            message.at = message.at.max(self.room.at);
        }
    }

    fn moved(&self, seq: Seq) -> Seq {
        Seq::new(seq.get().saturating_add_signed(self.room.shift))
    }
}
