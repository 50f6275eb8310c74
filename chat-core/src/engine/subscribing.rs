//! How subscriptions begin and end.

use std::sync::Arc;

use super::{
    Inner, connection::Connection, room::NotRegistered, room_log::Heard, subscription::Subscription,
};
use crate::{
    error::Error,
    model::{Membership, Seq},
    protocol::{Close, CloseCode, ServerFrame},
    signal::UnsubscribeReason,
};

impl Inner {
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
            let replaced = match connection.subs.lock().as_mut() {
                Some(subs) => subs.insert(id, Arc::clone(&sub)),
                None => Some(Arc::clone(&sub)),
            };
            if let Some(replaced) = replaced {
                room.unregister(&replaced);
            }
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
