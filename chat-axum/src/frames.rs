//! The native protocol as WebSocket frames.

use chat_core::{
    Event, NativeJson, People, Signal, WireFormat,
    protocol::{ClientFrame, CloseCode, FrameError, ServerFrame},
};

use crate::ws::{Opcode, frame};

/// The native protocol, each JSON text in a finished WebSocket frame: frames to clients are not masked, so that the
/// bytes are the same for everyone and a room keeps them ready to be written.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct NativeFrames;

impl WireFormat for NativeFrames {
    fn name(&self) -> &'static str {
        "native-ws"
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        text(out, |out| NativeJson.event(event, people, out));
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        text(out, |out| NativeJson.signal(signal, people, out));
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        text(out, |out| NativeJson.frame(frame, out));
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        frame::close(out, code.get(), "");
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeJson.decode(frame)
    }
}

/// Appends a text frame, or nothing where there is no text.
pub(crate) fn text(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    // The error is the emptiness: an engine that has nothing to say sends no frame.
    let _ = frame::build(out, Opcode::Text, |out| {
        let start = out.len();
        payload(out);
        if out.len() > start { Ok(()) } else { Err(()) }
    });
}
