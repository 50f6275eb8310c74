//! Removing the bytes of files that are nobody's any more.

use std::{future::Future, time::Duration};

use chat_core::{Engine, model::AttachmentId};
use object_store::ObjectStoreExt as _;
use tokio::time::{MissedTickBehavior, interval};

use super::{Media, answer::answer};

/// Files looked at in one go.
const PAGE: usize = 100;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(30);

impl Media {
    /// Removes the bytes of deleted messages' files, and of uploads that were not sent within
    /// [`upload_unsent_max`](chat_core::Limits::upload_unsent_max); says of how many. What fails is left for the next
    /// round. Any number of nodes may do it at once.
    ///
    /// # Errors
    /// `unavailable` where the store of messages does not answer.
    pub async fn collect(&self, engine: &Engine) -> Result<usize, chat_core::Error> {
        let (mut count, mut last) = (0, None);
        loop {
            let removed = engine.removed_attachments(last.as_ref(), PAGE).await?;
            let is_last = removed.len() < PAGE;
            for id in &removed {
                match self.erase(engine, id).await {
                    Ok(()) => count += 1,
                    Err(error) => tracing::warn!(%error, "a file is left behind for now"),
                }
            }
            last = removed.into_iter().next_back();
            if is_last {
                return Ok(count);
            }
        }
    }

    /// [Collects](Media::collect) every half minute, for ever: a future for the host to run beside its server.
    pub fn collector(&self, engine: &Engine) -> impl Future<Output = ()> + Send + use<> {
        let (media, engine) = (self.clone(), engine.clone());
        async move {
            let mut rounds = interval(EVERY);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                if let Err(error) = media.collect(&engine).await {
                    tracing::warn!(%error, "files could not be collected");
                }
            }
        }
    }

    /// Removes the bytes of one removed file, and then forgets it.
    pub(super) async fn erase(
        &self,
        engine: &Engine,
        id: &AttachmentId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let path = self.path(id);
        match answer(engine.limits().file_store_wait, self.objects.store.delete(&path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(folder) = &self.objects.folder {
            // What is being written has this name there, and keeps it where the process ends.
            let staged = folder.join(format!("{path}#1"));
            match tokio::fs::remove_file(staged).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        engine.forget_attachments(std::slice::from_ref(id)).await?;
        Ok(())
    }
}
