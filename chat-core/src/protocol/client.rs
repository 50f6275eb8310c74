//! What clients say.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::{
    error::ErrorCode,
    model::{AttachmentId, ClientId, Emoji, MessageId, MessageKind, Metadata, RoomId, Seq, UserId},
    signal::PresenceChoice,
};

/// The name a client gives a frame, echoed in its answer: a whole number or a text of at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two forms of the protocol")]
pub enum FrameId {
    /// A number.
    Number(u64),
    /// A text.
    Text(Box<str>),
}

impl Serialize for FrameId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// One frame of a client.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "wire formats build it")]
pub struct ClientFrame {
    /// Its name; a frame without one is answered by errors alone.
    pub id: Option<FrameId>,
    /// What is wanted.
    pub command: Command,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the protocol's frames")]
#[non_exhaustive]
pub enum Command {
    /// The first frame.
    Hello(Hello),
    /// A new token for the same user.
    Auth { token: String },
    /// Events of a room, from the head or from a cursor.
    Subscribe { room: RoomId, since: Option<Seq> },
    /// No more events of a room.
    Unsubscribe { room: RoomId },
    /// A message.
    Send(Box<Send>),
    /// A message's new text.
    Edit { room: RoomId, seq: Seq, content: String, mentions: Option<Vec<UserId>> },
    /// A message is to go.
    Delete { room: RoomId, seq: Seq },
    /// A reaction.
    React { room: RoomId, seq: Seq, emoji: Emoji },
    /// A reaction is to go.
    Unreact { room: RoomId, seq: Seq, emoji: Emoji },
    /// Typing, or not any more.
    Typing { room: RoomId, is_typing: bool },
    /// Read up to here.
    Read { room: RoomId, seq: Seq },
    /// Read up to a message, by its id. Formats alone say it.
    ReadMessage { message: MessageId },
    /// Typing in the direct room with a user, where there is one. Formats alone say it.
    TypingTo { user: UserId, is_typing: bool },
    /// How to be shown.
    Presence { status: PresenceChoice },
    /// Messages of a room.
    History { room: RoomId, range: HistoryRange, limit: Option<usize>, thread: Option<Seq> },
    /// Are you there.
    Ping,
}

/// The first frame.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "wire formats build it")]
pub struct Hello {
    /// The token, where header, cookie, query and subprotocol had none.
    pub token: Option<String>,
    /// The epoch that the cursors are of.
    pub epoch: Option<String>,
    /// The cursors by room; `None`: known, nothing read yet.
    pub rooms: BTreeMap<RoomId, Option<Seq>>,
    /// Which rooms to subscribe.
    pub subscribe: Subscribe,
}

/// Which rooms a `hello` subscribes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "formats choose of all there are")]
pub enum Subscribe {
    /// All of the user's, the latest active first.
    #[default]
    All,
    /// Those that `rooms` names.
    Listed,
    /// Those that `rooms` names, and of all of the user's rooms who is there: presence of everyone with whom the user
    /// shares a room, as rooms come and go, in rooms small enough for it. Not in the native protocol.
    Watch,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "wire formats and hosts build it")]
pub struct Send {
    /// Where to.
    pub to: SendTo,
    /// Its text.
    pub content: String,
    /// What it is; `text` where not said.
    pub kind: Option<MessageKind>,
    /// The key to repeat it under.
    pub client_id: Option<ClientId>,
    /// The message that it quotes.
    pub reply_to: Option<Seq>,
    /// The thread that it belongs to.
    pub thread: Option<Seq>,
    /// Whom it names.
    pub mentions: Vec<UserId>,
    /// The files it carries.
    pub attachments: Vec<AttachmentId>,
    /// The host's data.
    pub metadata: Metadata,
}

impl Send {
    /// A plain text.
    #[must_use]
    pub fn text(to: SendTo, content: impl Into<String>) -> Self {
        Self {
            to,
            content: content.into(),
            kind: None,
            client_id: None,
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }
    }

    /// Under a key of the sender's.
    #[must_use]
    pub fn with_client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two of the protocol")]
pub enum SendTo {
    /// Into a room.
    Room(RoomId),
    /// To a user: into the direct room of the two, made where there is none.
    User(UserId),
}

/// Where in a room to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the four of the protocol")]
pub enum HistoryRange {
    /// The newest.
    Latest,
    /// Below a position.
    Before(Seq),
    /// Above a position.
    After(Seq),
    /// About a position.
    Around(Seq),
}

/// A frame that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "wire formats build it")]
pub struct FrameError {
    /// The frame's name, where it could be read.
    pub id: Option<FrameId>,
    /// `bad_frame` or `bad_field`.
    pub code: ErrorCode,
    /// What is wrong.
    pub message: String,
    /// With what.
    pub field: Option<&'static str>,
}
