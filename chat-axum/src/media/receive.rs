//! An upload: a form's file as a stream into the object store, looked at on its way.

use std::{
    collections::BTreeMap,
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, BodyDataStream},
    extract::{FromRequest as _, Multipart, Request, multipart::Field},
    http::{StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use chat_core::{
    Engine, ErrorCode, Limits, Principal,
    model::{Attachment, AttachmentKind, RoomId},
};
use futures::{Stream, StreamExt as _};

use super::{Media, dimensions::Dimensions, name, turns::Turn, types, writing::Writing};
use crate::{problem::Problem, shared::Shared};

/// Fields of a form beside the file.
const FIELDS_MAX: usize = 16;

/// Bytes of one of them.
const FIELD_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a form beside its file, about.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Bytes that the reader of forms may take in without giving anything out.
const AHEAD_MAX: usize = 256 * 1024;

/// The field that holds the file.
const FILE: &str = "file";

/// An uploaded file whose bytes are stored, and the form that it came with. It is nobody's until it is
/// [finished](Received::finish); dropped before, nothing is left of it.
#[must_use = "dropped, the file is removed again"]
pub struct Received {
    file: Attachment,
    fields: BTreeMap<String, String>,
    writing: Writing,
    engine: Engine,
    principal: Principal,
}

/// Takes in the file of a form (`multipart/form-data`, field `file`) for `me`, who alone may send it: its type told from
/// its bytes, its size bounded while it comes, never held as a whole.
///
/// # Errors
/// 400 for what is no such form or an empty file, 413 for one that is too large, 415 for a type that is not taken or not
/// what it is said to be, 429 for too many, 404 where the host keeps no files.
pub async fn receive(shared: &Shared, me: &Principal, request: Request) -> Result<Received, Problem> {
    let Some(media) = &shared.media else { return Err(Problem::not_found()) };
    let limits = shared.engine.limits();
    let too_large = || too_large(limits);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limits.upload_bytes_max.saturating_add(FORM_BYTES_MAX))
    {
        return Err(too_large());
    }
    // A form has one file.
    let mut turn = Some(media.turns.take(&me.user)?);
    let mut form = Form::of(request).await?;
    let ahead = Arc::clone(&form.ahead);
    let mut fields = BTreeMap::new();
    let mut uploaded = None;
    while let Some(field) = form.next(limits).await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != FILE {
            // Its bytes are no text, and that is not what is wrong with it.
            if field.file_name().is_some() {
                return Err(Problem::bad_field(FILE, format!("is missing; {name} is a file")));
            }
            if fields.len() >= FIELDS_MAX {
                return Err(Problem::new(ErrorCode::BadFrame, "the form has too many fields"));
            }
            let text = text(&ahead, limits, &name, field).await?;
            fields.insert(name, text);
        } else {
            let Some(turn) = turn.take() else { return Err(Problem::bad_field(FILE, "is given twice")) };
            uploaded =
                Some(Incoming::of(&field, limits).store(shared, media, me, turn, &ahead, field).await?);
        }
    }
    let Some((file, writing)) = uploaded else { return Err(Problem::bad_field(FILE, "is missing")) };
    let (engine, principal) = (shared.engine.clone(), me.clone());
    Ok(Received { file, fields, writing, engine, principal })
}

impl Received {
    /// What the file is.
    #[must_use]
    pub const fn file(&self) -> &Attachment {
        &self.file
    }

    /// What the form says beside the file.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Refuses a file of another kind with 415.
    ///
    /// # Errors
    /// Where it is.
    pub fn must_be(&self, kind: AttachmentKind) -> Result<(), Problem> {
        if self.file.kind == kind { Ok(()) } else { Err(unsupported("the file is of another kind")) }
    }

    /// Makes it its uploader's to send, in `room` alone where one is named.
    ///
    /// # Errors
    /// As [`AsUser::finish_upload`](chat_core::AsUser::finish_upload); then nothing is left of it.
    pub async fn finish(self, room: Option<RoomId>) -> Result<Attachment, Problem> {
        self.engine.as_user(&self.principal).finish_upload(&self.file, room).await?;
        self.writing.keep();
        Ok(self.file)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A form that is being read.
struct Form {
    parts: Multipart,
    ahead: Arc<AtomicUsize>,
}

impl Form {
    async fn of(request: Request) -> Result<Self, Problem> {
        let ahead = Arc::new(AtomicUsize::new(0));
        let (parts, body) = request.into_parts();
        let paced = Paced { body: body.into_data_stream(), ahead: Arc::clone(&ahead), is_resting: false };
        let request = Request::from_parts(parts, Body::from_stream(paced));
        // Its errors are of the request's head.
        let parts = Multipart::from_request(request, &()).await.map_err(|_| {
            let problem =
                Problem::new(ErrorCode::BadFrame, "the body must be multipart/form-data with a boundary");
            problem.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        })?;
        Ok(Self { parts, ahead })
    }

    async fn next(&mut self, limits: &Limits) -> Result<Option<Field<'_>>, Problem> {
        self.ahead.store(0, Ordering::Relaxed);
        match tokio::time::timeout(limits.upload_idle, self.parts.next_field()).await {
            Ok(Ok(field)) => Ok(field),
            Ok(Err(_)) => Err(broken()),
            Err(_) => Err(idle()),
        }
    }
}

/// The next bytes of a field.
async fn chunk(
    ahead: &AtomicUsize,
    limits: &Limits,
    field: &mut Field<'_>,
) -> Result<Option<Bytes>, Problem> {
    let chunk = match tokio::time::timeout(limits.upload_idle, field.chunk()).await {
        Ok(Ok(chunk)) => chunk,
        Ok(Err(_)) => return Err(broken()),
        Err(_) => return Err(idle()),
    };
    ahead.store(0, Ordering::Relaxed);
    Ok(chunk)
}

async fn text(
    ahead: &AtomicUsize,
    limits: &Limits,
    name: &str,
    mut field: Field<'_>,
) -> Result<String, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunk(ahead, limits, &mut field).await? {
        if bytes.len() + chunk.len() > FIELD_BYTES_MAX {
            return Err(Problem::new(ErrorCode::TooLarge, "a field of the form is too large"));
        }
        bytes.extend_from_slice(&chunk);
    }
    match String::from_utf8(bytes.into()) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Problem::bad_field(name.to_owned(), "must be text without U+0000")),
    }
}

/// A file as its form announces it.
struct Incoming {
    name: String,
    claimed: Option<String>,
}

impl Incoming {
    fn of(field: &Field<'_>, limits: &Limits) -> Self {
        Self {
            name: name::clean(field.file_name().unwrap_or_default(), limits.file_name_chars_max),
            claimed: field.content_type().map(str::to_owned),
        }
    }

    async fn store(
        self,
        shared: &Shared,
        media: &Media,
        me: &Principal,
        turn: Turn,
        ahead: &AtomicUsize,
        mut field: Field<'_>,
    ) -> Result<(Attachment, Writing), Problem> {
        let limits = shared.engine.limits();
        let mut head = BytesMut::new();
        while head.len() < types::HEAD_BYTES {
            let Some(bytes) = chunk(ahead, limits, &mut field).await? else { break };
            head.extend_from_slice(&bytes);
        }
        if head.is_empty() {
            return Err(Problem::bad_field(FILE, "is empty"));
        }
        let first = &head[..head.len().min(types::HEAD_BYTES)];
        let content_type =
            types::tell(self.claimed.as_deref(), first, &media.terms.types).map_err(unsupported)?;
        let mut dimensions = Dimensions::of(&content_type);
        let mut size = 0;
        let mut writing = Writing::begin(media, &shared.engine, me, turn).await?;
        let mut next = Some(head.freeze());
        while let Some(bytes) = next {
            size += bytes.len();
            if size > limits.upload_bytes_max {
                return Err(too_large(limits));
            }
            dimensions.see(&bytes);
            check(dimensions.found(), limits)?;
            writing.write(bytes).await?;
            next = chunk(ahead, limits, &mut field).await?;
        }
        if dimensions.is_missing() {
            return Err(unsupported("the image does not say how large it is"));
        }
        check(dimensions.found(), limits)?;
        writing.close().await?;
        let kind = AttachmentKind::of(&content_type);
        let (width, height) = dimensions.found().unzip();
        let size = size as u64;
        let file =
            Attachment { id: writing.id.clone(), name: self.name, content_type, size, kind, width, height };
        Ok((file, writing))
    }
}

/// An image that is small as a file may be far too large to show.
fn check(found: Option<(u32, u32)>, limits: &Limits) -> Result<(), Problem> {
    let Some((width, height)) = found else { return Ok(()) };
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > limits.image_side_max || pixels > limits.image_pixels_max {
        return Err(unsupported("the image has too many pixels"));
    }
    Ok(())
}

/// A body that is given out no faster than it is used: the reader of forms takes in all that there is at once.
struct Paced {
    body: BodyDataStream,
    /// Bytes given out since something came of them.
    ahead: Arc<AtomicUsize>,
    is_resting: bool,
}

impl Stream for Paced {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_resting {
            self.is_resting = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = std::task::ready!(self.body.poll_next_unpin(cx));
        Poll::Ready(next.map(|next| {
            let bytes = next.map_err(io::Error::other)?;
            self.is_resting = true;
            let ahead = self.ahead.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
            if ahead > AHEAD_MAX.max(2 * bytes.len()) {
                return Err(io::Error::other("a part's head without an end"));
            }
            Ok(bytes)
        }))
    }
}

fn too_large(limits: &Limits) -> Problem {
    let detail = format!("a file must be at most {} bytes", limits.upload_bytes_max);
    Problem::new(ErrorCode::TooLarge, detail)
}

fn unsupported(why: &'static str) -> Problem {
    Problem::bad_field(FILE, why).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

fn broken() -> Problem {
    Problem::new(ErrorCode::BadFrame, "the form is broken or ends early")
}

fn idle() -> Problem {
    Problem::new(ErrorCode::BadFrame, "nothing came for too long").with_status(StatusCode::REQUEST_TIMEOUT)
}
