//! A file on its way into the object store, part by part.

use std::mem;

use axum::http::StatusCode;
use bytes::Bytes;
use chat_core::{Engine, ErrorCode, Principal, model::AttachmentId};
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use tokio::task::JoinHandle;

use super::Media;
use crate::problem::Problem;

/// Bytes of a part: the least that S3 takes, and all of a file that is held at once.
const PART_BYTES: usize = 5 * 1024 * 1024;

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
    /// The last step. Broken off, it may yet be done: whoever cleans up waits for it.
    last: Option<JoinHandle<object_store::Result<()>>>,
    is_over: bool,
}

impl Writing {
    pub(super) async fn begin(
        media: &Media,
        engine: &Engine,
        principal: &Principal,
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
            last: None,
            is_over: false,
        })
    }

    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Problem> {
        // All parts but the last are of one size: some stores want it so.
        while self.part_bytes + bytes.len() >= PART_BYTES {
            let rest = bytes.split_off(PART_BYTES - self.part_bytes);
            self.hold(bytes);
            bytes = rest;
            self.put_part().await.map_err(|error| failed(&error))?;
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

    async fn put_part(&mut self) -> object_store::Result<()> {
        if self.multipart.is_none() {
            let path = self.media.path(&self.id);
            self.multipart = Some(self.media.objects.store.put_multipart(&path).await?);
        }
        let part = self.take_part();
        match &mut self.multipart {
            Some(multipart) => multipart.put_part(part).await,
            None => Ok(()),
        }
    }

    /// Everything was written.
    pub(super) async fn close(&mut self) -> Result<(), Problem> {
        if self.multipart.is_some() && self.part_bytes > 0 {
            self.put_part().await.map_err(|error| failed(&error))?;
        }
        let (store, path) = (self.media.objects.store.clone(), self.media.path(&self.id));
        let part = self.take_part();
        let last = match self.multipart.take() {
            None => self.media.tasks.spawn(async move { store.put(&path, part).await.map(drop) }),
            Some(mut multipart) => self.media.tasks.spawn(async move {
                let done = multipart.complete().await.map(drop);
                if done.is_err() {
                    // What cannot be completed is not left open; that it failed is told already.
                    let _ = multipart.abort().await;
                }
                done
            }),
        };
        let done = self.last.insert(last).await;
        self.last = None;
        match done {
            Ok(done) => done.map_err(|error| failed(&error)),
            Err(error) => {
                tracing::error!(%error, "an upload's last step ended early");
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
        let (id, multipart, last) = (self.id.clone(), self.multipart.take(), self.last.take());
        self.media.tasks.spawn(async move {
            if let Some(last) = last {
                // However it ended, what it made goes below.
                let _ = last.await;
            }
            let aborted = match multipart {
                Some(mut multipart) => multipart.abort().await,
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
        });
    }
}

/// An error of the object store, told without its inside.
pub(super) fn failed(error: &object_store::Error) -> Problem {
    tracing::error!(%error, "the object store failed");
    Problem::new(ErrorCode::Unavailable, "files are out of reach")
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
}
