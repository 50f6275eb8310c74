//! What is asked of a room's log, and what came of it.

use std::time::Duration;

use crate::{
    event::Event,
    model::{
        AttachmentId, ClientId, Emoji, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Seq,
        Timestamp, UserId,
    },
};

/// One durable change, with all that must hold for it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct Change {
    /// The room; `None` for [`ChangeBody::Create`] alone.
    pub room: Option<RoomId>,
    /// Who wants it.
    pub actor: Actor,
    /// When it was asked for. What happens by it happens at this time, or at the room's latest where that is later;
    /// mutes and bans are judged by it as it is.
    pub at: Timestamp,
    /// What must hold for a user; the host needs nothing.
    pub require: Require,
    /// What is wanted.
    pub body: ChangeBody,
}

/// Who wants a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Actor {
    /// A user, bound by membership, role, mutes and bans.
    User(UserId),
    /// The host, bound by none of them.
    Host,
}

impl Actor {
    /// The user, where it is one.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Host => None,
        }
    }
}

/// What must hold for the acting user, checked under the room's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct Require {
    /// Must be a member with at least this role; `None`: need not be a member.
    pub role: Option<Role>,
    /// Must not be muted.
    pub unmuted: bool,
}

impl Require {
    /// Nothing.
    pub const NOTHING: Self = Self { role: None, unmuted: false };
    /// A member who may write.
    pub const WRITER: Self = Self { role: Some(Role::Member), unmuted: true };
    /// A member, muted or not.
    pub const MEMBER: Self = Self { role: Some(Role::Member), unmuted: false };
    /// A moderator or owner.
    pub const MODERATOR: Self = Self { role: Some(Role::Moderator), unmuted: false };
    /// An owner.
    pub const OWNER: Self = Self { role: Some(Role::Owner), unmuted: false };
}

/// What is wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChangeBody {
    /// Make a room. A direct room that stands for the pair, a room that stands for the subject, or one made
    /// before under the same `client_id`, is the answer instead ([`Outcome::Repeat`]).
    Create(NewRoom),
    /// Send a message.
    Send(NewMessage),
    /// Change a message's text; the sender alone.
    Edit {
        /// The message.
        target: Seq,
        /// Its new text.
        content: String,
        /// Whom it names now; `None`: as before.
        mentions: Option<Vec<UserId>>,
    },
    /// Delete a message; the sender, or a moderator and above.
    Delete {
        /// The message.
        target: Seq,
    },
    /// React to a message.
    React {
        /// The message.
        target: Seq,
        /// How.
        emoji: Emoji,
        /// How many different emoji a message may carry.
        kinds_max: usize,
    },
    /// Take a reaction back.
    Unreact {
        /// The message.
        target: Seq,
        /// Which.
        emoji: Emoji,
    },
    /// Add a member, with a role below the actor's.
    AddMember {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
    },
    /// Join a public room.
    Join,
    /// Leave. Where the last owner leaves, the longest-standing moderator, else member, becomes owner.
    Leave,
    /// Remove a member with a role below the actor's.
    Remove {
        /// Who.
        user: UserId,
    },
    /// Keep a user out, and remove where a member. Where none, nothing enters the log.
    Ban {
        /// Who.
        user: UserId,
        /// Until when; `None`: for good.
        until: Option<Timestamp>,
    },
    /// Lift a ban. It takes no position: a change of the list of bans alone is [`Outcome::Unchanged`].
    Unban {
        /// Of whom.
        user: UserId,
    },
    /// Give a member another role; old and new are below the actor's.
    SetRole {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
    },
    /// Hand ownership over; the owner becomes moderator.
    Transfer {
        /// To whom.
        to: UserId,
    },
    /// Take a member's right to write, or give it back. It outlasts leaving and coming back.
    Mute {
        /// Who.
        user: UserId,
        /// Until when; `None`: not muted any more.
        until: Option<Timestamp>,
    },
    /// Change the room itself.
    Update(RoomUpdate),
    /// Delete the room and all that was said in it.
    DeleteRoom,
}

/// A room to be made.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct NewRoom {
    /// Its kind.
    pub kind: RoomKind,
    /// Its name.
    pub name: Option<String>,
    /// The host's data.
    pub metadata: Metadata,
    /// The host's object; from host calls alone.
    pub subject: Option<String>,
    /// What late joiners may read.
    pub history: HistoryMode,
    /// Its members, each once.
    pub members: Vec<(UserId, Role)>,
    /// The key under which its maker may ask again.
    pub client_id: Option<ClientId>,
}

/// A message to be sent.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct NewMessage {
    /// The key under which the sender may ask again, unique per room and sender; the host's sends share one space.
    pub client_id: ClientId,
    /// Digest of the request as it was asked for, before hooks: another one under the same key is
    /// [`Refusal::BodyMismatch`].
    pub digest: [u8; 16],
    /// What it is.
    pub kind: MessageKind,
    /// Its text.
    pub content: String,
    /// The message that it quotes.
    pub reply_to: Option<Seq>,
    /// The thread that it belongs to.
    pub thread: Option<Seq>,
    /// Whom it names; those who are no members are left out.
    pub mentions: Vec<UserId>,
    /// The files it carries: each uploaded by the sender and not sent before.
    pub attachments: Vec<AttachmentId>,
    /// The host's data.
    pub metadata: Metadata,
}

/// What to change of a room; `None` leaves a part as it is.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct RoomUpdate {
    /// The name; `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    /// The host's data, as a whole.
    pub metadata: Option<Metadata>,
    /// What late joiners may read; members who are there keep what they have.
    pub history: Option<HistoryMode>,
}

impl Change {
    /// Whether asking again, after an unknown outcome, cannot do more than asking once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        match &self.body {
            ChangeBody::Send(_) | ChangeBody::Delete { .. } | ChangeBody::DeleteRoom => true,
            ChangeBody::Create(room) => {
                // The host's rooms have no maker, so that a key alone does not find them again.
                let has_key = room.client_id.is_some() && self.actor.user().is_some();
                room.kind == RoomKind::Direct || room.subject.is_some() || has_key
            }
            _ => false,
        }
    }

    /// About how many bytes it takes in a batch.
    #[must_use]
    pub fn size(&self) -> usize {
        const FIXED: usize = 256;
        FIXED
            + match &self.body {
                ChangeBody::Send(message) => message.content.len() + 32 * message.mentions.len(),
                ChangeBody::Edit { content, .. } => content.len(),
                ChangeBody::Create(room) => 64 * room.members.len(),
                _ => 0,
            }
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three outcomes of the log")]
pub enum Outcome {
    /// It is stored, as this event.
    Applied(Event),
    /// It had been stored before, as this event, and nothing was stored now.
    Repeat(Event),
    /// It stood already; nothing entered the log.
    Unchanged,
}

impl Outcome {
    /// The event of a change that is in the log, now or before.
    #[must_use]
    pub const fn event(&self) -> Option<&Event> {
        match self {
            Self::Applied(event) | Self::Repeat(event) => Some(event),
            Self::Unchanged => None,
        }
    }
}

/// Why a change was not made. Nothing of it is stored, and asking again gives the same answer for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such room, or none any more.
    #[error("no such room")]
    RoomNotFound,
    /// The actor is no member of the room, and may not know of it.
    #[error("no such room for the actor")]
    NotMember,
    /// The actor is no member of the room, of which everyone may know.
    #[error("not a member of the room")]
    NotJoined,
    /// There is no such message, member or other thing in the room.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The actor may not do that.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// The actor may not write for now.
    #[error("muted")]
    Muted {
        /// How long it lasts from now.
        remaining: Duration,
    },
    /// The user is kept out.
    #[error("banned")]
    Banned,
    /// The other user has blocked the actor.
    #[error("blocked")]
    Blocked,
    /// It contradicts what stands.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// Another request was made under the same `client_id`.
    #[error("another body was sent under this client_id")]
    BodyMismatch,
    /// Someone else, another node or a transaction of the host, holds the room: to be asked again by
    /// [`super::LogStore::commit_held`]. Whoever asks the engine never sees it, but for `unavailable` in the end.
    #[error("held by someone else")]
    Held,
    /// A field does not fit the room.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        reason: &'static str,
    },
}
