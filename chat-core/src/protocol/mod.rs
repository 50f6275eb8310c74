//! The native protocol: what clients say, and what they are answered.

mod client;
mod close;
mod decode;
mod server;

pub use client::{ClientFrame, Command, FrameError, FrameId, Hello, HistoryRange, Send, SendTo, Subscribe};
pub use close::{Close, CloseCode};
#[cfg(feature = "schema")]
pub(crate) use decode::FRAME_ID_BYTES_MAX;
pub use server::{ByeReason, ErrorBody, OkBody, PresenceEntry, ServerFrame, Welcome, WelcomeLimits};
