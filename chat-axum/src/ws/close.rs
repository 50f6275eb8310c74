//! Close codes.

/// The close codes of RFC 6455 and the IANA registry that a server has a use for.
pub mod code {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The endpoint goes away, as at a shutdown.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A kind of message that is not taken here (as binary, where only text is spoken).
    pub const UNSUPPORTED: u16 = 1003;
    /// A text message or a close reason that is not UTF-8.
    pub const INVALID_DATA: u16 = 1007;
    /// The peer broke a rule that has no code of its own.
    pub const POLICY: u16 = 1008;
    /// A message over the limit.
    pub const TOO_LARGE: u16 = 1009;
    /// The server failed.
    pub const INTERNAL: u16 = 1011;
    /// The server restarts: connect again.
    pub const RESTART: u16 = 1012;
}

/// Whether a close frame may carry this code.
///
/// 1004 is reserved; 1005, 1006 and 1015 are told to applications and never sent; below 3000 the registry has the
/// word (1012 to 1014 came after the RFC), and up to 4999 libraries and applications do.
pub(super) fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests;
