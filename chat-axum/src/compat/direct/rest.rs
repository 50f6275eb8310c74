//! REST of `direct`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest as _, FromRequestParts as _, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chat_core::{
    Error, ErrorCode, Principal,
    model::{AttachmentKind, MessageId, MessageStatus, UserId},
    protocol::{Send, SendTo},
};
use serde::Deserialize;

use super::shapes::{Message, User as Shown};
use crate::{
    compat::{
        WireUser,
        files::Files,
        page,
        said::{Said, must_be_signed_by},
    },
    extract::{Path, Query, User},
    media::{receive, routes::discard},
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
    let files = Files::of(shared.media.as_ref());
    let shown: Vec<_> = messages
        .iter()
        .filter_map(|view| {
            let status = view.status.unwrap_or(MessageStatus::Sent);
            Message::of(&view.message, &pair, status, &files)
        })
        .collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn send(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data")) {
        let (mut parts, body) = request.into_parts();
        let User(me) = User::from_request_parts(&mut parts, &shared).await?;
        return send_file(&shared, &me, Request::from_parts(parts, body)).await;
    }
    let Said(me, asked) = Said::<NewMessage>::from_request(request, &shared).await?;
    if asked.message_type.as_deref().is_some_and(|kind| kind != "text") {
        return Err(Problem::bad_field("message_type", "a message without a file is a text"));
    }
    if asked.content.trim().is_empty() {
        return Err(Problem::bad_field("content", "must not be blank"));
    }
    let other = receiver(&me, asked.receiver)?;
    sent(&shared, &me, other.clone(), Send::text(SendTo::User(other), asked.content)).await
}

/// A file, with what is said of it.
async fn send_file(shared: &Arc<Shared>, me: &Principal, request: Request) -> Result<Response, Problem> {
    let received = receive(shared, me, request).await?;
    must_be_signed_by(me, &received)?;
    let other = received.field("receiver").ok_or_else(|| Problem::bad_field("receiver", "is missing"))?;
    let other = UserId::new(other).map_err(|error| Problem::bad_field("receiver", error.to_string()))?;
    let other = receiver(me, WireUser(other))?;
    let kind = match received.field("message_type") {
        Some("audio") => AttachmentKind::Audio,
        Some("video") => AttachmentKind::Video,
        Some("image") => AttachmentKind::Image,
        Some("file") => AttachmentKind::File,
        Some(_) => return Err(Problem::bad_field("message_type", "must be audio, video, image or file")),
        None => return Err(Problem::bad_field("message_type", "is missing")),
    };
    // Anything may be sent as a mere file.
    if kind != AttachmentKind::File {
        received.must_be(kind)?;
    }
    let mut send =
        Send::text(SendTo::User(other.clone()), received.field("caption").unwrap_or_default().to_owned());
    let file = received.finish(None).await?;
    send.attachments = vec![file.id.clone()];
    let answer = sent(shared, me, other, send).await.map_err(|error| error.renamed("content", "caption"));
    if answer.is_err() && discard(shared, me, &file.id).await.is_err() {
        tracing::debug!("a file that was not sent is collected later");
    }
    answer
}

/// The user that a message is for.
fn receiver(me: &Principal, receiver: WireUser) -> Result<UserId, Problem> {
    if receiver.0 == me.user {
        return Err(Problem::bad_field("receiver", "must be another user"));
    }
    Ok(receiver.0)
}

async fn sent(shared: &Shared, me: &Principal, other: UserId, send: Send) -> Result<Response, Problem> {
    let sent = shared.engine().as_user(me).send(send).await?;
    let pair = (me.user.clone(), other);
    let files = Files::of(shared.media.as_ref());
    let message = Message::of(&sent.message, &pair, MessageStatus::Sent, &files);
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
