//! Files in S3, and in what speaks as S3 does.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chat_core::model::Attachment;
use object_store::{
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
    signer::{SignedUrlOptions, Signer},
};

use super::{
    Media, MediaError, Objects,
    serve::{disposition, shown_type},
    writing::failed,
};
use crate::problem::Problem;

/// Signs URLs that hold for a while.
#[derive(Clone, Debug)]
pub(super) struct Presigned {
    signer: Arc<dyn Signer>,
    /// None where it is not switched on.
    lifetime: Option<Duration>,
}

impl Media {
    /// Files in a bucket of S3, or of what speaks as S3 does, under `prefix`. Credentials, region and endpoint come
    /// from the environment as the AWS tools have them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`).
    ///
    /// An upload that is cut off with the process itself leaves parts that nobody sees: give the bucket a lifecycle rule
    /// that aborts incomplete uploads after a day.
    ///
    /// # Errors
    /// [`MediaError`] where the environment does not make sense.
    pub fn s3(bucket: &str, prefix: &str) -> Result<Self, MediaError> {
        let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(MediaError)?;
        Ok(Self::s3_store(store, prefix))
    }

    /// As [`Media::s3`], with a store that the host has made.
    #[must_use]
    pub fn s3_store(store: AmazonS3, prefix: &str) -> Self {
        let store = Arc::new(store);
        let presigned = Presigned { signer: Arc::clone(&store) as _, lifetime: None };
        Self::over(Objects { store, prefix: Path::from(prefix), folder: None, presigned: Some(presigned) })
    }

    /// Sends those who fetch a file on to the object store itself, by a URL that holds for so long; where the store
    /// cannot sign URLs, without effect. Whoever has such a URL has the file.
    #[must_use]
    pub const fn presigned(mut self, lifetime: Duration) -> Self {
        if let Some(presigned) = &mut self.objects.presigned {
            presigned.lifetime = Some(lifetime);
        }
        self
    }

    /// The answer that sends whoever asks on to the object store, where that is switched on.
    pub(super) async fn send_on(
        &self,
        file: &Attachment,
        method: &Method,
    ) -> Option<Result<Response, Problem>> {
        let presigned = self.objects.presigned.as_ref()?;
        let lifetime = presigned.lifetime?;
        // There is no header of ours there: what it is and how it is shown are part of the URL.
        let options = SignedUrlOptions::new().with_query([
            ("response-content-type", shown_type(file)),
            ("response-content-disposition", disposition(file)),
        ]);
        let path = self.path(&file.id);
        let url = presigned.signer.signed_url_opts(method.clone(), &path, lifetime, &options).await;
        Some(url.map_err(|error| failed(&error)).map(|url| {
            let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
            let headers = response.headers_mut();
            if let Ok(url) = HeaderValue::try_from(url.to_string()) {
                headers.insert(header::LOCATION, url);
            }
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            response
        }))
    }
}
