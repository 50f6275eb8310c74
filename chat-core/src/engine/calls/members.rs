//! Who is in rooms, for those who are in them.

use std::collections::BTreeMap;

use super::user::AsUser;
use crate::{
    engine::validate,
    error::{Error, ErrorCode},
    model::{Member, Membership, Role, RoomId, UserId},
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
