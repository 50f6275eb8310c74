//! Identifiers and positions.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The greatest integer that JSON numbers carry exactly in every language: 2^53 − 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Longest user id in bytes.
pub const USER_ID_BYTES_MAX: usize = 128;

/// Longest `client_id` in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 64;

/// Longest emoji in bytes.
pub const EMOJI_BYTES_MAX: usize = 64;

/// Longest message kind in bytes.
pub const MESSAGE_KIND_BYTES_MAX: usize = 32;

/// A text that is no valid identifier of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be 1 to {bytes_max} bytes of text without U+0000")]
pub struct InvalidId {
    what: &'static str,
    bytes_max: usize,
}

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id `value`, or `None` where it is not in 1 ..= 2^53 − 1.
            #[must_use]
            pub const fn new(value: i64) -> Option<Self> {
                if value >= 1 && value as u64 <= MAX_SAFE_INTEGER { Some(Self(value)) } else { None }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::IntErrorKind;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let value = text.parse().map_err(|e: std::num::ParseIntError| e.kind().clone())?;
                Self::new(value).ok_or(std::num::IntErrorKind::InvalidDigit)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = i64::deserialize(deserializer)?;
                Self::new(value).ok_or_else(|| de::Error::custom("id must be in 1 ..= 2^53-1"))
            }
        }
    };
}

integer_id! {
    /// A room, as the store numbers it.
    RoomId
}
integer_id! {
    /// A message, unique over all rooms of a store. Inside a room a message is named by its [`Seq`].
    MessageId
}

integer_id! {
    /// A report, unique over all rooms of a store.
    ReportId
}
integer_id! {
    /// An entry of the audit trail, unique over all rooms of a store.
    AuditId
}

/// A position in a room's log: dense, from 1, never reused. `Seq::ZERO` stands before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// Above every position.
    pub const MAX: Self = Self(u64::MAX);

    /// The position `value`.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position `n` before this one, not below [`Seq::ZERO`].
    #[must_use]
    pub const fn back(self, n: u64) -> Self {
        Self(self.0.saturating_sub(n))
    }

    /// How many events lie above `earlier`, up to this one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`InvalidId`] where it is empty, too long or holds U+0000.
            pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, InvalidId> {
                let s = text.as_ref();
                if s.is_empty() || s.len() > $max || s.contains('\0') {
                    return Err(InvalidId { what: $what, bytes_max: $max });
                }
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(de::Error::custom)
            }
        }
    };
}

text_id! {
    /// A user of the host: opaque text, at most 128 bytes, never a foreign key of ours.
    UserId, "user id", USER_ID_BYTES_MAX
}
text_id! {
    /// The key under which a client may repeat a send: at most 64 bytes, unique per room and sender.
    ClientId, "client_id", CLIENT_ID_BYTES_MAX
}
text_id! {
    /// A reaction: at most 64 bytes.
    Emoji, "emoji", EMOJI_BYTES_MAX
}
text_id! {
    /// What a message is: `text`, `system`, or a kind of the host's own, at most 32 bytes.
    MessageKind, "kind", MESSAGE_KIND_BYTES_MAX
}
text_id! {
    /// A stored file, named by a message.
    AttachmentId, "attachment id", 64
}

impl MessageKind {
    /// The default kind.
    #[must_use]
    pub fn text() -> Self {
        Self("text".into())
    }

    /// What the host says in a room; no user may send it, and it does not count as unread.
    #[must_use]
    pub fn system() -> Self {
        Self("system".into())
    }

    /// Whether this is [`MessageKind::system`].
    #[must_use]
    pub fn is_system(&self) -> bool {
        &*self.0 == "system"
    }
}

/// One connection of a user, unique for the life of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One engine among those that share a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

macro_rules! hex_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

hex_id!(ConnectionId);
hex_id!(NodeId);
