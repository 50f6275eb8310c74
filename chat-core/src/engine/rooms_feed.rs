//! A user's set of rooms: connections that follow all of them are told of new ones.

use std::sync::Arc;

use super::{Inner, connection::Connection, metrics, users::Users};
use crate::{
    bus::Topic,
    error::Error,
    hooks::ActionKind,
    model::{Membership, RoomId, UserId},
    protocol::{ServerFrame, Subscribe},
    signal::UnsubscribeReason,
};

/// Users compared at once by a sweep.
const COMPARED_AT_ONCE: usize = 8;

/// A user whose rooms are being compared: whatever becomes of that, the next comparison is free to begin.
struct Comparing<'a> {
    users: &'a Users,
    user: &'a UserId,
    has_ended: bool,
}

impl Drop for Comparing<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.users.give_up_compare(self.user);
        }
    }
}

impl Inner {
    /// Hears of a user from other nodes from here on; gives up waiting, not listening, after a while.
    pub(crate) async fn follow_user(&self, user: &UserId) {
        let topics = [Topic::User(user.clone())];
        let subscribed = self.link.bus.subscribe(&topics);
        if let Ok(Err(error)) = tokio::time::timeout(self.limits.activation_wait, subscribed).await {
            metrics::bus_failed(&error);
        }
    }

    /// A user's set of rooms may have changed: compares it with what the connections here have.
    pub(crate) fn user_rooms_changed(self: &Arc<Self>, user: &UserId) {
        if self.users.begin_compare(user) {
            let (engine, user) = (Arc::clone(self), user.clone());
            self.spawn(async move { engine.compare_until_still(&user).await });
        }
    }

    /// Compares everyone's, as the sweep does and after a loss.
    pub(crate) async fn compare_all_room_sets(self: &Arc<Self>) {
        use futures::StreamExt as _;
        let users: Vec<_> = self.users.all().into_iter().map(|(user, _)| user).collect();
        futures::stream::iter(users)
            .for_each_concurrent(COMPARED_AT_ONCE, |user| async move {
                if self.users.begin_compare(&user) {
                    self.compare_until_still(&user).await;
                }
            })
            .await;
    }

    pub(crate) async fn sweep_room_sets(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(self.limits.room_set_sweep) => {}
            }
            self.compare_all_room_sets().await;
        }
    }

    async fn compare_until_still(self: &Arc<Self>, user: &UserId) {
        let mut comparing = Comparing { users: &self.users, user, has_ended: false };
        while !comparing.has_ended {
            // A failure is made up for by the next sweep.
            drop(self.compare(user).await);
            comparing.has_ended = !self.users.end_compare(user);
        }
    }

    async fn compare(self: &Arc<Self>, user: &UserId) -> Result<(), Error> {
        let connections = self.users.of(user);
        if connections.is_empty() {
            return Ok(());
        }
        let limit = self.limits.rooms_per_connection_max;
        let held = self.read("memberships", self.store.memberships(user, None, limit)).await?;
        for connection in connections {
            let mut declined = connection.following.lock().await;
            let subs = connection.all_subs();
            if connection.follow == Subscribe::All && connection.end().is_none() {
                declined.retain(|room| held.len() >= limit || held.iter().any(|m| m.room == *room));
                let is_missing = |m: &&Membership| {
                    !subs.iter().any(|sub| sub.room.id == m.room) && !declined.contains(&m.room)
                };
                let missing = held.iter().filter(is_missing).cloned().collect();
                let mut missing = self.those_readable(&connection.principal(), missing).await?;
                let mut free = limit.saturating_sub(subs.len());
                // The most recently active are subscribed: others make room for them.
                let quiet = subs.iter().filter(|sub| !held.iter().any(|m| m.room == sub.room.id));
                for sub in quiet.take(missing.len().saturating_sub(free)) {
                    self.note_delivered(sub);
                    free += usize::from(self.unsubscribe(sub, UnsubscribeReason::Requested));
                }
                missing.truncate(free);
                // A failure is made up for by the next sweep.
                drop(self.add_rooms(&connection, missing).await);
            }
            drop(self.watch_rooms(&connection, &held).await);
            drop(declined);
            // Where a room is not the user's any more, its log says so: it is looked at now.
            let lost: Vec<RoomId> = subs
                .iter()
                .map(|sub| sub.room.id)
                .filter(|room| held.len() < limit && !held.iter().any(|m| m.room == *room))
                .collect();
            self.ask_heads(&lost).await;
        }
        Ok(())
    }

    /// Brings what a connection watches level with `held`, its user's rooms: those small enough for presence to be
    /// told in them. The caller holds `following`.
    pub(crate) async fn watch_rooms(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        held: &[Membership],
    ) -> Result<(), Error> {
        let Some(watched) = connection.watched.lock().clone() else { return Ok(()) };
        let is_whole = held.len() < self.limits.rooms_per_connection_max;
        for (id, room) in &watched {
            if is_whole && !held.iter().any(|m| m.room == *id) {
                room.unwatch(connection);
                connection.watched.lock().as_mut().and_then(|watched| watched.remove(id));
            }
        }
        let missing = held
            .iter()
            .filter(|m| m.member_count <= self.limits.signals_room_max)
            .filter(|m| watched.get(&m.room).is_none_or(|room| !room.is_watched_by(connection)))
            .cloned()
            .collect();
        let missing = self.those_readable(&connection.principal(), missing).await?;
        let rooms = self.activate(&missing.iter().map(|m| m.room).collect::<Vec<_>>()).await?;
        for Membership { room: id, member_count, .. } in missing {
            // One that became inactive meanwhile, or was deleted, is looked at again by the next comparison.
            let Some(room) = rooms.get(&id).filter(|room| room.watch(connection)) else { continue };
            room.set_member_count(member_count);
            match connection.watched.lock().as_mut() {
                Some(watched) => drop(watched.insert(id, Arc::clone(room))),
                None => room.unwatch(connection),
            }
        }
        Ok(())
    }

    async fn add_rooms(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        missing: Vec<Membership>,
    ) -> Result<(), Error> {
        let entries =
            self.entries_of(Some(&connection.user), missing.iter().map(|m| m.room).collect()).await?;
        for membership in missing {
            let entry = entries.iter().find(|entry| entry.room.id == membership.room);
            // Removed since: not shown.
            let Some(entry) = entry.filter(|entry| entry.role.is_some()) else { continue };
            // What can fail does so before anything is told.
            self.activate(&[membership.room]).await?;
            connection.reply(&ServerFrame::RoomAdded { room: entry });
            let whole = connection.format.shows_direct_rooms() && entry.peer.is_some();
            let from = if whole { membership.visible_from } else { entry.head };
            let room = membership.room;
            self.register_told(connection, membership, from).await;
            if whole {
                self.tell_passed_before(connection, room).await;
            }
        }
        Ok(())
    }

    /// The policy's word on a room may have changed for a user: asks it anew for the connections here.
    pub(crate) fn rights_changed(self: &Arc<Self>, user: &UserId, room: RoomId) {
        let connections = self.users.of(user);
        if connections.is_empty() || !self.host.policy.concerns(ActionKind::Read) {
            return;
        }
        let engine = Arc::clone(self);
        self.spawn(async move {
            for connection in connections {
                let _following = connection.following.lock().await;
                let sub = connection.sub(room);
                let watched =
                    connection.watched.lock().as_ref().and_then(|watched| watched.get(&room).cloned());
                if sub.is_none() && watched.is_none() {
                    continue;
                }
                let principal = connection.principal();
                match engine.allow(&principal, ActionKind::Read, Some(room), None).await {
                    Err(error) if !error.is_retryable() => {
                        if let Some(room) = watched {
                            room.unwatch(&connection);
                        }
                        if let Some(sub) = sub {
                            engine.note_delivered(&sub);
                            engine.unsubscribe(&sub, UnsubscribeReason::Removed);
                        }
                    }
                    _ => {}
                }
            }
        });
        // Adds what may be read now.
        self.user_rooms_changed(user);
    }
}
