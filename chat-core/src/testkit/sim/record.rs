//! What a client did and saw, in order.

use std::time::Duration;

use super::frame::Seen;
use crate::{
    event::Event,
    model::{ClientId, RoomId, Seq, UserId},
    protocol::Hello,
};

/// What one client did and saw.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) client: usize,
    pub(super) user: UserId,
    pub(super) notes: Vec<Note>,
    /// It was connected when the simulation ended.
    pub(super) is_open: bool,
}

/// One thing, and when, since the simulation began.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) at: Duration,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A connection begins.
    Begins { hello: Hello },
    /// A command was taken by the node.
    Asks { id: u64, asked: Asked },
    /// A frame came.
    Sees(Seen),
    /// A page of a room's log was read, above a position.
    Read { room: RoomId, since: Seq, events: Vec<Event>, head: Seq },
    /// The connection is over.
    Ends,
}

/// What a client asked for, as far as it matters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Send { room: RoomId, client_id: ClientId, content: String },
    Write { room: RoomId },
    Subscribe { room: RoomId, since: Option<Seq> },
    Unsubscribe,
    History { room: RoomId },
    Other,
}
