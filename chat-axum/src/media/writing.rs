//! A file on its way into the object store, part by part.

use std::{mem, sync::Arc};

use axum::http::StatusCode;
use bytes::Bytes;
use chat_core::{Engine, ErrorCode, Principal, model::AttachmentId};
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use tokio::task::JoinHandle;

use super::{Media, answer::answer, turns::Turn};
use crate::problem::Problem;

/// Bytes of a part: the least that S3 takes, and all of a file that is held at once.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// What a step leaves: the upload in parts, where one is open, and whether the step was done.
type Stepped = (Option<Box<dyn MultipartUpload>>, object_store::Result<()>);

/// A file that is being written. Unless it is [kept](Writing::keep), nothing is left of it once this is dropped.
pub(super) struct Writing {
    media: Media,
    engine: Engine,
    principal: Principal,
    pub(super) id: AttachmentId,
    part: Vec<Bytes>,
    part_bytes: usize,
    /// Once there is more than one part.
    multipart: Option<Box<dyn MultipartUpload>>,
    /// What the object store is asked for now. Broken off, it may yet be done: whoever cleans up waits for it.
    step: Option<JoinHandle<Stepped>>,
    is_over: bool,
    /// Until it is cleaned up, it takes the place of another.
    turn: Option<Turn>,
}

impl Writing {
    pub(super) async fn begin(
        media: &Media,
        engine: &Engine,
        principal: &Principal,
        turn: Turn,
    ) -> Result<Self, Problem> {
        let id = engine.as_user(principal).begin_upload().await?;
        Ok(Self {
            media: media.clone(),
            engine: engine.clone(),
            principal: principal.clone(),
            id,
            part: Vec::new(),
            part_bytes: 0,
            multipart: None,
            step: None,
            is_over: false,
            turn: Some(turn),
        })
    }

    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Problem> {
        // All parts but the last are of one size: some stores want it so.
        while self.part_bytes + bytes.len() >= PART_BYTES {
            let rest = bytes.split_off(PART_BYTES - self.part_bytes);
            self.hold(bytes);
            bytes = rest;
            self.put_part().await?;
        }
        self.hold(bytes);
        Ok(())
    }

    fn hold(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.part_bytes += bytes.len();
            self.part.push(bytes);
        }
    }

    fn take_part(&mut self) -> PutPayload {
        self.part_bytes = 0;
        mem::take(&mut self.part).into_iter().collect()
    }

    async fn put_part(&mut self) -> Result<(), Problem> {
        let (store, path) = (Arc::clone(&self.media.objects.store), self.media.path(&self.id));
        let (multipart, part) = (self.multipart.take(), self.take_part());
        let wait = self.engine.limits().file_store_wait;
        self.step(async move {
            let mut multipart = match multipart {
                Some(multipart) => multipart,
                None => match answer(wait, store.put_multipart(&path)).await {
                    Ok(multipart) => multipart,
                    Err(error) => return (None, Err(error)),
                },
            };
            let done = answer(wait, multipart.put_part(part)).await;
            (Some(multipart), done)
        })
        .await
    }

    /// Everything was written.
    pub(super) async fn close(&mut self) -> Result<(), Problem> {
        if self.multipart.is_some() && self.part_bytes > 0 {
            self.put_part().await?;
        }
        let (store, path) = (Arc::clone(&self.media.objects.store), self.media.path(&self.id));
        let (multipart, part) = (self.multipart.take(), self.take_part());
        let wait = self.engine.limits().file_store_wait;
        self.step(async move {
            let Some(mut multipart) = multipart else {
                return (None, answer(wait, store.put(&path, part)).await.map(drop));
            };
            match answer(wait, multipart.complete()).await {
                Ok(_) => (None, Ok(())),
                Err(error) => (Some(multipart), Err(error)),
            }
        })
        .await
    }

    /// Asks the object store for something, in a task of its own.
    async fn step(&mut self, work: impl Future<Output = Stepped> + Send + 'static) -> Result<(), Problem> {
        let step = self.step.insert(self.media.tasks.spawn(work)).await;
        self.step = None;
        match step {
            Ok((multipart, done)) => {
                self.multipart = multipart;
                done.map_err(|error| failed(&error))
            }
            Err(error) => {
                tracing::error!(%error, "a step of an upload ended early");
                Err(Problem::new(ErrorCode::Internal, "the file could not be stored"))
            }
        }
    }

    /// It stays.
    pub(super) fn keep(mut self) {
        self.is_over = true;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (media, engine, principal) = (self.media.clone(), self.engine.clone(), self.principal.clone());
        let (id, turn) = (self.id.clone(), self.turn.take());
        let (mut multipart, step) = (self.multipart.take(), self.step.take());
        self.media.tasks.spawn(async move {
            if let Some(step) = step
                && let Ok((left, _)) = step.await
            {
                multipart = left;
            }
            let aborted = match multipart {
                Some(mut multipart) => answer(engine.limits().file_store_wait, multipart.abort()).await,
                None => Ok(()),
            };
            if let Err(error) = aborted {
                tracing::warn!(%error, "parts of an upload are left behind");
            }
            // What fails here is done by the collector, a day later.
            if let Err(error) = engine.as_user(&principal).remove_upload(&id).await {
                tracing::debug!(%error, "an upload was gone already");
            }
            if let Err(error) = media.erase(&engine, &id).await {
                tracing::warn!(%error, "an upload is left behind for now");
            }
            drop(turn);
        });
    }
}

/// An error of the object store, told without its inside.
pub(super) fn failed(error: &object_store::Error) -> Problem {
    tracing::error!(%error, "the object store failed");
    Problem::new(ErrorCode::Unavailable, "files are out of reach")
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
}
