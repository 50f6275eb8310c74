//! Errors as callers and clients see them.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use serde::{Serialize, Serializer};

use crate::store::{Refusal, StoreError, StoreErrorKind};

/// The stable name of what went wrong: on the socket, in REST problems and in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorCode {
    /// No frame of the protocol: no JSON, no object, no known `type`.
    BadFrame,
    /// A field is missing, of the wrong type or out of bounds; `field` names it.
    BadField,
    /// No valid token.
    Unauthorized,
    /// Known, but not allowed.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// It contradicts what stands.
    Conflict,
    /// Another body was sent under the same `client_id`.
    BodyMismatch,
    /// Larger than its bound.
    TooLarge,
    /// Too often; `retry_after_ms` says when again.
    RateLimited,
    /// The member may not write for now.
    Muted,
    /// The user is kept out of the room.
    Banned,
    /// One of the two has blocked the other.
    Blocked,
    /// Not stored, and may succeed later.
    Unavailable,
    /// Stored or not: ask again with the same `client_id`.
    OutcomeUnknown,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::BadFrame,
        Self::BadField,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::BodyMismatch,
        Self::TooLarge,
        Self::RateLimited,
        Self::Muted,
        Self::Banned,
        Self::Blocked,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame => "bad_frame",
            Self::BadField => "bad_field",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::BodyMismatch => "body_mismatch",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Muted => "muted",
            Self::Banned => "banned",
            Self::Blocked => "blocked",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::OutcomeUnknown)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a room was not found, or is open to members alone. The native protocol tells nobody; formats whose front ends must
/// tell the two apart may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum MissingRoom {
    /// There is none, or it was deleted.
    Unknown,
    /// There is one, and the caller is no member.
    NotMember,
}

/// Why a call of the engine failed.
#[derive(Debug)]
pub struct Error {
    missing_room: Option<MissingRoom>,
    code: ErrorCode,
    message: Cow<'static, str>,
    field: Option<&'static str>,
    retry_after: Option<Duration>,
    source: Option<StoreError>,
}

impl Error {
    /// An error with what may be told to the caller.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            missing_room: None,
            field: None,
            retry_after: None,
            source: None,
        }
    }

    /// A field that does not fit.
    #[must_use]
    pub fn bad_field(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field), ..Self::new(ErrorCode::BadField, message) }
    }

    /// Too often; try again after `wait`.
    #[must_use]
    pub fn rate_limited(wait: Duration) -> Self {
        // A rate of zero has a wait without end, which no frame can hold.
        let wait = wait.min(Duration::from_secs(24 * 60 * 60));
        Self { retry_after: Some(wait), ..Self::new(ErrorCode::RateLimited, "too many of these; slow down") }
    }

    /// An unknown room, or one that the caller may not know of.
    #[must_use]
    pub fn room_not_found() -> Self {
        Self::new(ErrorCode::NotFound, "no such room")
    }

    /// An unknown message, or one that the caller may not know of.
    #[must_use]
    pub fn message_not_found() -> Self {
        Self::new(ErrorCode::NotFound, "no such message")
    }

    pub(crate) fn with_message(mut self, message: &'static str) -> Self {
        self.message = Cow::Borrowed(message);
        self
    }

    /// A `not_found` about a room, of which it is known why.
    #[must_use]
    pub fn missing_room(why: MissingRoom) -> Self {
        Self { missing_room: Some(why), ..Self::room_not_found() }
    }

    /// For a `not_found` about a room, and for a `forbidden` of who has to join it first: why, where it is known.
    #[must_use]
    pub const fn why_missing(&self) -> Option<MissingRoom> {
        self.missing_room
    }

    /// With why a room was not found, for what is not found with it.
    pub(crate) const fn with_missing_room(mut self, why: Option<MissingRoom>) -> Self {
        self.missing_room = why;
        self
    }

    /// With the field that it is about.
    #[must_use]
    pub const fn with_field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What may be told to the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field that it is about.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// When to try again.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let (code, message) = match error.kind() {
            StoreErrorKind::Unavailable => {
                (ErrorCode::Unavailable, "the store is out of reach; nothing was stored")
            }
            StoreErrorKind::Unknown => {
                (ErrorCode::OutcomeUnknown, "the store's answer was lost; repeat with the same client_id")
            }
            StoreErrorKind::Corrupt | StoreErrorKind::Internal => (ErrorCode::Internal, "internal error"),
        };
        Self { source: Some(error), ..Self::new(code, message) }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RoomNotFound => Self::missing_room(MissingRoom::Unknown),
            Refusal::NotMember => Self::missing_room(MissingRoom::NotMember),
            Refusal::NotJoined => Self::new(ErrorCode::Forbidden, "join the room first")
                .with_missing_room(Some(MissingRoom::NotMember)),
            Refusal::NotFound(what) => Self::new(ErrorCode::NotFound, format!("no such {what}")),
            Refusal::Forbidden(why) => Self::new(ErrorCode::Forbidden, why),
            Refusal::Muted { remaining } => {
                Self { retry_after: Some(remaining), ..Self::new(ErrorCode::Muted, "muted in this room") }
            }
            Refusal::Banned => Self::new(ErrorCode::Banned, "banned from this room"),
            Refusal::Blocked => Self::new(ErrorCode::Blocked, "the user has blocked you"),
            Refusal::Conflict(why) => Self::new(ErrorCode::Conflict, why),
            Refusal::BodyMismatch => {
                Self::new(ErrorCode::BodyMismatch, "another body was sent under this client_id")
                    .with_field("client_id")
            }
            Refusal::Held => {
                Self::new(ErrorCode::Unavailable, "someone else holds the room; nothing was stored")
            }
            Refusal::Invalid { field, reason } => Self::bad_field(field, reason),
        }
    }
}
