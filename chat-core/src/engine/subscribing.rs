//! How subscriptions begin and end.

use std::sync::Arc;

use super::{
    Inner, connection::Connection, room::NotRegistered, room_log::Heard, subscription::Subscription,
};
use crate::{
    error::{Error, ErrorCode},
    model::{Membership, RoomId, Seq},
    protocol::{Close, CloseCode, FrameId, ServerFrame},
    signal::UnsubscribeReason,
};

impl Inner {
    /// Subscribes a room, or moves the cursor of a subscription that stands.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        id: Option<&FrameId>,
        room: RoomId,
        since: Option<Seq>,
    ) -> Result<(), Error> {
        let principal = connection.principal();
        let mut declined = connection.following.lock().await;
        let membership = self.readable(&principal, room).await?;
        let (full, standing) = {
            let subs = connection.subs.lock();
            let Some(subs) = subs.as_ref() else { return Ok(()) };
            (subs.len() >= self.limits.rooms_per_connection_max, subs.get(&room).cloned())
        };
        if full && standing.is_none() {
            let message = format!("at most {} rooms a connection", self.limits.rooms_per_connection_max);
            return Err(Error::new(ErrorCode::TooLarge, message).with_field("room_id"));
        }
        // What can fail does so before anything is told.
        self.activate(&[room]).await?;
        let head = membership.head;
        if let (Some(sub), None) = (&standing, since)
            && connection.reply_standing(sub, id, head)
        {
            return Ok(());
        }
        if let Some(sub) = standing {
            // Subscribing anew moves the cursor: the old subscription ends without a word.
            if let Some(subs) = connection.subs.lock().as_mut() {
                subs.remove(&room);
            }
            sub.room.unregister(&sub);
        }
        declined.remove(&room);
        let asked = since.unwrap_or(head).max(membership.visible_from).min(head);
        let above = since.is_some_and(|since| since > head);
        let gap = head.since(asked) > self.limits.gap_after;
        let from = if gap { head.back(self.limits.gap_keep) } else { asked };
        connection.reply(&ServerFrame::Subscribed { id, room_id: room, from: asked, head });
        if above && head > Seq::ZERO {
            connection.reply(&ServerFrame::Gap { room_id: room, from: Seq::ZERO.next(), to: head });
        } else if gap {
            connection.reply(&ServerFrame::Gap { room_id: room, from: asked.next(), to: from });
        }
        self.register_told(connection, membership, from).await;
        Ok(())
    }

    /// Begins a subscription from a cursor, verified by `membership`; looks again where that was too long ago.
    /// `false`: the user's right has ended meanwhile, and the connection was told.
    pub(crate) async fn register(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        mut membership: Membership,
        mut from: Seq,
    ) -> Result<bool, Error> {
        loop {
            let id = membership.room;
            let ended = |reason| {
                connection.reply(&ServerFrame::Unsubscribed { room_id: id, reason });
                close_after_room(connection, reason);
            };
            let Some(room) = self.activate(&[id]).await?.remove(&id) else {
                ended(UnsubscribeReason::Deleted);
                return Ok(false);
            };
            room.set_member_count(membership.member_count);
            if connection.format.shows_direct_rooms() {
                self.learn_pairs(&connection.user, std::slice::from_ref(&room)).await?;
            }
            let sub = Subscription::new(Arc::clone(connection), Arc::clone(&room), from, membership.head);
            match room.register(&sub) {
                Ok(()) => {}
                Err(NotRegistered::Retired) => continue,
                Err(NotRegistered::Ended | NotRegistered::LookAgain) => {
                    match self.membership(&connection.user, id).await {
                        Ok(now) => {
                            // Removed and there again, where newcomers do not see what was before.
                            if now.visible_from > from {
                                let (next, to) = (from.next(), now.visible_from);
                                connection.reply(&ServerFrame::Gap { room_id: id, from: next, to });
                                from = to;
                            }
                            membership = now;
                        }
                        Err(error) if error.is_retryable() => return Err(error),
                        Err(_) => {
                            ended(UnsubscribeReason::Removed);
                            return Ok(false);
                        }
                    }
                    continue;
                }
            }
            let known = membership.head.max(from);
            if room.head() < known {
                room.hear(self, Heard::Head(known));
            }
            connection.hold(&sub);
            if room.head() > from {
                connection.catch_up(&sub);
            }
            return Ok(true);
        }
    }

    /// Begins a subscription of which the client has been told. Where that fails, the connection ends, so that the
    /// client resumes: it believes that it is subscribed.
    pub(crate) async fn register_told(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        membership: Membership,
        from: Seq,
    ) {
        if self.register(connection, membership, from).await.is_err() {
            connection.close(Close::silent(CloseCode::GoingAway));
        }
    }

    /// The last event of a subscription was given: it ends, and the client is told.
    pub(crate) fn subscription_ended(self: &Arc<Self>, sub: &Arc<Subscription>) {
        let reason = sub.reason();
        // Who was added again before this was given has the room still, and must be told so.
        if self.unsubscribe(sub, reason) && reason != UnsubscribeReason::Deleted {
            self.user_rooms_changed(&sub.connection.user);
        }
    }

    /// Ends a subscription and tells the client. `false`: it had ended before.
    pub(crate) fn unsubscribe(&self, sub: &Arc<Subscription>, reason: UnsubscribeReason) -> bool {
        if !sub.room.unregister(sub) {
            return false;
        }
        let connection = &sub.connection;
        // Told before the room counts as missing: else it could be added again before it is told to be gone.
        connection.reply(&ServerFrame::Unsubscribed { room_id: sub.room.id, reason });
        if let Some(subs) = connection.subs.lock().as_mut()
            && subs.get(&sub.room.id).is_some_and(|held| Arc::ptr_eq(held, sub))
        {
            subs.remove(&sub.room.id);
        }
        close_after_room(connection, reason);
        true
    }
}

/// A room has ended for a connection: some formats end with it.
pub(super) fn close_after_room(connection: &Arc<Connection>, reason: UnsubscribeReason) {
    if reason != UnsubscribeReason::Requested
        && let Some(code) = connection.format.room_ended(reason)
    {
        connection.close(Close::silent(code));
    }
}
