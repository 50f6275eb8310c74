//! REST of `conversation`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chat_core::{
    AsUser, CreateRoom, Error, Principal,
    model::{AttachmentId, ClientId, MAX_SAFE_INTEGER, MessageId, RoomEntry, RoomId, RoomKind, Seq, UserId},
    protocol::{Send, SendTo},
    store::RoomUpdate,
};
use serde::Deserialize;

use super::shapes::{Conversation, File, Message};
use crate::{
    compat::{
        WireUser,
        files::Files,
        is_shown,
        names::Names,
        page, rooms,
        said::{Said, must_be_signed_by},
    },
    extract::{Path, Query, User, or_null},
    media::{receive, routes::discard},
    problem::Problem,
    rest::after_write,
    shared::Shared,
};

/// A conversation to be made.
#[derive(Debug, Deserialize)]
pub(super) struct NewConversation {
    name: Option<String>,
    participants: Vec<WireUser>,
}

/// A conversation's new name; `null` takes it away.
#[derive(Debug, Deserialize)]
pub(super) struct Rename {
    #[serde(default, deserialize_with = "or_null")]
    name: Option<Option<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConversationPath {
    id: RoomId,
}

#[derive(Debug, Deserialize)]
pub(super) struct MessagePath {
    id: RoomId,
    message: MessageId,
}

/// `?before=<message>&limit=<n>`.
#[derive(Debug, Deserialize)]
pub(super) struct Messages {
    before: Option<MessageId>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FilePath {
    id: RoomId,
    attachment: AttachmentId,
}

/// A message to be sent.
#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    content: String,
    attachments: Option<Vec<AttachmentId>>,
    client_id: Option<ClientId>,
}

/// A message's new text.
#[derive(Debug, Deserialize)]
pub(super) struct NewText {
    content: String,
}

/// Up to where a conversation was read: to its end where nothing is said.
#[derive(Debug, Deserialize)]
pub(super) struct ReadUpTo {
    message_id: Option<MessageId>,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(asked): Query<rooms::Page>,
) -> Result<Response, Problem> {
    let engine = shared.engine();
    let user = engine.as_user(&me);
    let mut rooms = rooms::list(&user, engine.limits(), asked).await?;
    for room in &mut rooms {
        settle(&user, &mut room.entry).await?;
    }
    let names = Names::of(engine, &me, rooms.iter().flat_map(shown_users)).await;
    let files = Files::of(shared.media.as_ref());
    let shown: Vec<_> = rooms.iter().map(|room| Conversation::of(room, &names, &files)).collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Said(me, asked): Said<NewConversation>,
) -> Result<Response, Problem> {
    let mut others: Vec<UserId> = asked.participants.into_iter().map(|user| user.0).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|user| *user != me.user);
    let is_direct = asked.name.is_none() && others.len() == 1;
    let kind = if is_direct { RoomKind::Direct } else { RoomKind::Group };
    let mut create = CreateRoom::new(kind).with_members(others);
    create.name = asked.name;
    let named = |error| Problem::from(error).renamed("members", "participants");
    let created = shared.engine().as_user(&me).create_room(create).await.map_err(named)?;
    let status = if created.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let conversation = one(&shared, &me, created.room).await.map_err(after_write)?;
    Ok((status, conversation).into_response())
}

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ConversationPath { id }): Path<ConversationPath>,
) -> Result<Response, Problem> {
    Ok(one(&shared, &me, id).await?)
}

pub(super) async fn rename(
    State(shared): State<Arc<Shared>>,
    Path(ConversationPath { id }): Path<ConversationPath>,
    Said(me, asked): Said<Rename>,
) -> Result<Response, Problem> {
    let name = asked.name.ok_or_else(|| Problem::bad_field("name", "is missing"))?;
    let update = RoomUpdate { name: Some(name), ..RoomUpdate::default() };
    shared.engine().as_user(&me).update_room(id, update).await?;
    one(&shared, &me, id).await.map_err(after_write)
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ConversationPath { id }): Path<ConversationPath>,
) -> Result<StatusCode, Problem> {
    shared.engine().as_user(&me).delete_room(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list_messages(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ConversationPath { id }): Path<ConversationPath>,
    Query(asked): Query<Messages>,
) -> Result<Response, Problem> {
    let engine = shared.engine();
    let messages = page::list(&engine.as_user(&me), id, asked.before, asked.limit).await?;
    let names = Names::of(engine, &me, messages.iter().filter_map(|view| view.message.sender.as_ref())).await;
    let files = Files::of(shared.media.as_ref());
    let shown: Vec<_> =
        messages.iter().filter_map(|view| Message::shown(&view.message, &names, &files)).collect();
    Ok(Json(shown).into_response())
}

pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    Path(ConversationPath { id }): Path<ConversationPath>,
    Said(me, asked): Said<NewMessage>,
) -> Result<Response, Problem> {
    let mut send = Send::text(SendTo::Room(id), asked.content);
    send.attachments = asked.attachments.unwrap_or_default();
    send.client_id = asked.client_id;
    let sent = shared.engine().as_user(&me).send(send).await?;
    let status = if sent.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    let names = Names::of(shared.engine(), &me, [&me.user]).await;
    let files = Files::of(shared.media.as_ref());
    let message = Message::of(&sent.message, &names.profile(&me.user), &files);
    Ok((status, Json(message)).into_response())
}

pub(super) async fn edit(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<MessagePath>,
    Said(me, asked): Said<NewText>,
) -> Result<Response, Problem> {
    let user = shared.engine().as_user(&me);
    let seq = seq_of(&user, path.id, path.message).await?;
    user.edit(path.id, seq, asked.content, None).await?;
    let edited = user.message(path.message).await.map_err(after_write)?;
    let names = Names::of(shared.engine(), &me, edited.message.sender.as_ref()).await;
    let files = Files::of(shared.media.as_ref());
    let message = Message::shown(&edited.message, &names, &files).ok_or_else(Problem::not_found)?;
    Ok(Json(message).into_response())
}

pub(super) async fn delete_message(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(path): Path<MessagePath>,
) -> Result<StatusCode, Problem> {
    let user = shared.engine().as_user(&me);
    let seq = seq_of(&user, path.id, path.message).await?;
    user.delete(path.id, seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn mark_read(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ConversationPath { id }): Path<ConversationPath>,
    asked: Option<Said<ReadUpTo>>,
) -> Result<StatusCode, Problem> {
    let user = shared.engine().as_user(&me);
    let seq = match asked.and_then(|Said(_, asked)| asked.message_id) {
        Some(message) => seq_of(&user, id, message).await?,
        // The pointer goes no further than the log.
        None => Seq::new(MAX_SAFE_INTEGER),
    };
    user.read(id, seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn upload(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ConversationPath { id }): Path<ConversationPath>,
    request: Request,
) -> Result<Response, Problem> {
    // Nothing is taken in from who could not send it.
    shared.engine().as_user(&me).room_entry(id).await?;
    let received = receive(&shared, &me, request).await?;
    must_be_signed_by(&me, &received)?;
    let file = received.finish(Some(id)).await?;
    let shown = File::of(&file, &Files::of(shared.media.as_ref()));
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(super) async fn remove_upload(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(FilePath { id, attachment }): Path<FilePath>,
) -> Result<StatusCode, Problem> {
    let user = shared.engine().as_user(&me);
    user.room_entry(id).await?;
    if user.attachment(&attachment).await?.room != Some(id) {
        return Err(Problem::not_found());
    }
    discard(&shared, &me, &attachment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A conversation as the user sees it.
async fn one(shared: &Shared, me: &Principal, id: RoomId) -> Result<Response, Error> {
    let engine = shared.engine();
    let user = engine.as_user(me);
    let mut room = rooms::one(&user, id).await?;
    settle(&user, &mut room.entry).await?;
    let names = Names::of(engine, me, shown_users(&room)).await;
    Ok(Json(Conversation::of(&room, &names, &Files::of(shared.media.as_ref()))).into_response())
}

/// Makes the last message the last one that is shown.
pub(super) async fn settle(user: &AsUser<'_>, entry: &mut RoomEntry) -> Result<(), Error> {
    if entry.last_message.as_ref().is_some_and(|message| !is_shown(message)) {
        let newest = page::newest(user, entry.room.id, None, Some(1)).await?;
        entry.last_message = newest.into_iter().next().map(|view| view.message);
    }
    Ok(())
}

/// Everyone whose name stands in what is shown of a conversation.
fn shown_users(room: &rooms::Peopled) -> impl Iterator<Item = &UserId> {
    let sender = room.entry.last_message.as_ref().and_then(|message| message.sender.as_ref());
    room.members.iter().map(|member| &member.user).chain(sender)
}

/// The place of a message that is shown in a conversation.
async fn seq_of(user: &AsUser<'_>, room: RoomId, id: MessageId) -> Result<Seq, Problem> {
    let found = page::find(user, room, id).await?.filter(|view| is_shown(&view.message));
    found.map(|view| view.message.seq).ok_or_else(Problem::not_found)
}
