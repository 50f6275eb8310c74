//! Making and changing rooms, for users and the host alike.

use std::sync::Arc;

use crate::{
    bus::QuotaKey,
    engine::{
        Inner,
        validate::{self, Write},
    },
    error::{Error, ErrorCode},
    hooks::{ActionKind, Principal},
    model::{ClientId, HistoryMode, Metadata, Role, RoomEntry, RoomId, RoomKind, UserId},
    store::{
        Actor, ChangeBody, NewRoom, Outcome, Refusal, Require, RoomKey, RoomScope, RoomUpdate, RoomsQuery,
    },
};

/// A room to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreateRoom {
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; a direct room has none.
    pub name: Option<String>,
    /// Its first members beside the maker.
    pub members: Vec<UserId>,
    /// The host's data.
    pub metadata: Metadata,
    /// What late joiners may read.
    pub history: HistoryMode,
    /// The key under which its maker may ask again.
    pub client_id: Option<ClientId>,
    /// Who owns it where the host makes it; else the maker does.
    pub owner: Option<UserId>,
    /// The host's object that it belongs to; only the host may say.
    pub subject: Option<String>,
}

impl CreateRoom {
    /// A room of a kind, without a name, for its maker alone.
    #[must_use]
    pub fn new(kind: RoomKind) -> Self {
        Self {
            kind,
            name: None,
            members: Vec::new(),
            metadata: Metadata::default(),
            history: HistoryMode::default(),
            client_id: None,
            owner: None,
            subject: None,
        }
    }

    /// With a name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With members.
    #[must_use]
    pub fn with_members(mut self, members: impl IntoIterator<Item = UserId>) -> Self {
        self.members.extend(members);
        self
    }

    /// With data of the host's own.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// With what late joiners may read.
    #[must_use]
    pub const fn with_history(mut self, history: HistoryMode) -> Self {
        self.history = history;
        self
    }

    /// Under a key to ask again.
    #[must_use]
    pub fn with_client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// Owned by a user, where the host makes it.
    #[must_use]
    pub fn with_owner(mut self, owner: UserId) -> Self {
        self.owner = Some(owner);
        self
    }
}

/// A room that was made, or stood already.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// Which.
    pub room: RoomId,
    /// Whether it was made now.
    pub is_new: bool,
}

impl Inner {
    /// Checks what is asked for and puts owner and members together.
    pub(crate) fn new_room(&self, create: CreateRoom, maker: Option<&UserId>) -> Result<NewRoom, Error> {
        validate::check_name(&self.limits, create.name.as_deref())?;
        validate::check_metadata(&self.limits, &create.metadata)?;
        if let Some(subject) = &create.subject {
            validate::check_text("subject", subject)?;
            if subject.is_empty() || subject.len() > 255 {
                return Err(Error::bad_field("subject", "must be 1 to 255 bytes"));
            }
        }
        if create.members.len() > self.limits.members_per_call_max {
            return Err(validate::too_many("members", self.limits.members_per_call_max));
        }
        let owner = maker.or(create.owner.as_ref());
        let mut members: Vec<(UserId, Role)> =
            owner.map(|user| (user.clone(), Role::Owner)).into_iter().collect();
        for user in create.members {
            if !members.iter().any(|(known, _)| *known == user) {
                members.push((user, Role::Member));
            }
        }
        if create.kind == RoomKind::Direct {
            if create.name.is_some() {
                return Err(Error::bad_field("name", "a direct room has none"));
            }
            if members.len() != 2 {
                return Err(Error::bad_field("members", "a direct room has two different members"));
            }
        }
        Ok(NewRoom {
            kind: create.kind,
            name: create.name,
            metadata: create.metadata,
            subject: create.subject,
            history: create.history,
            members,
            client_id: create.client_id,
        })
    }

    pub(crate) async fn create_room(
        self: &Arc<Self>,
        principal: &Principal,
        create: CreateRoom,
    ) -> Result<Created, Error> {
        if create.subject.is_some() || create.owner.is_some() {
            return Err(Error::new(ErrorCode::Forbidden, "only the host says whose a room is"));
        }
        let user = &principal.user;
        let other = match create.members.as_slice() {
            [other] if create.kind == RoomKind::Direct => Some(other.clone()),
            _ => None,
        };
        let kind =
            if create.kind == RoomKind::Direct { ActionKind::OpenDirect } else { ActionKind::CreateRoom };
        let new = self.new_room(create, Some(user))?;
        // What stands is found without spending anything.
        if let Some(room) = self.standing(&new, user).await? {
            return Ok(Created { room, is_new: false });
        }
        // The maker adds the others. They come first: a refusal for too many of them spends no room.
        let others = new.members.iter().filter(|(member, _)| member != user).count();
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        self.take(QuotaKey::MembersAdded(user.clone()), others, self.limits.members_added)?;
        self.take(QuotaKey::RoomsMade(user.clone()), 1, self.limits.rooms_made)?;
        if kind == ActionKind::CreateRoom {
            for (other, _) in new.members.iter().filter(|(member, _)| member != user) {
                self.allow(principal, ActionKind::AddMember, None, Some(other)).await?;
            }
        }
        let write =
            Write { room: None, kind, other, require: Require::NOTHING, body: ChangeBody::Create(new) };
        created(&self.write(principal, write).await?)
    }

    pub(crate) async fn create_room_as_host(&self, create: CreateRoom) -> Result<Created, Error> {
        let new = self.new_room(create, None)?;
        created(&self.write_as_host(None, ChangeBody::Create(new)).await?)
    }

    async fn standing(&self, new: &NewRoom, maker: &UserId) -> Result<Option<RoomId>, Error> {
        let key = match (new.kind, new.members.as_slice(), &new.client_id) {
            (RoomKind::Direct, [(a, _), (b, _)], _) => RoomKey::direct(a, b),
            (_, _, Some(client_id)) => RoomKey::Made(maker.clone(), client_id.clone()),
            _ => return Ok(None),
        };
        self.read("find_room", self.store.find_room(&key)).await
    }

    /// The direct room of two users, made where there is none.
    pub(crate) async fn direct_room(
        self: &Arc<Self>,
        principal: &Principal,
        other: &UserId,
    ) -> Result<RoomId, Error> {
        if *other == principal.user {
            return Err(Error::bad_field("to_user", "must be another user"));
        }
        let create = CreateRoom::new(RoomKind::Direct).with_members([other.clone()]);
        Ok(self.create_room(principal, create).await?.room)
    }

    pub(crate) async fn write_as_host(
        &self,
        room: Option<RoomId>,
        body: ChangeBody,
    ) -> Result<Outcome, Error> {
        self.check_open()?;
        let write =
            Write { room, kind: ActionKind::UpdateRoom, other: None, require: Require::NOTHING, body };
        self.writer.call(self.change(Actor::Host, write)).await
    }

    pub(crate) fn checked_update(&self, update: RoomUpdate) -> Result<ChangeBody, Error> {
        validate::check_name(&self.limits, update.name.as_ref().and_then(Option::as_deref))?;
        if let Some(metadata) = &update.metadata {
            validate::check_metadata(&self.limits, metadata)?;
        }
        Ok(ChangeBody::Update(update))
    }

    /// Takes from a user's budget.
    /// Takes `cost` of a user's budget. What no wait would grant is `too_large`.
    pub(crate) fn take(&self, key: QuotaKey, cost: u32, rate: crate::Rate) -> Result<(), Error> {
        if cost > rate.burst {
            return Err(Error::new(ErrorCode::TooLarge, format!("at most {} of these at once", rate.burst)));
        }
        self.link.quota.take(key, cost, rate).map_err(Error::rate_limited)
    }

    /// Rooms as a user sees them; those that there are not are left out.
    pub(crate) async fn entries_of(
        &self,
        viewer: Option<&UserId>,
        rooms: Vec<RoomId>,
    ) -> Result<Vec<RoomEntry>, Error> {
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let limit = rooms.len();
        let query =
            RoomsQuery { viewer: viewer.cloned(), scope: RoomScope::These(rooms), before: None, limit };
        self.read("rooms", self.store.rooms(&query)).await
    }

    /// One room as a user sees it.
    pub(crate) async fn entry(&self, viewer: Option<&UserId>, room: RoomId) -> Result<RoomEntry, Error> {
        self.entries_of(viewer, vec![room]).await?.into_iter().next().ok_or_else(Error::room_not_found)
    }
}

fn created(outcome: &Outcome) -> Result<Created, Error> {
    match outcome {
        Outcome::Applied(event) => Ok(Created { room: event.room, is_new: true }),
        Outcome::Repeat(event) => Ok(Created { room: event.room, is_new: false }),
        Outcome::Unchanged => Err(Error::from(Refusal::Conflict("the room was neither made nor found"))),
    }
}

/// The calls hold the engine through this.
pub(crate) type Held<'a> = &'a Arc<Inner>;
