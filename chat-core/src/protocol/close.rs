//! Why a connection is closed, and what its client should do.

use std::time::Duration;

use super::ByeReason;

/// Why a connection is closed, as the WebSocket close code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::schema::close_codes)
)]
#[repr(u16)]
#[non_exhaustive]
pub enum CloseCode {
    /// The client wished it.
    Normal = 1000,
    /// The node goes down: reconnect and resume.
    GoingAway = 1001,
    /// The transport's own rules were broken: do not come back.
    ProtocolError = 1002,
    /// A text that is not UTF-8: do not come back with it.
    InvalidText = 1007,
    /// A frame above its bound: do not come back with it.
    TooLarge = 1009,
    /// The store was restored: reconnect and load anew.
    Restart = 1012,
    /// Not the protocol: do not come back.
    BadProtocol = 4400,
    /// No valid token, or it has ended: come back with another.
    Unauthorized = 4401,
    /// Not allowed here: do not come back.
    Forbidden = 4403,
    /// Nothing was heard for too long: reconnect and resume.
    HeartbeatTimeout = 4408,
    /// The user has a connection more than allowed, and this was the oldest: do not come back by itself.
    Superseded = 4409,
    /// Sent too much, or read too little: reconnect and resume after a wait.
    Flood = 4429,
}

impl CloseCode {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::InvalidText,
        Self::TooLarge,
        Self::Restart,
        Self::BadProtocol,
        Self::Unauthorized,
        Self::Forbidden,
        Self::HeartbeatTimeout,
        Self::Superseded,
        Self::Flood,
    ];

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self as u16
    }

    /// Whether a client should reconnect by itself, and resume.
    #[must_use]
    pub const fn is_resumable(self) -> bool {
        matches!(self, Self::GoingAway | Self::Restart | Self::HeartbeatTimeout | Self::Flood)
    }
}

/// How a connection ends: the code, and the last frame where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "adapters take it apart")]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// What `bye` says; none where the client asked, or does not speak the protocol.
    pub bye: Option<ByeReason>,
    /// When to come back, where that makes sense.
    pub reconnect_after: Duration,
}

impl Close {
    /// Without a last frame.
    #[must_use]
    pub const fn silent(code: CloseCode) -> Self {
        Self { code, bye: None, reconnect_after: Duration::ZERO }
    }

    /// With a last frame.
    #[must_use]
    pub const fn with_bye(code: CloseCode, bye: ByeReason, reconnect_after: Duration) -> Self {
        Self { code, bye: Some(bye), reconnect_after }
    }
}
