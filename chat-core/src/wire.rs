//! The seam to what front ends speak.

use std::fmt;

use crate::{
    event::Event,
    model::UserId,
    people::People,
    protocol::{ClientFrame, CloseCode, FrameError, ServerFrame},
    signal::{Signal, UnsubscribeReason},
};

/// How the engine's events, signals and answers look on a connection, and what a client's frames mean.
///
/// Encoding appends one finished frame, with whatever header the transport wants before it, or nothing where the
/// format has no frame for it. An event is encoded once per format, however many connections there are, so the bytes
/// must be the same for everyone.
pub trait WireFormat: fmt::Debug + Send + Sync + 'static {
    /// Its name: two formats with one name must encode alike.
    fn name(&self) -> &'static str;

    /// Whether its events show what is known of users beside their ids: then the engine looks for the profile of an
    /// event's actor before it encodes the event.
    fn needs_people(&self) -> bool {
        false
    }

    /// Appends an event. `people` are sure to be asked for only where [`WireFormat::needs_people`].
    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>);

    /// Appends a signal.
    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>);

    /// Whether its clients understand [`ServerFrame::Gap`], and load what it names by other means. A connection of one that
    /// does not is given every event from its cursor on, read from the store page by page, however far behind it is.
    fn tells_gaps(&self) -> bool {
        false
    }

    /// Whether [`WireFormat::hears`] is to be asked at all.
    fn chooses_signals(&self) -> bool {
        false
    }

    /// Whether a connection of `user` is given a signal.
    fn hears(&self, signal: &Signal, user: &UserId) -> bool {
        let _ = (signal, user);
        true
    }

    /// With which code the engine closes a connection after one of its rooms has ended for another reason than
    /// [`UnsubscribeReason::Requested`], once all events up to the end were given. `None`: it stays.
    fn room_ended(&self, reason: UnsubscribeReason) -> Option<CloseCode> {
        let _ = reason;
        None
    }

    /// Whether it shows direct rooms alone: then [`People::pair`] knows the two of each, receipts are also told one a
    /// message ([`Signal::Passed`]), and a room that is new to a connection is given from its beginning.
    fn shows_direct_rooms(&self) -> bool {
        false
    }

    /// Appends an answer or notice for one connection.
    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>);

    /// Appends the transport's own end of the connection, after the last frame; nothing where it has none.
    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        let _ = (code, out);
    }

    /// Reads a client's frame.
    ///
    /// # Errors
    /// What to answer; the connection goes on.
    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError>;
}

/// The native protocol as JSON texts without any transport's header.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct NativeJson;

impl WireFormat for NativeJson {
    fn name(&self) -> &'static str {
        "native-json"
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, _: &People, out: &mut Vec<u8>) {
        append_json(event, out);
    }

    fn signal(&self, signal: &Signal, _: &People, out: &mut Vec<u8>) {
        // Its clients go by positions.
        if !matches!(signal, Signal::Passed { .. }) {
            append_json(signal, out);
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        append_json(frame, out);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        ClientFrame::decode(frame)
    }
}

/// Appends JSON. Writing to memory cannot fail, and every frame's maps have text keys; should a frame fail all the
/// same, none of it is left.
fn append_json<T: serde::Serialize + ?Sized>(frame: &T, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, frame) {
        out.truncate(start);
        tracing::error!(%error, "frame could not be encoded");
    }
}
