//! Members and bans.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{
    ErrorCode, Principal,
    model::{Role, UserId},
};

use super::{
    bodies::{
        Added, AddedMember, Bans, Changed, MemberPatch, MemberPath, Members, MembersQuery, NewMembers,
        RemovalQuery, RoomPath,
    },
    rooms::page,
};
use crate::{
    extract::{Body, Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Body(asked): Body<NewMembers>,
) -> Result<Json<Added>, Problem> {
    let users = match (asked.user, asked.users) {
        (Some(user), None) => vec![user],
        (None, Some(users)) if !users.is_empty() => users,
        (None, Some(_)) => return Err(Problem::bad_field("users", "must not be empty")),
        (None, None) => return Err(Problem::bad_field("user", "user or users is missing")),
        (Some(_), Some(_)) => {
            return Err(Problem::bad_field("users", "user and users exclude each other"));
        }
    };
    let role = asked.role.unwrap_or(Role::Member);
    let seqs = shared.engine.as_user(&me).add_members(id, &users, role).await?;
    let added = users.into_iter().zip(seqs).map(|(user, seq)| AddedMember { user, seq }).collect();
    Ok(Json(Added { added }))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Query(query): Query<MembersQuery>,
) -> Result<Json<Members>, Problem> {
    let members = shared.engine.as_user(&me).members(id, query.after.as_ref(), query.limit).await?;
    let last = members.last().filter(|_| members.len() >= page(&shared, query.limit));
    let next = last.map(|member| member.user.clone());
    Ok(Json(Members { members, next }))
}

pub(super) async fn join(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MemberPath>,
) -> Result<Json<Changed>, Problem> {
    if named(&me, path.user) != me.user {
        return Err(Problem::new(ErrorCode::Forbidden, "one joins for oneself; others are added"));
    }
    let seq = shared.engine.as_user(&me).join(path.id).await?;
    Ok(Json(Changed { seq }))
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MemberPath>,
    Body(asked): Body<MemberPatch>,
) -> Result<Json<Changed>, Problem> {
    let user = named(&me, path.user);
    let calls = shared.engine.as_user(&me);
    let seq = match (asked.role, asked.muted_until) {
        (Some(Role::Owner), None) => calls.transfer(path.id, &user).await?,
        (Some(role), None) => calls.set_role(path.id, &user, role).await?,
        (None, Some(until)) => calls.mute(path.id, &user, until).await?,
        (None, None) => return Err(Problem::bad_field("role", "role or muted_until is missing")),
        // One request is one event, so that it is made or refused as a whole.
        (Some(_), Some(_)) => {
            return Err(Problem::bad_field("muted_until", "role and muted_until are changed one at a time"));
        }
    };
    Ok(Json(Changed { seq }))
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MemberPath>,
    Query(query): Query<RemovalQuery>,
) -> Result<Json<Changed>, Problem> {
    let user = named(&me, path.user);
    let calls = shared.engine.as_user(&me);
    let seq = match (query.ban.unwrap_or(false), query.until) {
        (true, _) if user == me.user => {
            return Err(Problem::bad_field("ban", "nobody bans oneself"));
        }
        (true, until) => calls.ban(path.id, &user, until).await?,
        (false, Some(_)) => return Err(Problem::bad_field("until", "goes with ban=true")),
        (false, None) => calls.remove_member(path.id, &user).await?,
    };
    Ok(Json(Changed { seq }))
}

pub(super) async fn bans(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
) -> Result<Json<Bans>, Problem> {
    let bans = shared.engine.as_user(&me).bans(id).await?;
    Ok(Json(Bans { bans }))
}

pub(super) async fn unban(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode, Problem> {
    let was_banned = shared.engine.as_user(&me).unban(path.id, &named(&me, path.user)).await?;
    if was_banned { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Whom a path names: `me` is the caller.
pub(super) fn named(me: &Principal, user: UserId) -> UserId {
    if user.as_str() == "me" { me.user.clone() } else { user }
}
