//! The WebSocket transport: handshake, frames and the raw stream, nothing of chat.
//!
//! Public for the conformance example and the integration tests, without any promise of stability.
//!
//! - [`accept`] checks an upgrade request; [`Accepted::finish`] answers it and leads to the stream.
//! - [`Io`] shares the stream between its one reader and the engine, which writes through
//!   [`Outlet`](chat_core::Outlet). Server frames are unmasked, so the engine writes finished frames to everyone.
//! - [`Reader`] reads and decodes. Between reads an idle connection holds no buffer at all.
//! - [`frame`] encodes, [`Decoder`] decodes; neither knows a socket.
//!
//! axum's own `WebSocket` is not used: it keeps buffers per connection and takes whole messages, where a room's
//! shared bytes are to be written as they are. The decoder is our own because the frame layers that the ecosystem
//! offers without I/O (soketto's `base`, tungstenite's `FrameHeader`) end at the header: the rules about
//! messages, UTF-8, closing and sizes live in their connection types, which own a stream and a buffer each.

mod close;
mod decoder;
pub mod frame;
mod header;
mod heartbeat;
mod io;
mod mask;
mod opcode;
mod reader;
mod upgrade;

pub use close::code;
pub use decoder::{Decoder, Event, ProtocolError};
pub use heartbeat::{Beat, Heartbeat};
pub use io::Io;
pub use opcode::Opcode;
pub use reader::{Progress, ReadError, Reader};
pub use upgrade::{Accepted, Refusal, Upgrading, accept};
