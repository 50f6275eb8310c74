//! The rules a client can break.

use super::super::close::code;

/// A rule of RFC 6455, or a bound of ours, that the client broke.
///
/// The text fits a close reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set though no extension was agreed on.
    #[error("reserved bits must be 0")]
    ReservedBits,
    /// An opcode that the RFC reserves.
    #[error("unknown opcode")]
    UnknownOpcode,
    /// Control frames must be whole.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// Control frames have at most 125 bytes of payload.
    #[error("control frame too long")]
    LongControl,
    /// A client must mask.
    #[error("frame is not masked")]
    Unmasked,
    /// The length is written with more bytes than it takes.
    #[error("length is not minimal")]
    LengthNotMinimal,
    /// The highest bit of a length must be 0.
    #[error("length out of range")]
    LengthReserved,
    /// A continuation without a message to go on with.
    #[error("continuation of nothing")]
    UnexpectedContinuation,
    /// A new message before the last one ended.
    #[error("message within a fragmented message")]
    InterruptedMessage,
    /// A close frame with one byte.
    #[error("close frame without a whole code")]
    CloseWithoutCode,
    /// A close code that must not be sent.
    #[error("invalid close code")]
    CloseCode,
    /// A text message or a close reason that is not UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// A message over the limit.
    #[error("message too large")]
    TooLarge,
}

impl ProtocolError {
    /// The code to close the connection with.
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 => code::INVALID_DATA,
            Self::TooLarge => code::TOO_LARGE,
            _ => code::PROTOCOL_ERROR,
        }
    }
}
