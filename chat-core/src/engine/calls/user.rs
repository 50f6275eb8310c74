//! Calls of a user: each checks limits, policy, membership and role, whatever the way in.

use std::sync::Arc;

use serde::Serialize;

use super::rooms::{CreateRoom, Created, Held};
use crate::{
    bus::QuotaKey,
    engine::validate::{self, Write},
    error::{Error, ErrorCode},
    event::EventBody,
    hooks::{ActionKind, Principal},
    model::{
        Activity, Emoji, Message, MessageVersion, Profile, RoomDetail, RoomEntry, RoomId, Seq, Timestamp,
        Unread, UserId,
    },
    protocol::{HistoryRange, PresenceEntry, Send, SendTo},
    signal::PresenceStatus,
    store::{ChangeBody, EventPage, MessagePage, Outcome, Require, RoomScope, RoomUpdate, RoomsQuery},
};

/// Earlier versions shown of one message.
const VERSIONS_MAX: usize = 100;

/// Calls bound by what the user may do.
#[derive(Clone, Copy, Debug)]
pub struct AsUser<'a> {
    pub(super) inner: Held<'a>,
    pub(super) principal: &'a Principal,
}

/// What came of a send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentMessage {
    /// The message as it is now.
    pub message: Message,
    /// Whether it had been stored before, under the same `client_id`.
    pub is_repeat: bool,
}

/// A user as others see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UserView {
    /// What is shown.
    #[serde(flatten)]
    pub profile: Profile,
    /// Whether the user is there; known of those alone with whom the caller shares a room.
    pub online: bool,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PresenceStatus>,
    /// When the last connection ended, of those with whom the caller shares a room.
    pub last_seen: Option<Timestamp>,
}

impl AsUser<'_> {
    /// Sends a message.
    ///
    /// # Errors
    /// See the error codes of the protocol; `outcome_unknown` means: repeat with the same `client_id`.
    pub async fn send(&self, send: Send) -> Result<SentMessage, Error> {
        let user = &self.principal.user;
        self.inner.take(QuotaKey::Sends(user.clone()), 1, self.inner.limits.sends)?;
        let mut write = self.inner.write_of_send(&send)?;
        // Not before: a message that is none makes no room.
        if let SendTo::User(other) = &send.to {
            write.room = Some(self.inner.direct_room(self.principal, other).await?);
        }
        sent(self.inner.write(self.principal, write).await?)
    }

    /// Edits an own message; gives its place in the log where something changed.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn edit(
        &self,
        room: RoomId,
        target: Seq,
        content: impl Into<String>,
        mentions: Option<Vec<UserId>>,
    ) -> Result<Option<Seq>, Error> {
        self.write(Write::edit(&self.inner.limits, room, target, content.into(), mentions)?).await
    }

    /// Deletes a message: an own one, or as moderator any.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn delete(&self, room: RoomId, target: Seq) -> Result<Option<Seq>, Error> {
        self.write(Write::delete(room, target)).await
    }

    /// Reacts to a message.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn react(&self, room: RoomId, target: Seq, emoji: Emoji) -> Result<Option<Seq>, Error> {
        let kinds_max = self.inner.limits.reaction_kinds_max;
        let body = ChangeBody::React { target, emoji, kinds_max };
        self.write(Write::new(room, ActionKind::React, Require::WRITER, body)).await
    }

    /// Takes a reaction back.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn unreact(&self, room: RoomId, target: Seq, emoji: Emoji) -> Result<Option<Seq>, Error> {
        let body = ChangeBody::Unreact { target, emoji };
        self.write(Write::new(room, ActionKind::React, Require::MEMBER, body)).await
    }

    /// Makes a room, or finds the one that stands (a direct room for the pair, a room under the same `client_id`).
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn create_room(&self, create: CreateRoom) -> Result<Created, Error> {
        self.inner.create_room(self.principal, create).await
    }

    /// Changes a room's name, metadata or history mode.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn update_room(&self, room: RoomId, update: RoomUpdate) -> Result<Option<Seq>, Error> {
        let body = self.inner.checked_update(update)?;
        self.write(Write::new(room, ActionKind::UpdateRoom, Require::MODERATOR, body)).await
    }

    /// Deletes a room and all that was said in it.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn delete_room(&self, room: RoomId) -> Result<(), Error> {
        self.write(Write::new(room, ActionKind::DeleteRoom, Require::OWNER, ChangeBody::DeleteRoom))
            .await
            .map(drop)
    }

    /// The own rooms that one may read, latest activity first. Fewer than the limit: there are no more.
    ///
    /// # Errors
    /// `unavailable` (also where so many may not be read that looking for others takes too long), or `bad_field` for a bad limit.
    pub async fn rooms(
        &self,
        before: Option<Activity>,
        limit: Option<usize>,
    ) -> Result<Vec<RoomEntry>, Error> {
        let limit = validate::page(&self.inner.limits, limit)?;
        // A page that is not full would look like the last: it is filled up with what follows.
        let filled = async {
            let (mut rooms, mut before) = (Vec::new(), before);
            loop {
                let page = self.list(RoomScope::Joined, before, limit).await?;
                let is_last = page.len() < limit;
                before = page.last().map(|entry| entry.activity);
                rooms.extend(self.inner.readable_of(self.principal, page, |entry| entry.room.id).await?);
                if is_last || rooms.len() >= limit {
                    rooms.truncate(limit);
                    return Ok(rooms);
                }
            }
        };
        self.inner.policy_in_time(filled).await
    }

    /// Public rooms whose name has `text` in it, latest activity first. Of one that the caller is in and may not read,
    /// what was said is left out.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn public_rooms(
        &self,
        text: &str,
        before: Option<Activity>,
        limit: Option<usize>,
    ) -> Result<Vec<RoomEntry>, Error> {
        validate::check_text("public", text)?;
        self.inner.allow(self.principal, ActionKind::ListPublic, None, None).await?;
        let limit = validate::page(&self.inner.limits, limit)?;
        let mut rooms = self.list(RoomScope::Public(text.to_owned()), before, limit).await?;
        let own = rooms.iter().filter(|entry| entry.role.is_some()).map(|entry| entry.room.id).collect();
        let readable = self.inner.readable_of(self.principal, own, |room| *room).await?;
        for entry in &mut rooms {
            if entry.role.is_some() && !readable.contains(&entry.room.id) {
                entry.last_message = None;
                entry.unread = 0;
                entry.mentions = 0;
            }
        }
        Ok(rooms)
    }

    /// One room in full.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn room(&self, room: RoomId) -> Result<RoomDetail, Error> {
        self.inner.readable(self.principal, room).await?;
        let entry = self.inner.entry(Some(&self.principal.user), room).await?;
        let page = self.inner.limits.page_max;
        let of_rooms = self.inner.read("members_of", self.inner.store.members_of(&[room], page)).await?;
        let members = of_rooms.into_iter().next().map_or_else(Vec::new, |(_, members)| members);
        let pointers = if entry.member_count <= self.inner.limits.signals_room_max {
            self.inner.read("pointers", self.inner.store.pointers(room, page)).await?
        } else {
            Vec::new()
        };
        Ok(RoomDetail { as_of: entry.head, entry, members, pointers })
    }

    /// A room as in the own list.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn room_entry(&self, room: RoomId) -> Result<RoomEntry, Error> {
        self.inner.readable(self.principal, room).await?;
        self.inner.entry(Some(&self.principal.user), room).await
    }

    /// Messages of a room.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn history(
        &self,
        room: RoomId,
        range: HistoryRange,
        limit: Option<usize>,
        thread: Option<Seq>,
    ) -> Result<MessagePage, Error> {
        self.inner.history(self.principal, room, range, limit, thread).await
    }

    /// Earlier versions of a message.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn versions(&self, room: RoomId, target: Seq) -> Result<Vec<MessageVersion>, Error> {
        let membership = self.inner.readable(self.principal, room).await?;
        if target <= membership.visible_from {
            return Err(Error::new(ErrorCode::NotFound, "no such message"));
        }
        self.inner.read("versions", self.inner.store.versions(room, target, VERSIONS_MAX)).await
    }

    /// Events of a room above a position: what a gap left out.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn events(&self, room: RoomId, since: Seq, limit: Option<usize>) -> Result<EventPage, Error> {
        let mut membership = self.inner.readable(self.principal, room).await?;
        loop {
            let page = self.inner.events(room, since.max(membership.visible_from), limit).await?;
            let Some(now) = self.inner.readable_still(self.principal, &membership, page.head).await? else {
                return Ok(page);
            };
            membership = now;
        }
    }

    /// Moves the own read pointer forward.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn read(&self, room: RoomId, seq: Seq) -> Result<Unread, Error> {
        let (engine, principal) = (Arc::clone(self.inner), self.principal.clone());
        self.inner.to_the_end(async move { engine.mark_read(&principal, room, seq, None).await }).await
    }

    /// What is shown of a user.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn user(&self, user: &UserId) -> Result<UserView, Error> {
        let users = [user.clone()];
        let stored = self.inner.read("profiles", self.inner.store.profiles(&users)).await?.into_iter().next();
        let last_seen = stored.as_ref().and_then(|stored| stored.last_seen);
        // The own claims are the newest; another's are known from the last connection.
        let claims = if *user == self.principal.user { self.principal.profile.clone() } else { None };
        let mut profile = claims.or_else(|| stored.map(|stored| stored.profile));
        if let Some(directory) = &self.inner.host.directory {
            let asked =
                tokio::time::timeout(self.inner.limits.hook_timeout, directory.profiles(&users)).await;
            if let Ok(Ok(found)) = asked {
                profile = found.into_iter().next().or(profile);
            }
        }
        let profile = profile.unwrap_or_else(|| Profile::unknown(user.clone()));
        let known = self.presence(&users).await?.into_iter().next();
        let status = known.as_ref().map(|entry| entry.status);
        Ok(UserView {
            profile,
            online: status.is_some_and(|status| status != PresenceStatus::Offline),
            status,
            last_seen: last_seen.filter(|_| status == Some(PresenceStatus::Offline)),
        })
    }

    /// Whether those of `users` are there with whom the caller shares a room; others are left out.
    ///
    /// # Errors
    /// `unavailable`, or `too_large` for too many at once.
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<PresenceEntry>, Error> {
        let max = self.inner.limits.page_max;
        if users.len() > max {
            return Err(validate::too_many("users", max));
        }
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let me = &self.principal.user;
        let found = self.inner.store.acquaintances(me, users, u32::MAX, users.len());
        let mut shared = self.inner.read("acquaintances", found).await?;
        let blocked = self.inner.blocks(me).await?;
        shared.retain(|user| !blocked.contains(user));
        if users.contains(me) && !shared.contains(me) {
            shared.push(me.clone());
        }
        let statuses = self.inner.link.leases.read(&shared).await.map_err(|error| {
            crate::engine::metrics::bus_failed(&error);
            Error::new(ErrorCode::Unavailable, "presence is not known now")
        })?;
        let stored = self.inner.read("profiles", self.inner.store.profiles(&shared)).await?;
        let seen = |user: &UserId| stored.iter().find(|s| s.profile.id == *user).and_then(|s| s.last_seen);
        let entry = |(user, status): (UserId, PresenceStatus)| {
            let last_seen = if status == PresenceStatus::Offline { seen(&user) } else { None };
            PresenceEntry { user, status, last_seen }
        };
        Ok(shared.into_iter().zip(statuses).map(entry).collect())
    }

    async fn list(
        &self,
        scope: RoomScope,
        before: Option<Activity>,
        limit: usize,
    ) -> Result<Vec<RoomEntry>, Error> {
        let query = RoomsQuery { viewer: Some(self.principal.user.clone()), scope, before, limit };
        self.inner.read("rooms", self.inner.store.rooms(&query)).await
    }

    pub(super) async fn write(&self, write: Write) -> Result<Option<Seq>, Error> {
        let key = QuotaKey::Sends(self.principal.user.clone());
        self.inner.take(key, 1, self.inner.limits.sends)?;
        let outcome = self.inner.write(self.principal, write).await?;
        Ok(outcome.event().map(|event| event.seq))
    }
}

pub(super) fn sent(outcome: Outcome) -> Result<SentMessage, Error> {
    let is_repeat = matches!(outcome, Outcome::Repeat(_));
    match outcome {
        Outcome::Applied(event) | Outcome::Repeat(event) => match event.body {
            EventBody::Message { message } => Ok(SentMessage { message, is_repeat }),
            _ => Err(Error::new(ErrorCode::Internal, "a send that is no message")),
        },
        Outcome::Unchanged => Err(Error::new(ErrorCode::Internal, "a send without an outcome")),
    }
}
