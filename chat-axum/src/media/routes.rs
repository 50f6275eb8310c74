//! The paths of files.

use std::sync::Arc;

use axum::{
    Json,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, StatusCode, request::Parts},
    response::Response,
    routing::{delete, get, post},
};
use chat_core::{
    Principal,
    model::{Attachment, AttachmentId, RoomId},
};
use serde::{Deserialize, Serialize};

use super::{cookie, receive, serve::serve};
use crate::{
    auth::Tokens,
    extract::{Path, User},
    problem::Problem,
    rest::Route,
    shared::Shared,
};

/// The field that names the only room that a file is for.
const ROOM: &str = "room_id";

/// Every native route of files.
pub(crate) fn routes() -> Vec<Route> {
    let upload = post(upload).layer(DefaultBodyLimit::disable());
    let mut routes =
        vec![(Method::POST, "/attachments", upload), (Method::DELETE, "/attachments/{id}", delete(remove))];
    routes.extend(file_routes());
    routes
}

/// The route that files are fetched from, whatever format they came by.
pub(crate) fn file_routes() -> Vec<Route> {
    vec![(Method::GET, "/attachments/{id}", get(read))]
}

/// What a path names.
#[derive(Debug, Deserialize)]
pub(crate) struct AttachmentPath {
    id: AttachmentId,
}

/// A file that was just stored.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Uploaded {
    /// The file.
    #[serde(flatten)]
    file: Attachment,
    /// Where it is, from the root of this host.
    url: String,
}

/// What the form of an upload holds.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it is read field by field, as it comes")]
pub(crate) struct UploadForm {
    /// The file.
    #[schemars(with = "String", extend("format" = "binary"))]
    file: Vec<u8>,
    /// The only room that it may be sent in.
    room_id: Option<RoomId>,
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), Problem> {
    let files = cookie::files_path(&request);
    let received = receive(&shared, &me, request).await?;
    let room = match received.field(ROOM) {
        None => None,
        Some(text) => {
            let room: Result<RoomId, _> = text.parse();
            Some(room.map_err(|_| Problem::bad_field(ROOM, "must be a room's id"))?)
        }
    };
    let file = received.finish(room).await?;
    let url = format!("{files}/{}", file.id);
    Ok((StatusCode::CREATED, Json(Uploaded { file, url })))
}

async fn read(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(AttachmentPath { id }): Path<AttachmentPath>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(media) = &shared.media else { return Err(Problem::not_found()) };
    let stored = shared.engine.as_user(&reader.0).attachment(&id).await?;
    let policy = shared.origins.resource_policy();
    let limits = shared.engine.limits();
    serve(media, limits, &stored.attachment, policy, request.method(), request.headers()).await
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(AttachmentPath { id }): Path<AttachmentPath>,
) -> Result<StatusCode, Problem> {
    discard(&shared, &me, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an own file that is not sent.
pub(crate) async fn discard(shared: &Shared, me: &Principal, id: &AttachmentId) -> Result<(), Problem> {
    let Some(media) = &shared.media else { return Err(Problem::not_found()) };
    shared.engine.as_user(me).remove_upload(id).await?;
    if let Err(error) = media.erase(&shared.engine, id).await {
        tracing::warn!(%error, "a file is left behind for now");
    }
    Ok(())
}

/// Who fetches a file: by a token, or by the cookie that is for this alone.
struct Reader(Principal);

impl axum::extract::FromRequestParts<Arc<Shared>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let by_token = User::from_request_parts(parts, shared).await;
        match (by_token, &shared.media) {
            (Ok(User(principal)), _) => Ok(Self(principal)),
            // A token that was put there on purpose must be right; a stale cookie is passed over.
            (Err(problem), Some(media)) if !Tokens::are_explicit(parts, shared.query_tokens) => {
                let user = cookie::user(&media.terms.cookie_key, &parts.headers, shared.engine.now());
                user.map(|user| Self(Principal::new(user))).ok_or(problem)
            }
            (Err(problem), _) => Err(problem),
        }
    }
}
