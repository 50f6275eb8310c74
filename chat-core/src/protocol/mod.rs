//! The native protocol: what clients say, and what they are answered.

mod client;
mod close;
mod decode;
mod server;

pub use client::{ClientFrame, Command, FrameError, FrameId, Hello, HistoryRange, Send, SendTo, Subscribe};
pub use close::{Close, CloseCode};
pub use server::{ByeReason, ErrorBody, OkBody, PresenceEntry, ServerFrame, Welcome, WelcomeLimits};
