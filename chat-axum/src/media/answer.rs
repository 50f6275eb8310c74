//! How long the object store is waited for.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _, stream};
use object_store::{Error, Result};
use tokio::time::timeout;

/// What the object store answers, where it does so in time.
pub(super) async fn answer<T>(wait: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let silence = |elapsed| Error::Generic { store: "files", source: Box::new(elapsed) };
    timeout(wait, asked).await.map_err(silence)?
}

/// A file's bytes as they come; silence ends them with an error. Time passes only while more are asked for: a client's
/// own timeout counts from the last bytes, and takes a slow reader for a silent store.
pub(super) fn bytes(
    wait: Duration,
    bytes: impl Stream<Item = Result<Bytes>> + Unpin,
) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold(bytes, move |mut bytes| async move {
        let next = answer(wait, bytes.try_next()).await?;
        Ok(next.map(|next| (next, bytes)))
    })
}
