//! A client's frames as they are written. They are read by hand ([`crate::protocol::ClientFrame::decode`]), so that an
//! error names its field; `tests/it/schema.rs` holds the two together.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::scalars::{RoomKey, Text};
use crate::{
    model::{AttachmentId, ClientId, Emoji, MessageKind, Metadata, RoomId, Seq, UserId},
    signal::PresenceChoice,
};

/// What a client says. A field that is `null` is as one that is not there, and unknown ones are passed over.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "written down to be described, never made")]
pub(super) enum ClientFrame {
    /// The first frame, within 10 seconds; of at most 64 KiB where the request had a valid token, else of 8 KiB.
    Hello {
        /// Where header, cookie, query and subprotocol have none.
        token: Option<String>,
        /// The epoch that the cursors are of; without it they are taken as of the present one.
        epoch: Option<String>,
        /// Cursors by room: the last `seq` applied, or `null` for a room that is known and not read yet.
        rooms: Option<BTreeMap<RoomKey, Option<Seq>>>,
        /// Which rooms to subscribe: `all` where not said.
        subscribe: Option<SubscribeScope>,
    },
    /// A new token of the same user.
    Auth {
        /// The token.
        token: Text,
    },
    /// Events of a room, from its head or from a cursor.
    Subscribe {
        /// The room.
        room_id: RoomId,
        /// The last `seq` applied; from the head on where not said.
        since: Option<Seq>,
    },
    /// No more events of a room.
    Unsubscribe {
        /// The room.
        room_id: RoomId,
    },
    /// A message.
    Send {
        #[schemars(flatten)]
        to: To,
        /// The text.
        content: Text,
        /// What it is: `text` where not said; `system` is the host's.
        kind: Option<MessageKind>,
        /// The key to repeat it under.
        client_id: Option<ClientId>,
        /// The message that it quotes.
        reply_to: Option<Seq>,
        /// The first message of the thread that it belongs to.
        thread: Option<Seq>,
        /// Users named in it.
        mentions: Option<Vec<UserId>>,
        /// Files it carries.
        attachments: Option<Vec<AttachmentId>>,
        /// The host's own data.
        metadata: Option<Metadata>,
    },
    /// A message's new text.
    Edit {
        /// The room.
        room_id: RoomId,
        /// The message.
        seq: Seq,
        /// The text.
        content: Text,
        /// Users named in it; as they are where not said.
        mentions: Option<Vec<UserId>>,
    },
    /// A message is to go.
    Delete {
        /// The room.
        room_id: RoomId,
        /// The message.
        seq: Seq,
    },
    /// A reaction.
    React {
        /// The room.
        room_id: RoomId,
        /// The message.
        seq: Seq,
        /// How.
        emoji: Emoji,
    },
    /// A reaction is to go.
    Unreact {
        /// The room.
        room_id: RoomId,
        /// The message.
        seq: Seq,
        /// Which.
        emoji: Emoji,
    },
    /// Typing, or not any more; repeated while it goes on, for it expires.
    Typing {
        /// The room.
        room_id: RoomId,
        /// Whether it goes on.
        is_typing: bool,
    },
    /// Read up to here; never goes back, and above the head it means the head.
    Read {
        /// The room.
        room_id: RoomId,
        /// Up to where.
        seq: Seq,
    },
    /// How this connection is to be shown.
    Presence {
        /// How.
        status: PresenceChoice,
    },
    /// Messages of a room.
    History {
        /// The room.
        room_id: RoomId,
        #[schemars(flatten)]
        range: Range,
        /// At most so many.
        limit: Option<usize>,
        /// Only those of the thread that begins there.
        thread: Option<Seq>,
    },
    /// Are you there.
    Ping {},
}

/// Which rooms a `hello` subscribes.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "written down to be described, never made")]
pub(super) enum SubscribeScope {
    /// All of the user's, the latest active first, and new ones as they come.
    All,
    /// Those that `rooms` names.
    Listed,
}

/// Where a message goes: one of the two.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "written down to be described, never made")]
pub(super) enum To {
    Room {
        /// Into a room.
        room_id: RoomId,
        to_user: Option<()>,
    },
    User {
        room_id: Option<()>,
        /// To a user: into the direct room of the two, made where there is none.
        to_user: UserId,
    },
}

/// Where in a room to read: one of the three, or the newest.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "written down to be described, never made")]
pub(super) enum Range {
    Latest {
        before: Option<()>,
        after: Option<()>,
        around: Option<()>,
    },
    Before {
        /// The newest below this place.
        before: Seq,
        after: Option<()>,
        around: Option<()>,
    },
    After {
        before: Option<()>,
        /// The oldest above this place.
        after: Seq,
        around: Option<()>,
    },
    Around {
        before: Option<()>,
        after: Option<()>,
        /// About this place.
        around: Seq,
    },
}
