//! REST of `direct`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chat_core::{
    Error, ErrorCode,
    model::{MessageId, MessageKind, MessageStatus, UserId},
    protocol::{Send, SendTo},
};
use serde::Deserialize;

use super::shapes::{Message, User as Shown};
use crate::{
    compat::{WireUser, page},
    extract::{Body, Path, Query, User},
    problem::Problem,
    shared::Shared,
};

/// `?with=<user>&before=<message>&limit=<n>`.
#[derive(Debug, Deserialize)]
pub(super) struct Conversation {
    with: String,
    before: Option<MessageId>,
    limit: Option<usize>,
}

/// A text to be sent.
#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    receiver: WireUser,
    content: String,
    #[serde(default)]
    message_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserPath {
    id: String,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(asked): Query<Conversation>,
) -> Result<Response, Problem> {
    let other = UserId::new(asked.with).map_err(|error| Problem::bad_field("with", error.to_string()))?;
    let user = shared.engine().as_user(&me);
    let Some(room) = user.direct_with(&other).await? else { return Ok(Json([(); 0]).into_response()) };
    let messages = page::list(&user, room, asked.before, asked.limit).await?;
    let pair = (me.user.clone(), other);
    let shown: Vec<_> = messages
        .iter()
        .filter_map(|view| {
            let status = view.status.unwrap_or(MessageStatus::Sent);
            Message::of(&view.message, &pair, status)
        })
        .collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Body(asked): Body<NewMessage>,
) -> Result<Response, Problem> {
    if asked.message_type.as_deref().is_some_and(|kind| kind != "text") {
        return Err(Problem::bad_field("message_type", "a message without a file is a text"));
    }
    let other = asked.receiver.0;
    if asked.content.trim().is_empty() {
        return Err(Problem::bad_field("content", "must not be blank"));
    }
    if other == me.user {
        return Err(Problem::bad_field("receiver", "must be another user"));
    }
    let mut send = Send::text(SendTo::User(other.clone()), asked.content);
    send.kind = Some(MessageKind::text());
    let sent = shared.engine().as_user(&me).send(send).await?;
    let pair = (me.user.clone(), other);
    let message = Message::of(&sent.message, &pair, MessageStatus::Sent);
    let message = message.ok_or_else(|| Error::new(ErrorCode::Internal, "a message without its sender"))?;
    Ok((StatusCode::CREATED, Json(message)).into_response())
}

pub(super) async fn user(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(UserPath { id }): Path<UserPath>,
) -> Result<Json<Shown>, Problem> {
    let user = UserId::new(id).map_err(|_| Problem::not_found())?;
    Ok(Json(shared.engine().as_user(&me).user(&user).await?.into()))
}
