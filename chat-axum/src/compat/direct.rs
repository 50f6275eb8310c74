//! `direct`: one socket a user, direct messages, receipts, presence, media.

mod rest;
mod shapes;

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use chat_core::{
    ErrorCode, Event, EventBody, People, PresenceStatus, Signal, WireFormat,
    model::{MessageStatus, UserId},
    protocol::{ClientFrame, CloseCode, Command, FrameError, Hello, ServerFrame},
};

use super::{
    Admission, Format, FormatRoutes, Frame, SocketFormat, Visit, WireUser, at, files::Files, frame, is_shown,
    nothing_else_below, push_close, push_json,
};
use shapes::{Message, Told};

/// The format `direct`: `GET /ws/chat`, and REST at `/messages/` and `/users/`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Direct;

impl Format for Direct {
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)> {
        vec![("/ws/chat", Arc::new(Self))]
    }

    fn routes(&self) -> FormatRoutes {
        let routes = at(Router::new(), "/messages", get(rest::list));
        let routes = at(routes, "/messages/send", post(rest::send).layer(DefaultBodyLimit::disable()));
        let routes = at(routes, "/users/{id}", get(rest::user));
        nothing_else_below(nothing_else_below(routes, "/messages"), "/users")
    }
}

#[async_trait]
impl SocketFormat for Direct {
    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        let format = Spoken { user: visit.principal.user.clone(), files: Files::of(visit.media) };
        Ok(Admission { format: Arc::new(format), hello: Hello::default() })
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
        "direct"
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn shows_direct_rooms(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let EventBody::Message { message } = &event.body else { return };
        if !is_shown(message) {
            return;
        }
        // Rooms of more than two are nothing that these front ends know.
        let Some(pair) = people.pair(event.room) else { return };
        if let Some(message) = Message::of(message, &pair, MessageStatus::Sent, &self.files) {
            push_json(out, &Told::MessageCreated(message));
        }
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        match signal {
            Signal::Typing { room_id, user, is_typing } if people.pair(*room_id).is_some() => {
                push_json(out, &Told::Typing { from: WireUser(user.clone()), is_typing: *is_typing });
            }
            // To the sender: whoever passed them is told nothing of it by the engine.
            Signal::Passed { read, delivered, .. } => {
                for id in delivered {
                    push_json(out, &Told::MessageDelivered { id: *id });
                }
                for id in read {
                    push_json(out, &Told::MessageRead { id: *id });
                }
            }
            Signal::Presence { user, status, last_seen } => {
                let online = *status != PresenceStatus::Offline;
                let user_id = WireUser(user.clone());
                push_json(out, &Told::PresenceUpdate { user_id, online, last_seen: *last_seen });
            }
            _ => {}
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Welcome(welcome) => {
                let there = welcome.presence.iter().filter(|entry| entry.status != PresenceStatus::Offline);
                let online_user_ids = there.map(|entry| WireUser(entry.user.clone())).collect();
                push_json(out, &Told::PresenceSnapshot { online_user_ids });
            }
            ServerFrame::Pong { .. } => push_json(out, &Told::Pong),
            ServerFrame::Error(error) => {
                let message = match error.code {
                    ErrorCode::RateLimited => "Rate limited",
                    _ => error.message,
                };
                push_json(out, &Told::Error { message });
            }
            _ => {}
        }
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        let frame = Frame::read(text)?;
        let kind = frame.kind()?;
        if frame.user("user_id")?.is_some_and(|user| user.0 != self.user) {
            return Err(frame::refuse("user_id is not yours", Some("user_id")));
        }
        let command = match kind {
            "message_read" => {
                let message = frame.message("id")?.ok_or_else(|| frame::missing("id"))?;
                Command::ReadMessage { message }
            }
            "typing" => {
                let to = frame.user("to")?.ok_or_else(|| frame::missing("to"))?.0;
                if to == self.user {
                    return Err(frame::refuse("to must be another user", Some("to")));
                }
                let is_typing = frame.flag("is_typing")?.ok_or_else(|| frame::missing("is_typing"))?;
                Command::TypingTo { user: to, is_typing }
            }
            "ping" => Command::Ping,
            _ => return Err(frame::refuse("Unknown type", None)),
        };
        Ok(ClientFrame { id: None, command })
    }
}
