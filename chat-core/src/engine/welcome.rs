//! How a connection begins: what its welcome says, and where each of its rooms goes on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Inner, connection::Connection, metrics, subscribing::close_after_room};
use crate::{
    error::Error,
    hooks::Principal,
    model::{Membership, Profile, RoomId, Seq},
    protocol::{ByeReason, Close, CloseCode, Hello, ServerFrame, Subscribe, Welcome, WelcomeLimits},
    signal::UnsubscribeReason,
};

impl Inner {
    /// Subscribes the user's rooms, resumes from the cursors of `hello`, and queues the welcome.
    pub(super) async fn begin(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        hello: &Hello,
    ) -> Result<(), Error> {
        let _changing = connection.following.lock().await;
        if connection.format.needs_people() {
            self.people.want();
        }
        let (over, first) = self.users.add(connection, self.limits.connections_per_user_max);
        for oldest in over {
            oldest.close(Close::with_bye(CloseCode::Superseded, ByeReason::Superseded, Duration::ZERO));
        }
        if first {
            self.follow_user(&connection.user).await;
        }
        let principal = connection.principal();
        self.keep_claims(&principal, true);
        let epoch = self.epoch();
        let reset = hello.epoch.as_deref().is_some_and(|told| told != &*epoch);
        let listed: Vec<RoomId> = hello.rooms.keys().copied().collect();
        let wanted = if hello.subscribe == Subscribe::All { None } else { Some(&*listed) };
        let limit = self.limits.rooms_per_connection_max;
        let user = &connection.user;
        let joined = self.read("memberships", self.store.memberships(user, wanted, limit)).await?;
        let is_whole = joined.len() < limit;
        let mut memberships = self.those_readable(&principal, joined).await?;
        let shown: Vec<_> = memberships.iter().take(self.limits.welcome_rooms).map(|m| m.room).collect();
        let mut entries = self.entries_of(Some(user), shown).await?;
        // Removed since: neither shown nor subscribed.
        memberships.retain(|m| entries.iter().all(|entry| entry.room.id != m.room || entry.role.is_some()));
        entries.retain(|entry| entry.role.is_some());
        // An entry is of a later moment than the membership, and its head is where events go on. What the membership
        // was read at stays: the user may have been removed in between.
        let mut heads: BTreeMap<RoomId, Seq> = memberships.iter().map(|m| (m.room, m.head)).collect();
        for entry in &entries {
            if let Some(head) = heads.get_mut(&entry.room.id) {
                *head = entry.head.max(*head);
            }
        }
        let gone = self.gone(connection, &listed, &memberships, is_whole).await?;
        let blocked = self.begin_blocks(connection).await?;
        let snapshot = self.presence_snapshot(connection).await;
        let welcome = Welcome {
            user: self.own_profile(&principal).await,
            connection_id: connection.id,
            epoch: epoch.to_string(),
            reset,
            heartbeat_ms: u64::try_from(self.limits.heartbeat.as_millis()).unwrap_or(u64::MAX),
            limits: WelcomeLimits::from(&self.limits),
            rooms: entries,
            heads,
            gone,
            blocked,
            presence: snapshot.told(),
        };
        // Its size is made by others: who may put the user into rooms could else keep the user out.
        connection.reply_large(&ServerFrame::Welcome(&welcome));
        if !welcome.gone.is_empty() {
            close_after_room(connection, UnsubscribeReason::Removed);
        }
        if connection.closing().is_some() {
            return Ok(());
        }
        let heads = welcome.heads;
        let ids: Vec<_> = memberships.iter().map(|m| m.room).collect();
        self.activate(&ids).await?;
        self.learn_direct_rooms(connection, &memberships).await?;
        let cursors = if reset { BTreeMap::new() } else { hello.rooms.clone() };
        let mut budget = self.limits.resume_events_max;
        for membership in memberships {
            let since = cursors.get(&membership.room).copied().flatten();
            let head = heads.get(&membership.room).copied().unwrap_or(membership.head);
            let from = self.resume_from(connection, &membership, head, since, &mut budget);
            self.register(connection, membership, from).await?;
            if connection.closing().is_some() {
                return Ok(());
            }
        }
        if reset {
            metrics::resumed("reset");
        }
        if connection.follow == Subscribe::Watch {
            let held = self.read("memberships", self.store.memberships(user, None, limit)).await?;
            self.watch_rooms(connection, &held).await?;
        }
        // Before other nodes hear of the user, so that they find the name.
        self.claims_kept(user).await;
        self.presence_begins(connection, snapshot);
        Ok(())
    }

    /// Rooms that were listed and are not the user's any more, or not readable. `is_whole`: `memberships` are all that
    /// the user has, but for those.
    async fn gone(
        &self,
        connection: &Connection,
        listed: &[RoomId],
        memberships: &[Membership],
        is_whole: bool,
    ) -> Result<Vec<RoomId>, Error> {
        let mut gone: Vec<RoomId> = listed.to_vec();
        gone.retain(|room| !memberships.iter().any(|m| m.room == *room));
        if gone.is_empty() || is_whole {
            return Ok(gone);
        }
        // More rooms than are subscribed: those that merely did not fit are not gone.
        let user = &connection.user;
        let held = self.store.memberships(user, Some(&gone), gone.len());
        let held = self.read("memberships", held).await?;
        let held = self.those_readable(&connection.principal(), held).await?;
        gone.retain(|room| !held.iter().any(|m| m.room == *room));
        Ok(gone)
    }

    /// Where a subscription starts; what is left out is told.
    fn resume_from(
        &self,
        connection: &Arc<Connection>,
        membership: &Membership,
        head: Seq,
        since: Option<Seq>,
        budget: &mut u64,
    ) -> Seq {
        let Some(since) = since else { return head };
        let (from, to, outcome) = if since > head {
            // From a log that was longer: nothing the client holds of this room can be trusted.
            (Seq::ZERO, head, "above_head")
        } else {
            // What lies below belongs to nobody who joined as late; left out, and told.
            let visible = since.max(membership.visible_from);
            let behind = head.since(visible);
            if behind <= self.limits.gap_keep || behind <= self.limits.gap_after && behind <= *budget {
                (since, visible, "recovered")
            } else {
                (since, head.back(self.limits.gap_keep), "gap")
            }
        };
        metrics::resumed(outcome);
        if to > from {
            connection.reply(&ServerFrame::Gap { room_id: membership.room, from: from.next(), to });
        }
        *budget = budget.saturating_sub(head.since(to));
        to
    }

    /// A user as shown to himself: as the host's directory says, else as the token claims.
    async fn own_profile(&self, principal: &Principal) -> Profile {
        let claimed = principal.profile.clone();
        match (&self.host.directory, claimed) {
            (None, Some(claimed)) => claimed,
            (None, None) => Profile::unknown(principal.user.clone()),
            (Some(_), _) => {
                let users = [principal.user.clone()];
                let known = self.profiles_of(&users).await.pop();
                known.unwrap_or_else(|| Profile::unknown(principal.user.clone()))
            }
        }
    }
}
