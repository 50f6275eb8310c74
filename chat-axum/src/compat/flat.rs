//! `flat`: one socket, flat frames, rooms joined by frame.

mod shapes;

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{
    ErrorCode, Event, EventBody, MissingRoom, People, PresenceStatus, Signal, WireFormat,
    model::UserId,
    protocol::{
        ClientFrame, CloseCode, Command, ErrorBody, FrameError, Hello, Send, SendTo, ServerFrame, Subscribe,
    },
};

use super::{
    Admission, Format, Frame, SocketFormat, Visit, WireUser, files::Files, frame, push_close, push_json,
    shown::is_shown,
};
use shapes::{Message, Told, Typing};

/// The format `flat`: `GET /ws/chat/`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Flat;

impl Format for Flat {
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)> {
        vec![("/ws/chat", Arc::new(Self))]
    }
}

#[async_trait]
impl SocketFormat for Flat {
    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        let hello = Hello { subscribe: Subscribe::Watch, ..Hello::default() };
        let format = Spoken { user: visit.principal.user.clone(), files: Files::of(visit.media) };
        Ok(Admission { format: Arc::new(format), hello })
    }
}

/// What a user's connections speak.
#[derive(Debug)]
struct Spoken {
    user: UserId,
    files: Files,
}

impl WireFormat for Spoken {
    fn name(&self) -> &'static str {
        "flat"
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let EventBody::Message { message } = &event.body else { return };
        if let Some(sender) = message.sender.as_ref().filter(|_| is_shown(message)) {
            let sender = people.profile(sender);
            let content = self.files.content(message);
            push_json(out, &Told::Message { data: Message::of(message, &content, &sender) });
        }
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        match signal {
            Signal::Typing { room_id, user, is_typing } => {
                let user_name = people.profile(user).name.clone();
                let data = Typing {
                    user_id: WireUser(user.clone()),
                    user_name,
                    room_id: *room_id,
                    is_typing: *is_typing,
                };
                push_json(out, &Told::Typing { data });
            }
            Signal::Presence { user, status, .. } => {
                // There is no word for "away": whoever is away is connected.
                let status = if *status == PresenceStatus::Offline { "offline" } else { "online" };
                push_json(out, &Told::UserStatus { user_id: WireUser(user.clone()), status });
            }
            _ => {}
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Subscribed { room_id, .. } => {
                push_json(out, &Told::RoomJoined { room_id: *room_id })
            }
            ServerFrame::Pong { .. } => push_json(out, &Told::Heartbeat),
            ServerFrame::Error(error) => push_json(out, &Told::Error { message: told(error) }),
            _ => {}
        }
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        let frame = Frame::read(text)?;
        let room = || frame.room("room_id")?.ok_or_else(|| frame::missing("room_id"));
        let kind = frame.kind()?;
        if frame.user("user_id")?.is_some_and(|user| user.0 != self.user) {
            return Err(frame::refuse("user_id is not yours", Some("user_id")));
        }
        let command = match kind {
            "join_room" => Command::Subscribe { room: room()?, since: None },
            "leave_room" => Command::Unsubscribe { room: room()? },
            "send_message" => {
                Command::Send(Box::new(Send::text(SendTo::Room(room()?), frame.text("content")?)))
            }
            "typing_start" => Command::Typing { room: room()?, is_typing: true },
            "typing_stop" => Command::Typing { room: room()?, is_typing: false },
            "heartbeat" => Command::Ping,
            _ => return Err(frame::refuse("Unknown type", None)),
        };
        Ok(ClientFrame { id: None, command })
    }
}

/// What these front ends are told went wrong.
fn told<'a>(error: &ErrorBody<'a>) -> &'a str {
    match (error.code, error.missing_room) {
        (ErrorCode::RateLimited, _) => "Rate limited",
        (_, Some(MissingRoom::NotMember)) => "Forbidden",
        (_, Some(MissingRoom::Unknown)) => "Room not found",
        _ => error.message,
    }
}
