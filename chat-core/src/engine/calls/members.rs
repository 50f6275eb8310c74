//! Who is in rooms: told to those who are in them, and changed by them.

use std::collections::BTreeMap;

use super::user::AsUser;
use crate::{
    bus::QuotaKey,
    engine::validate::{self, Write},
    error::{Error, ErrorCode},
    hooks::ActionKind,
    model::{Ban, Member, Membership, Role, RoomId, Seq, Timestamp, UserId},
    store::{ChangeBody, Require},
};

/// Members that are read at once, about.
const READ_AT_ONCE: usize = 2_000;

impl AsUser<'_> {
    /// Members of a room by user id.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in.
    pub async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: Option<usize>,
    ) -> Result<Vec<Member>, Error> {
        let limit = validate::page(&self.inner.limits, limit)?;
        self.inner.readable(self.principal, room).await?;
        self.inner.read("members", self.inner.store.members(room, after, limit)).await
    }

    /// The role of a member of a room.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in, and for a user who is not in it.
    pub async fn role_of(&self, room: RoomId, user: &UserId) -> Result<Role, Error> {
        self.inner.readable(self.principal, room).await?;
        let rooms = [room];
        let found = self.inner.store.memberships(user, Some(&rooms), 1);
        let found = self.inner.read("memberships", found).await?.into_iter().next();
        found.map(|member| member.role).ok_or_else(|| Error::new(ErrorCode::NotFound, "no such member"))
    }

    /// Members of several rooms, the highest roles first and by user id among those alike, of each room at most a page
    /// ([`crate::Limits::page_max`]). Rooms that one is not in, or may not read, are left out.
    ///
    /// # Errors
    /// `too_large` for more rooms than a page has, `unavailable`.
    pub async fn members_of(&self, rooms: &[RoomId]) -> Result<BTreeMap<RoomId, Vec<Member>>, Error> {
        let engine = self.inner;
        let page = engine.limits.page_max;
        if rooms.len() > page {
            return Err(validate::too_many("rooms", page));
        }
        let mut found = BTreeMap::new();
        if rooms.is_empty() {
            return Ok(found);
        }
        let joined = engine.store.memberships(&self.principal.user, Some(rooms), rooms.len());
        let joined = engine.read("memberships", joined).await?;
        let readable = engine.those_readable(self.principal, joined).await?;
        for part in parts(&readable, page) {
            let rooms: Vec<RoomId> = part.iter().map(|membership| membership.room).collect();
            found.extend(engine.read("members_of", engine.store.members_of(&rooms, page)).await?);
        }
        Ok(found)
    }

    /// Joins a public room.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn join(&self, room: RoomId) -> Result<Option<Seq>, Error> {
        self.write(Write::new(room, ActionKind::Join, Require::NOTHING, ChangeBody::Join)).await
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn leave(&self, room: RoomId) -> Result<Option<Seq>, Error> {
        self.write(Write::new(room, ActionKind::Leave, Require::MEMBER, ChangeBody::Leave)).await
    }

    /// Adds members; gives the place of each in the log, none where one was there.
    ///
    /// # Errors
    /// See the error codes of the protocol. It is that of the first who could not be added: all others are, and asked again
    /// they are no change.
    pub async fn add_members(
        &self,
        room: RoomId,
        users: &[UserId],
        role: Role,
    ) -> Result<Vec<Option<Seq>>, Error> {
        if users.is_empty() || users.len() > self.inner.limits.members_per_call_max {
            return Err(validate::too_many("users", self.inner.limits.members_per_call_max));
        }
        let count = u32::try_from(users.len()).unwrap_or(u32::MAX);
        let key = QuotaKey::MembersAdded(self.principal.user.clone());
        self.inner.take(key, count, self.inner.limits.members_added)?;
        let add = |user: &UserId| {
            let body = ChangeBody::AddMember { user: user.clone(), role };
            let mut write = Write::new(room, ActionKind::AddMember, Require::MODERATOR, body);
            write.other = Some(user.clone());
            self.inner.write(self.principal, write)
        };
        // At once, so that they share commits; the lane keeps their order.
        let outcomes = futures::future::join_all(users.iter().map(add)).await;
        outcomes
            .into_iter()
            .map(|outcome| outcome.map(|outcome| outcome.event().map(|event| event.seq)))
            .collect()
    }

    /// Removes a member with a role below the own; oneself: leaves.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn remove_member(&self, room: RoomId, user: &UserId) -> Result<Option<Seq>, Error> {
        if *user == self.principal.user {
            return self.leave(room).await;
        }
        self.manage(room, ActionKind::RemoveMember, user, ChangeBody::Remove { user: user.clone() }).await
    }

    /// Keeps a user out of a room, for good or until a time.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn ban(
        &self,
        room: RoomId,
        user: &UserId,
        until: Option<Timestamp>,
    ) -> Result<Option<Seq>, Error> {
        let body = ChangeBody::Ban { user: user.clone(), until };
        self.manage(room, ActionKind::RemoveMember, user, body).await
    }

    /// Lifts a ban; says whether there was one.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn unban(&self, room: RoomId, user: &UserId) -> Result<bool, Error> {
        let body = ChangeBody::Unban { user: user.clone() };
        match self.manage(room, ActionKind::RemoveMember, user, body).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::NotFound => {
                // No ban, or no room that one may know of.
                self.moderates(room).await.map(|()| false)
            }
            Err(error) => Err(error),
        }
    }

    /// Who is kept out, for moderators.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn bans(&self, room: RoomId) -> Result<Vec<Ban>, Error> {
        self.moderates(room).await?;
        self.inner.read("bans", self.inner.store.bans(room, self.inner.limits.page_max)).await
    }

    /// Gives a member another role; old and new are below the own.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn set_role(&self, room: RoomId, user: &UserId, role: Role) -> Result<Option<Seq>, Error> {
        let body = ChangeBody::SetRole { user: user.clone(), role };
        self.manage(room, ActionKind::ChangeMember, user, body).await
    }

    /// Hands the own ownership to a member.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn transfer(&self, room: RoomId, to: &UserId) -> Result<Option<Seq>, Error> {
        let body = ChangeBody::Transfer { to: to.clone() };
        let mut write = Write::new(room, ActionKind::ChangeMember, Require::OWNER, body);
        write.other = Some(to.clone());
        self.write(write).await
    }

    /// Takes a member's right to write until a time, or gives it back.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn mute(
        &self,
        room: RoomId,
        user: &UserId,
        until: Option<Timestamp>,
    ) -> Result<Option<Seq>, Error> {
        let body = ChangeBody::Mute { user: user.clone(), until };
        self.manage(room, ActionKind::ChangeMember, user, body).await
    }

    async fn manage(
        &self,
        room: RoomId,
        kind: ActionKind,
        user: &UserId,
        body: ChangeBody,
    ) -> Result<Option<Seq>, Error> {
        let mut write = Write::new(room, kind, Require::MODERATOR, body);
        write.other = Some(user.clone());
        self.write(write).await
    }

    async fn moderates(&self, room: RoomId) -> Result<(), Error> {
        let membership = self.inner.readable(self.principal, room).await?;
        if membership.role < Role::Moderator {
            return Err(Error::new(ErrorCode::Forbidden, "needs a higher role in the room"));
        }
        Ok(())
    }
}

/// Rooms in parts of which few enough members are read, a page of each.
fn parts(mut rooms: &[Membership], page: usize) -> impl Iterator<Item = &[Membership]> {
    std::iter::from_fn(move || {
        let mut sum = 0;
        let is_too_much = |room: &Membership| {
            sum += page.min(room.member_count as usize);
            sum > READ_AT_ONCE
        };
        let end = rooms.iter().position(is_too_much).unwrap_or(rooms.len());
        let (part, rest) = rooms.split_at_checked(end.max(1))?;
        rooms = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::parts;
    use crate::model::{Membership, Role, RoomId, Seq};

    #[test]
    fn parts_have_few_enough_members() {
        for (counts, expected) in [
            (vec![], vec![]),
            (vec![5_000], vec![1]),
            (vec![3; 200], vec![200]),
            (vec![200; 25], vec![10, 10, 5]),
            (vec![5_000, 5_000, 1, 900, 900, 100, 100], vec![7]),
            (vec![5_000; 21], vec![10, 10, 1]),
        ] {
            let rooms: Vec<_> = counts
                .iter()
                .zip(1..)
                .map(|(count, id)| Membership {
                    room: RoomId::new(id).unwrap(),
                    role: Role::Member,
                    head: Seq::new(1),
                    visible_from: Seq::ZERO,
                    member_count: *count,
                })
                .collect();
            let found: Vec<_> = parts(&rooms, 200).map(<[_]>::len).collect();
            assert_eq!(found, expected, "{counts:?}");
        }
    }
}
