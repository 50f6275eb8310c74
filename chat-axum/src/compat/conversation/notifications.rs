//! The socket that tells a user of news in all conversations, whichever of them are open.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chat_core::{
    Engine, Error, Event, EventBody, People, Principal, Signal, WireFormat,
    model::RoomId,
    protocol::{ClientFrame, CloseCode, FrameError, Hello, ServerFrame},
};
use tokio::time::Instant;

use super::{
    rest::settle,
    shapes::{Message, Told},
    socket::{push_error, refuse_all},
};
use crate::compat::{
    Admission, Relay, SocketFormat, Visit, files::Files, names::Names, push_close, push_json,
};

/// Between two notifications of one conversation.
const PAUSE: Duration = Duration::from_secs(1);

/// Begins a frame for the relay; no frame of the transport does.
const MARK: u8 = 0;

/// `GET /ws/notifications/`.
#[derive(Debug)]
pub(super) struct NotificationsSocket;

#[async_trait]
impl SocketFormat for NotificationsSocket {
    fn relay(&self, visit: &Visit<'_>) -> Option<Box<dyn Relay>> {
        Some(Box::new(Notifications {
            engine: visit.engine.clone(),
            principal: visit.principal.clone(),
            files: Files::of(visit.media),
            news: BTreeMap::new(),
            told: HashMap::new(),
        }))
    }

    async fn admit(&self, _visit: Visit<'_>) -> Result<Admission, CloseCode> {
        Ok(Admission { format: Arc::new(Marks), hello: Hello::default() })
    }
}

/// What the relay is given: where something has happened. What is unread is not the same for everyone, and is asked for.
#[derive(Debug)]
pub(super) struct Marks;

impl WireFormat for Marks {
    fn name(&self) -> &'static str {
        "conversation-marks"
    }

    fn event(&self, event: &Event, _people: &People, out: &mut Vec<u8>) {
        if matches!(
            event.body,
            EventBody::Message { .. } | EventBody::MessageEdited { .. } | EventBody::MessageDeleted { .. }
        ) {
            push_mark(out, event.room);
        }
    }

    fn signal(&self, signal: &Signal, _people: &People, out: &mut Vec<u8>) {
        if let Signal::Unread { room_id, .. } = signal {
            push_mark(out, *room_id);
        }
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        push_error(frame, out);
    }

    fn close(&self, code: CloseCode, out: &mut Vec<u8>) {
        push_close(out, code);
    }

    fn decode(&self, text: &[u8]) -> Result<ClientFrame, FrameError> {
        refuse_all(text)
    }
}

/// One connection's news: of each conversation one a second at most, as it then stands.
struct Notifications {
    engine: Engine,
    principal: Principal,
    files: Files,
    /// Where something has happened, and when that may be told.
    news: BTreeMap<RoomId, Instant>,
    /// What was told within the last [`PAUSE`], and when.
    told: HashMap<RoomId, Instant>,
}

#[async_trait]
impl Relay for Notifications {
    fn take(&mut self, frame: &[u8], out: &mut Vec<u8>) {
        let Some(room) = read_mark(frame) else { return out.extend_from_slice(frame) };
        let next = self.told.get(&room).map_or_else(Instant::now, |told| *told + PAUSE);
        self.news.entry(room).or_insert(next);
    }

    fn due(&self) -> Option<Instant> {
        self.news.values().min().copied()
    }

    async fn speak(&mut self, out: &mut Vec<u8>) {
        let now = Instant::now();
        self.told.retain(|_, told| now < *told + PAUSE);
        let due: Vec<RoomId> =
            self.news.iter().filter(|(_, at)| **at <= now).map(|(room, _)| *room).collect();
        for room in due {
            self.news.remove(&room);
            self.told.insert(room, now);
            let told = self.tell(room, out).await;
            // Else it is not the user's any more.
            if told.is_err_and(|error| error.is_retryable()) {
                self.news.insert(room, now + PAUSE);
            }
        }
    }
}

impl Notifications {
    async fn tell(&self, room: RoomId, out: &mut Vec<u8>) -> Result<(), Error> {
        let user = self.engine.as_user(&self.principal);
        let mut entry = user.room_entry(room).await?;
        settle(&user, &mut entry).await?;
        let last = entry.last_message.as_ref();
        let sender = last.and_then(|message| message.sender.as_ref());
        let names = Names::of(&self.engine, &self.principal, sender).await;
        let last_message = last.and_then(|message| Message::shown(message, &names, &self.files));
        push_json(out, &Told::Notification { conversation: room, unread_count: entry.unread, last_message });
        Ok(())
    }
}

fn push_mark(out: &mut Vec<u8>, room: RoomId) {
    out.push(MARK);
    out.extend_from_slice(&room.get().to_be_bytes());
}

fn read_mark(frame: &[u8]) -> Option<RoomId> {
    let (&MARK, room) = frame.split_first()? else { return None };
    RoomId::new(i64::from_be_bytes(room.try_into().ok()?))
}
