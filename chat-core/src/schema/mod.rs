//! The native protocol as JSON Schema, made from the types that it is written in.
//!
//! Bounds that a host sets ([`Limits`](crate::Limits)) are not in it, and lengths are counted in characters where the
//! engine counts bytes: what the schema refuses the engine refuses, and of what it lets pass a little more.

mod client;
mod frames;
mod protocol;
mod scalars;

pub(crate) use protocol::close_codes;
pub use protocol::{ANSWERS, Definitions, protocol};
pub(crate) use scalars::RoomKey;
