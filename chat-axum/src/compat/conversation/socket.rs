//! The socket of a conversation.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{
    ErrorCode, Event, EventBody, People, Signal, UnsubscribeReason, WireFormat,
    protocol::{ClientFrame, CloseCode, FrameError, ServerFrame},
};

use super::{
    Conversation,
    shapes::{Message, Told},
};
use crate::compat::{
    Admission, Frame, SocketFormat, Visit, files::Files, frame, is_shown, place, push_close, push_json,
};

#[async_trait]
impl SocketFormat for Conversation {
    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        let room = place::room(&visit, "conversation").await?;
        let format = Spoken { files: Files::of(visit.media) };
        Ok(Admission { format: Arc::new(format), hello: place::hello(room) })
    }
}

/// What is spoken on the socket of a conversation. Clients say nothing there.
#[derive(Debug)]
pub(super) struct Spoken {
    files: Files,
}

impl WireFormat for Spoken {
    fn name(&self) -> &'static str {
        "conversation"
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let EventBody::Message { message } = &event.body else { return };
        if let Some(sender) = message.sender.as_ref().filter(|_| is_shown(message)) {
            let message = Message::of(message, &people.profile(sender), &self.files);
            push_json(out, &Told::ChatMessage { message });
        }
    }

    fn signal(&self, _signal: &Signal, _people: &People, _out: &mut Vec<u8>) {}

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        push_error(frame, out);
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn room_ended(&self, _reason: UnsubscribeReason) -> Option<CloseCode> {
        Some(CloseCode::Forbidden)
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        refuse_all(text)
    }
}

/// Appends an error.
pub(super) fn push_error(frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    if let ServerFrame::Error(error) = frame {
        let message = match error.code {
            ErrorCode::RateLimited => "Rate limited",
            _ => error.message,
        };
        push_json(out, &Told::Error { message });
    }
}

/// There is nothing that a client could say.
pub(super) fn refuse_all(text: &[u8]) -> Result<ClientFrame, FrameError> {
    Frame::read(text)?.kind()?;
    Err(frame::refuse("Unknown type", None))
}
