//! Messages: sent, read, edited, deleted, reacted to.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{
    model::{Emoji, Message, Unread},
    protocol::{HistoryRange, Send, SendTo},
    store::MessagePage,
};

use super::bodies::{
    Changed, MessagePatch, MessagePath, MessagesQuery, NewMessage, ReactionPath, ReadUpTo, RoomPath, Versions,
};
use crate::{
    extract::{Body, Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Body(asked): Body<NewMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    let send = Send {
        to: SendTo::Room(id),
        content: asked.content,
        kind: asked.kind,
        client_id: asked.client_id,
        reply_to: asked.reply_to.map(|at| at.0),
        thread: asked.thread.map(|at| at.0),
        mentions: asked.mentions.unwrap_or_default(),
        attachments: asked.attachments.unwrap_or_default(),
        metadata: asked.metadata.unwrap_or_default(),
    };
    let sent = shared.engine.as_user(&me).send(send).await?;
    let status = if sent.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(sent.message)))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<MessagePage>, Problem> {
    let range = match (query.before, query.after, query.around) {
        (None, None, None) => HistoryRange::Latest,
        (Some(at), None, None) => HistoryRange::Before(at.0),
        (None, Some(at), None) => HistoryRange::After(at.0),
        (None, None, Some(at)) => HistoryRange::Around(at.0),
        _ => return Err(Problem::bad_field("before", "before, after and around exclude each other")),
    };
    let thread = query.thread.map(|at| at.0);
    Ok(Json(shared.engine.as_user(&me).history(id, range, query.limit, thread).await?))
}

pub(super) async fn edit(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MessagePath>,
    Body(asked): Body<MessagePatch>,
) -> Result<Json<Changed>, Problem> {
    let user = shared.engine.as_user(&me);
    let seq = user.edit(path.id, path.seq.0, asked.content, asked.mentions).await?;
    Ok(Json(Changed { seq }))
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MessagePath>,
) -> Result<Json<Changed>, Problem> {
    let seq = shared.engine.as_user(&me).delete(path.id, path.seq.0).await?;
    Ok(Json(Changed { seq }))
}

pub(super) async fn versions(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MessagePath>,
) -> Result<Json<Versions>, Problem> {
    let versions = shared.engine.as_user(&me).versions(path.id, path.seq.0).await?;
    Ok(Json(Versions { versions }))
}

pub(super) async fn react(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<ReactionPath>,
) -> Result<Json<Changed>, Problem> {
    let emoji = emoji(path.emoji)?;
    let seq = shared.engine.as_user(&me).react(path.id, path.seq.0, emoji).await?;
    Ok(Json(Changed { seq }))
}

pub(super) async fn unreact(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<ReactionPath>,
) -> Result<Json<Changed>, Problem> {
    let emoji = emoji(path.emoji)?;
    let seq = shared.engine.as_user(&me).unreact(path.id, path.seq.0, emoji).await?;
    Ok(Json(Changed { seq }))
}

pub(super) async fn mark_read(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Body(asked): Body<ReadUpTo>,
) -> Result<Json<Unread>, Problem> {
    Ok(Json(shared.engine.as_user(&me).read(id, asked.seq.0).await?))
}

fn emoji(text: String) -> Result<Emoji, Problem> {
    Emoji::new(text).map_err(|error| Problem::bad_field("emoji", error.to_string()))
}
