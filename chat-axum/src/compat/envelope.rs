//! `envelope`: one socket, every frame `{type, data, room_id?, user_id?, timestamp}`.

mod shapes;

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{
    Clock as _, ErrorCode, Event, EventBody, People, PresenceChoice, Signal, SystemClock, WireFormat,
    model::{RoomId, Timestamp, UserId},
    protocol::{ClientFrame, CloseCode, Command, FrameError, Hello, Send, SendTo, ServerFrame, Subscribe},
};

use super::{
    Admission, FirstToken, Format, Frame, Greeting, SocketFormat, Visit, WireUser, files::Files, frame,
    push_close, push_json, shown::is_shown,
};
use shapes::{Empty, ErrorData, Message, Status, Told, Typing};

/// What an unknown room is answered, and one that the user is not in.
const NO_ROOM: &str = "Invalid room ID";

/// The format `envelope`: `GET /ws/chat/`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Envelope;

impl Format for Envelope {
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)> {
        vec![("/ws/chat", Arc::new(Self))]
    }
}

#[async_trait]
impl SocketFormat for Envelope {
    fn greeting(&self) -> Greeting {
        Greeting::Token
    }

    fn opening(&self) -> Option<&dyn WireFormat> {
        Some(&Opening)
    }

    fn first_token(&self, text: &[u8]) -> Result<FirstToken, FrameError> {
        let frame = Frame::read(text)?;
        if frame.kind()? != "auth" {
            return Err(frame::refuse("the first frame must be auth", None));
        }
        let data = frame.object("data")?;
        let user = match (data.user("user_id")?, frame.user("user_id")?) {
            (Some(inside), Some(outside)) if inside.0 != outside.0 => {
                return Err(frame::refuse("user_id differs from data.user_id", Some("user_id")));
            }
            (inside, outside) => inside.or(outside),
        };
        Ok(FirstToken { token: data.text("token")?.to_owned(), user: user.map(|user| user.0) })
    }

    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        let format = Spoken { user: visit.principal.user.clone(), files: Files::of(visit.media) };
        let hello = Hello { subscribe: Subscribe::Watch, ..Hello::default() };
        Ok(Admission { format: Arc::new(format), hello })
    }
}

/// What is spoken until the user is known: errors alone.
#[derive(Debug)]
struct Opening;

impl WireFormat for Opening {
    fn name(&self) -> &'static str {
        "envelope-opening"
    }

    fn event(&self, _event: &Event, _people: &People, _out: &mut Vec<u8>) {}

    fn signal(&self, _signal: &Signal, _people: &People, _out: &mut Vec<u8>) {}

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        // Of a token that does not hold, the close code says all: nothing stands before it.
        if !matches!(frame, ServerFrame::Error(error) if error.code == ErrorCode::Unauthorized) {
            append(frame, out);
        }
    }

    fn decode(&self, _text: &[u8]) -> Result<ClientFrame, FrameError> {
        Err(frame::refuse("the first frame must be auth", None))
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
        "envelope"
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let EventBody::Message { message } = &event.body else { return };
        if let Some(sender) = message.sender.as_ref().filter(|_| is_shown(message)) {
            let sender = people.profile(sender);
            let content = self.files.content(message);
            let data = Message::of(message, &content, &sender);
            let frame = Told::Message { data, room_id: message.room_id, timestamp: message.at };
            push_json(out, &frame);
        }
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        let timestamp = now();
        match signal {
            Signal::Typing { room_id, user, is_typing } => {
                let user_name = people.profile(user).name.clone();
                let user_id = WireUser(user.clone());
                let data = Typing { room_id: *room_id, user_id, user_name, is_typing: *is_typing };
                push_json(out, &Told::Typing { data, timestamp });
            }
            Signal::Presence { user, status, last_seen } => {
                let user_id = WireUser(user.clone());
                // Who is there was seen now.
                let data = Status { user_id, status: *status, last_seen: last_seen.unwrap_or(timestamp) };
                push_json(out, &Told::UserStatus { data, timestamp });
            }
            _ => {}
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        append(frame, out);
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        let frame = Frame::read(text)?;
        let kind = frame.kind()?;
        let data = frame.object("data")?;
        for user in [frame.user("user_id")?, data.user("user_id")?].into_iter().flatten() {
            if user.0 != self.user {
                return Err(frame::refuse("user_id is not yours", Some("user_id")));
            }
        }
        let command = match kind {
            "auth" => match data.optional_text("token")? {
                Some(token) => Command::Auth { token: token.to_owned() },
                // The request had a token, and what is left to say is that one is here.
                None => Command::Presence { status: PresenceChoice::Online },
            },
            "join_room" => Command::Subscribe { room: room(&frame, &data)?, since: None },
            "leave_room" => Command::Unsubscribe { room: room(&frame, &data)? },
            "message" => {
                let to = SendTo::Room(room(&frame, &data)?);
                Command::Send(Box::new(Send::text(to, data.text("content")?)))
            }
            "typing" => {
                let is_typing = data.flag("is_typing")?.ok_or_else(|| frame::missing("is_typing"))?;
                Command::Typing { room: room(&frame, &data)?, is_typing }
            }
            "user_status" => Command::Presence {
                status: match data.text("status")? {
                    "online" => PresenceChoice::Online,
                    "away" => PresenceChoice::Away,
                    "offline" => PresenceChoice::Invisible,
                    _ => return Err(frame::refuse("status must be online, away or offline", Some("status"))),
                },
            },
            "ping" => Command::Ping,
            _ => return Err(frame::refuse("Unknown type", None)),
        };
        Ok(ClientFrame { id: None, command })
    }
}

/// The room that a frame names: in its data, beside it, or alike in both.
fn room(frame: &Frame, data: &Frame) -> Result<RoomId, FrameError> {
    let no_room = |_| frame::refuse(NO_ROOM, Some("room_id"));
    let inside = data.room("room_id").map_err(no_room)?;
    let outside = frame.room("room_id").map_err(no_room)?;
    match (inside, outside) {
        (Some(inside), Some(outside)) if inside != outside => {
            Err(frame::refuse("room_id differs from data.room_id", Some("room_id")))
        }
        (inside, outside) => inside.or(outside).ok_or_else(|| frame::missing("room_id")),
    }
}

/// Appends what there is a frame for: errors, and the answer to a ping.
fn append(frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    let timestamp = now();
    match frame {
        ServerFrame::Pong { .. } => push_json(out, &Told::Pong { data: Empty {}, timestamp }),
        ServerFrame::Error(error) => {
            let error = match (error.code, error.missing_room) {
                (ErrorCode::RateLimited, _) => "Rate limited",
                (ErrorCode::NotFound, _) | (_, Some(_)) => NO_ROOM,
                _ => error.message,
            };
            push_json(out, &Told::Error { data: ErrorData { error }, timestamp });
        }
        _ => {}
    }
}

/// When a frame is written that is about no event.
fn now() -> Timestamp {
    SystemClock.now()
}
