//! REST of `thread`: threads, members, messages.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chat_core::{
    CreateRoom,
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    protocol::{Send, SendTo},
};
use serde::Deserialize;

use super::shapes::{Membership, Message, Thread};
use crate::{
    compat::{WireUser, files::Files, names::Names, page, rooms, said::Said},
    extract::{Path, Query, User},
    problem::Problem,
    rest::after_write,
    shared::Shared,
};

/// A thread to be made.
#[derive(Debug, Deserialize)]
pub(super) struct NewThread {
    title: Option<String>,
    participants: Vec<WireUser>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ThreadPath {
    id: RoomId,
}

/// A member to be added.
#[derive(Debug, Deserialize)]
pub(super) struct NewMember {
    user: WireUser,
    role: Option<Role>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MemberPath {
    id: RoomId,
    user: UserId,
}

/// `?thread=<id>&before=<message>&limit=<n>`.
#[derive(Debug, Deserialize)]
pub(super) struct Messages {
    thread: RoomId,
    before: Option<MessageId>,
    limit: Option<usize>,
}

/// A message to be sent.
#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    thread: RoomId,
    content: String,
}

pub(super) async fn list_threads(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(asked): Query<rooms::Page>,
) -> Result<Json<Vec<Thread>>, Problem> {
    let engine = shared.engine();
    let threads = rooms::list(&engine.as_user(&me), engine.limits(), asked).await?;
    Ok(Json(threads.into_iter().map(Thread::from).collect()))
}

pub(super) async fn create_thread(
    State(shared): State<Arc<Shared>>,
    Said(me, asked): Said<NewThread>,
) -> Result<Response, Problem> {
    let participants = asked.participants.into_iter().map(|user| user.0);
    let mut create = CreateRoom::new(RoomKind::Group).with_members(participants);
    create.name = asked.title;
    let engine = shared.engine();
    let user = engine.as_user(&me);
    let named = |error| Problem::from(error).renamed("name", "title").renamed("members", "participants");
    let created = user.create_room(create).await.map_err(named)?;
    let thread = rooms::one(&user, created.room).await.map_err(after_write)?;
    Ok((StatusCode::CREATED, Json(Thread::from(thread))).into_response())
}

pub(super) async fn read_thread(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ThreadPath { id }): Path<ThreadPath>,
) -> Result<Json<Thread>, Problem> {
    let engine = shared.engine();
    Ok(Json(rooms::one(&engine.as_user(&me), id).await?.into()))
}

pub(super) async fn add_member(
    State(shared): State<Arc<Shared>>,
    Path(ThreadPath { id }): Path<ThreadPath>,
    Said(me, asked): Said<NewMember>,
) -> Result<(StatusCode, Json<Membership>), Problem> {
    let calls = shared.engine().as_user(&me);
    let user = asked.user;
    let added =
        calls.add_members(id, std::slice::from_ref(&user.0), asked.role.unwrap_or(Role::Member)).await?;
    let role = match (added.into_iter().flatten().next(), asked.role) {
        (Some(_), role) => role.unwrap_or(Role::Member),
        // Who was there already is given the role that was asked for, and keeps the own one where none was.
        (None, Some(role)) => {
            calls.set_role(id, &user.0, role).await?;
            role
        }
        (None, None) => calls.role_of(id, &user.0).await?,
    };
    Ok((StatusCode::CREATED, Json(Membership { user, role })))
}

pub(super) async fn remove_member(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(MemberPath { id, user }): Path<MemberPath>,
) -> Result<StatusCode, Problem> {
    shared.engine().as_user(&me).remove_member(id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list_messages(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(asked): Query<Messages>,
) -> Result<Response, Problem> {
    let engine = shared.engine();
    let messages = page::list(&engine.as_user(&me), asked.thread, asked.before, asked.limit).await?;
    let names = Names::of(engine, &me, messages.iter().filter_map(|view| view.message.sender.as_ref())).await;
    let files = Files::of(shared.media.as_ref());
    let authors: Vec<_> = messages
        .iter()
        .filter_map(|view| Some((&view.message, names.profile(view.message.sender.as_ref()?))))
        .collect();
    let shown: Vec<_> =
        authors.iter().map(|(message, author)| Message::of(message, author, &files)).collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    Said(me, asked): Said<NewMessage>,
) -> Result<Response, Problem> {
    let send = Send::text(SendTo::Room(asked.thread), asked.content);
    let sent = shared.engine().as_user(&me).send(send).await?;
    let names = Names::of(shared.engine(), &me, [&me.user]).await;
    let author = names.profile(&me.user);
    Ok((StatusCode::CREATED, Json(Message::of(&sent.message, &author, &Files::of(shared.media.as_ref()))))
        .into_response())
}
