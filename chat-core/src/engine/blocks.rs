//! Whom users have blocked, as the connections of this node know it.

use std::{collections::BTreeSet, sync::Arc};

use futures::StreamExt as _;

use super::{
    Inner,
    connection::Connection,
    signalling::{show_one, signal_one},
};
use crate::{
    bus::{Payload, Topic},
    error::{Error, ErrorCode},
    model::UserId,
    signal::{PresenceStatus, Signal},
    store::Blocked,
};

/// Users whose lists are read at once.
const READ_AT_ONCE: usize = 8;

impl Inner {
    /// `user` blocks `other`, or takes it back; says whether that changed anything.
    pub(crate) async fn set_block(
        self: &Arc<Self>,
        user: &UserId,
        other: &UserId,
        is_blocked: bool,
    ) -> Result<bool, Error> {
        let (engine, user, other) = (Arc::clone(self), user.clone(), other.clone());
        self.to_the_end(async move {
            let changed = engine.put_block(&user, &other, is_blocked).await;
            let may_be = match &changed {
                // Also where it stood: the answer of the call that made it may have been lost, and its news with it.
                Ok(_) => true,
                Err(error) => error.code() == ErrorCode::OutcomeUnknown,
            };
            if may_be {
                engine.blocks_changed(&user);
                engine.link.bus.publish(Topic::User(user.clone()), Payload::Blocks(user));
            }
            changed
        })
        .await
    }

    async fn put_block(&self, user: &UserId, other: &UserId, is_blocked: bool) -> Result<bool, Error> {
        if !is_blocked {
            return self.put("drop_block", self.store.drop_block(user, other)).await;
        }
        let (at, max) = (self.clock.now(), self.limits.blocks_max);
        match self.put("put_block", self.store.put_block(user, other, at, max)).await? {
            Blocked::Made => Ok(true),
            Blocked::Stood => Ok(false),
            Blocked::TooMany => {
                let message = format!("at most {max} users can be blocked");
                Err(Error::new(ErrorCode::Conflict, message))
            }
        }
    }

    /// Whom a user has blocked, by id.
    pub(crate) async fn blocks(&self, user: &UserId) -> Result<Vec<UserId>, Error> {
        self.read("blocks", self.store.blocks(user, self.limits.blocks_max)).await
    }

    /// What a connection begins with. Its `following` is held, so that no later list is overwritten by this one.
    pub(crate) async fn begin_blocks(&self, connection: &Connection) -> Result<Vec<UserId>, Error> {
        let blocked = self.blocks(&connection.user).await?;
        *connection.blocked.lock() = blocked.iter().cloned().collect();
        Ok(blocked)
    }

    /// A user's list may have changed: the connections here are told where it has.
    pub(crate) fn blocks_changed(self: &Arc<Self>, user: &UserId) {
        if self.users.is_here(user) {
            let (engine, user) = (Arc::clone(self), user.clone());
            self.spawn(async move { engine.read_blocks(&user).await });
        }
    }

    /// Reads everyone's, after a loss.
    pub(crate) async fn read_all_blocks(&self) {
        let users = self.users.all().into_iter().map(|(user, _)| user);
        futures::stream::iter(users)
            .for_each_concurrent(READ_AT_ONCE, |user| async move { self.read_blocks(&user).await })
            .await;
    }

    async fn read_blocks(&self, user: &UserId) {
        for connection in self.users.of(user) {
            let _following = connection.following.lock().await;
            // A failure is logged; the next change, loss or connection makes up for it.
            let Ok(users) = self.blocks(user).await else { return };
            let now: BTreeSet<UserId> = users.iter().cloned().collect();
            let before = std::mem::replace(&mut *connection.blocked.lock(), now.clone());
            if before != now {
                let hidden: Vec<UserId> = now.difference(&before).cloned().collect();
                if !hidden.is_empty() {
                    self.hide(&connection, &hidden).await;
                }
                let signal = Signal::Blocked { users };
                signal_one(&connection, &signal, &signal.key(), &self.people, &mut Vec::new());
            }
        }
    }

    /// Takes back what a connection was shown of users whom it is shown nothing of any more: it would stand for good.
    async fn hide(&self, connection: &Arc<Connection>, users: &[UserId]) {
        let show = |signal: &Signal| {
            show_one(connection, signal, &signal.key(), &self.people, &mut Vec::new());
        };
        for sub in connection.all_subs() {
            let room = &sub.room;
            let typing = users.iter().filter(|user| room.typists.lock().has(user));
            for user in typing.cloned().collect::<Vec<_>>() {
                show(&Signal::Typing { room_id: room.id, user, is_typing: false });
            }
        }
        let (size, me) = (self.limits.signals_room_max, &connection.user);
        let known = self.store.acquaintances(me, users, size, users.len());
        // What fails here is made up for by the list itself: clients hide those on it.
        let Ok(known) = self.read("acquaintances", known).await else { return };
        let Ok(statuses) = self.link.leases.read(&known).await else { return };
        let there = known.into_iter().zip(statuses).filter(|(_, status)| *status != PresenceStatus::Offline);
        for (user, _) in there {
            show(&Signal::Presence { user, status: PresenceStatus::Offline, last_seen: None });
        }
    }
}
