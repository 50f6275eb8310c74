//! Who is typing in a room.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Inner, room::Room};
use crate::{
    bus::{Payload, QuotaKey, Topic},
    error::Error,
    model::UserId,
    signal::Signal,
};

/// Who is typing, and until when if nothing more is heard.
#[derive(Debug, Default)]
pub(crate) struct Typists(BTreeMap<UserId, Instant>);

impl Typists {
    /// Takes a start or stop; says whether anything is to be told.
    fn set(&mut self, user: &UserId, is_typing: bool, until: Instant) -> bool {
        if is_typing {
            // Told again while it goes on: receivers forget a start after its expiry too.
            self.0.insert(user.clone(), until);
            true
        } else {
            self.0.remove(user).is_some()
        }
    }

    /// Whether a user was told to be typing.
    pub(crate) fn has(&self, user: &UserId) -> bool {
        self.0.contains_key(user)
    }

    /// A user is not in the room any more: that it is over is told with the next look, as of one who is not heard from.
    pub(crate) fn end(&mut self, user: &UserId) {
        if let Some(until) = self.0.get_mut(user) {
            *until = Instant::now();
        }
    }

    fn expired(&mut self, now: Instant) -> Vec<UserId> {
        let over: Vec<_> =
            self.0.iter().filter(|(_, until)| **until <= now).map(|(user, _)| user.clone()).collect();
        for user in &over {
            self.0.remove(user);
        }
        over
    }
}

impl Inner {
    /// A user of this node types, or has stopped.
    pub(crate) fn set_typing(
        self: &Arc<Self>,
        room: &Arc<Room>,
        user: &UserId,
        is_typing: bool,
    ) -> Result<(), Error> {
        if is_typing {
            let key = QuotaKey::Typing(user.clone(), room.id);
            self.link.quota.take(key, 1, self.limits.typing).map_err(Error::rate_limited)?;
        }
        if room.member_count() > self.limits.signals_room_max {
            return Ok(());
        }
        let signal = Signal::Typing { room_id: room.id, user: user.clone(), is_typing };
        self.show_named(Topic::Room(room.id), signal.clone());
        self.link.bus.publish(Topic::Room(room.id), Payload::Signal(signal));
        Ok(())
    }

    /// Tells a room's subscribers here, but not the typist.
    pub(crate) fn show_typing(&self, room: &Arc<Room>, user: &UserId, is_typing: bool) {
        let until = Instant::now() + self.limits.typing_expires;
        if room.typists.lock().set(user, is_typing, until) {
            let signal = Signal::Typing { room_id: room.id, user: user.clone(), is_typing };
            room.signal(&signal, Some(user));
        }
    }

    /// Stops those from whom nothing more was heard.
    pub(crate) async fn expire_typing(self: Arc<Self>) {
        const LOOK: Duration = Duration::from_millis(500);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = Instant::now();
            for room in self.rooms.active() {
                for user in room.typists.lock().expired(now) {
                    let signal = Signal::Typing { room_id: room.id, user: user.clone(), is_typing: false };
                    room.signal(&signal, Some(&user));
                }
            }
        }
    }
}
