//! A wire format whose bytes are those of events.

use chat_axum::NativeFrames;
use chat_core::{
    Event, People, Signal, WireFormat,
    protocol::{ClientFrame, FrameError, ServerFrame},
};

/// Events as native WebSocket frames. Everything else is encoded too, so that it costs what it costs, and then thrown
/// away, so that what a reader takes can be foretold to the byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventsOnly;

impl WireFormat for EventsOnly {
    fn name(&self) -> &'static str {
        "events-only"
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        NativeFrames.event(event, people, out);
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        let start = out.len();
        NativeFrames.signal(signal, people, out);
        out.truncate(start);
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        NativeFrames.frame(frame, out);
        out.truncate(start);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeFrames.decode(frame)
    }
}
