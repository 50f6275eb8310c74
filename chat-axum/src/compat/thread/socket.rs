//! The socket of a thread.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{
    ErrorCode, Event, EventBody, People, Signal, UnsubscribeReason, WireFormat,
    model::{RoomId, UserId},
    protocol::{ClientFrame, CloseCode, Command, ErrorBody, FrameError, ServerFrame},
};

use super::{
    Thread,
    shapes::{Message, Told},
};
use crate::compat::{
    Admission, Frame, SocketFormat, Visit, WireUser, files::Files, frame, is_shown, place, push_close,
    push_json,
};

#[async_trait]
impl SocketFormat for Thread {
    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        let room = place::room(&visit, "thread").await?;
        let user = visit.principal.user.clone();
        let format = Spoken { room, user, files: Files::of(visit.media) };
        Ok(Admission { format: Arc::new(format), hello: place::hello(room) })
    }
}

/// What is spoken on a user's socket of one thread.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    pub(super) files: Files,
}

impl WireFormat for Spoken {
    fn name(&self) -> &'static str {
        "thread"
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let EventBody::Message { message } = &event.body else { return };
        if let Some(author) = message.sender.as_ref().filter(|_| is_shown(message)) {
            push_json(out, &Told::ChatMessage(Message::of(message, &people.profile(author), &self.files)));
        }
    }

    fn signal(&self, signal: &Signal, _people: &People, out: &mut Vec<u8>) {
        if let Signal::Typing { user, is_typing, .. } = signal {
            let user_id = WireUser(user.clone());
            push_json(out, &Told::ChatTyping { user_id, is_typing: *is_typing });
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Pong { .. } => push_json(out, &Told::Pong),
            ServerFrame::Error(error) => push_json(out, &told(error)),
            _ => {}
        }
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn room_ended(&self, _reason: UnsubscribeReason) -> Option<CloseCode> {
        Some(CloseCode::Forbidden)
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        let frame = Frame::read(text)?;
        let kind = frame.kind()?;
        if frame.user("user_id")?.is_some_and(|user| user.0 != self.user) {
            return Err(frame::refuse("user_id is not yours", Some("user_id")));
        }
        let command = match kind {
            "ping" => Command::Ping,
            "typing" => {
                let is_typing = frame.flag("is_typing")?.unwrap_or(false);
                Command::Typing { room: self.room, is_typing }
            }
            _ => return Err(frame::refuse("Unknown type", None)),
        };
        Ok(ClientFrame { id: None, command })
    }
}

/// What went wrong. Too much has a frame of its own, which says when to go on.
fn told<'a>(error: &ErrorBody<'a>) -> Told<'a> {
    let message = Some(error.message).filter(|_| error.code != ErrorCode::RateLimited);
    Told::Error { code: error.code, message, retry_after_ms: error.retry_after_ms }
}
