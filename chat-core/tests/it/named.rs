//! A wire format that shows names, hears what it likes and may end with a room.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Event, MissingRoom, NativeJson, People, Signal, UnsubscribeReason, UserDirectory, WireFormat,
    model::{Profile, UserId},
    protocol::{ClientFrame, CloseCode, FrameError, ServerFrame},
};
use serde_json::json;

/// The native format, and beside it in each event `by`, the name of who did it, in each error why a room is missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// It ends with a room.
    pub(crate) ends: bool,
    /// It hears no typing.
    pub(crate) is_deaf: bool,
}

impl WireFormat for Named {
    fn name(&self) -> &'static str {
        "named"
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        let mut frame = serde_json::to_value(event).unwrap();
        if let Some(actor) = &event.actor {
            frame["by"] = json!(people.profile(actor).name);
        }
        out.extend_from_slice(frame.to_string().as_bytes());
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        let mut frame = serde_json::to_value(signal).unwrap();
        if let Signal::Typing { user, .. } | Signal::Presence { user, .. } = signal {
            frame["by"] = json!(people.profile(user).name);
        }
        out.extend_from_slice(frame.to_string().as_bytes());
    }

    fn chooses_signals(&self) -> bool {
        self.is_deaf
    }

    fn hears(&self, signal: &Signal, _: &UserId) -> bool {
        !matches!(signal, Signal::Typing { .. })
    }

    fn room_ended(&self, _: UnsubscribeReason) -> Option<CloseCode> {
        self.ends.then_some(CloseCode::Forbidden)
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        if let ServerFrame::Error(error) = frame {
            let missing = error.missing_room.map(|missing| match missing {
                MissingRoom::NotMember => "not a member",
                _ => "unknown",
            });
            let code = error.code.as_str();
            out.extend_from_slice(
                json!({"type": "error", "code": code, "missing": missing}).to_string().as_bytes(),
            );
        } else {
            NativeJson.frame(frame, out);
        }
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeJson.decode(frame)
    }
}

/// A host's users, each called `Name of` the id: one of them is looked up slowly, and all in vain while it is told so.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) slow: &'static str,
    pub(crate) takes: Duration,
    pub(crate) fails: Arc<AtomicBool>,
}

#[chat_core::async_trait]
impl UserDirectory for Directory {
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, Box<dyn Error + Send + Sync>> {
        if users.iter().any(|user| user.as_str() == self.slow) {
            tokio::time::sleep(self.takes).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err("the directory is out of order".into());
        }
        Ok(users.iter().map(called).collect())
    }
}

/// A user with a name.
pub(crate) fn called(user: &UserId) -> Profile {
    Profile { name: format!("Name of {user}"), ..Profile::unknown(user.clone()) }
}
