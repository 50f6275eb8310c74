//! Files in S3, and in what speaks as S3 does.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chat_core::model::Attachment;
use object_store::{
    BackoffConfig, ClientConfigKey, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
    signer::{SignedUrlOptions, Signer},
};

use super::{
    Media, MediaError, Objects,
    answer::answer,
    serve::{disposition, shown_type},
    writing::failed,
};
use crate::problem::Problem;

/// The client's own bound on a whole answer: a file comes for as long as whoever fetches it takes. Silence is bounded by
/// [`Limits::file_store_wait`](chat_core::Limits::file_store_wait).
const WHOLE_ANSWER: &str = "1 day";

/// A request is sent so many times more.
const RETRIES: usize = 2;

/// None is sent again after that time.
const RETRY_WITHIN: Duration = Duration::from_secs(10);

/// The longest wait before a request is sent again.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(1);

/// For how long a URL can be signed to hold, as S3 has it: a second to a week.
const LIFETIME_MIN: Duration = Duration::from_secs(1);
const LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Signs URLs that hold for a while.
#[derive(Clone, Debug)]
pub(super) struct Presigned {
    signer: Arc<dyn Signer>,
    /// None where it is not switched on.
    lifetime: Option<Duration>,
}

impl Media {
    /// Files in a bucket of S3, or of what speaks as S3 does, under `prefix` (empty for none). Credentials, region and
    /// endpoint come from the environment as the AWS tools have them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`); `AWS_ALLOW_HTTP=true` lets an endpoint be `http://`.
    ///
    /// A request that the store refuses for now, or that cannot be sent, is sent at most twice more, within 10 s.
    ///
    /// An upload that is cut off with the process itself, or while the bucket is out of reach, leaves parts that nobody
    /// sees: give the bucket a lifecycle rule that aborts incomplete uploads after a day.
    ///
    /// # Errors
    /// [`MediaError`] where the environment does not make sense. Nothing is asked of the bucket yet.
    pub fn s3(bucket: &str, prefix: &str) -> Result<Self, MediaError> {
        Self::s3_with(AmazonS3Builder::from_env().with_bucket_name(bucket), prefix)
    }

    /// As [`Media::s3`], with a bucket, credentials and an endpoint that the host names. Its timeout and retries
    /// are set here, and files are deleted one by one, which all stores that speak as S3 does can do.
    ///
    /// # Errors
    /// [`MediaError`] where what is named does not make sense.
    pub fn s3_with(bucket: AmazonS3Builder, prefix: &str) -> Result<Self, MediaError> {
        let store = bucket
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), WHOLE_ANSWER)
            .with_retry(RetryConfig {
                backoff: BackoffConfig { max_backoff: RETRY_WAIT_MAX, ..BackoffConfig::default() },
                max_retries: RETRIES,
                retry_timeout: RETRY_WITHIN,
            })
            .with_disable_bulk_delete(true)
            .build()
            .map_err(MediaError)?;
        let store = Arc::new(store);
        let presigned = Presigned { signer: Arc::clone(&store) as _, lifetime: None };
        Ok(Self::over(Objects {
            store,
            prefix: Path::from(prefix),
            folder: None,
            presigned: Some(presigned),
        }))
    }

    /// Sends those who fetch a file on to the object store itself (307), by a URL that holds for so long: a second to a
    /// week, and no longer than the credentials that sign it. Where the store cannot sign URLs, without effect.
    ///
    /// Whoever has such a URL has the file for that time, also after leaving the room. Pages need the store's origin in
    /// their content security policy, and the bucket a CORS rule where scripts read files.
    #[must_use]
    pub fn presigned(mut self, lifetime: Duration) -> Self {
        if let Some(presigned) = &mut self.objects.presigned {
            presigned.lifetime = Some(lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX));
        }
        self
    }

    /// The answer that sends whoever asks on to the object store, where that is switched on.
    pub(super) async fn send_on(
        &self,
        file: &Attachment,
        method: &Method,
        wait: Duration,
    ) -> Option<Result<Response, Problem>> {
        let presigned = self.objects.presigned.as_ref()?;
        let lifetime = presigned.lifetime?;
        // There is no header of ours there: what it is and how it is shown are part of the URL.
        let options = SignedUrlOptions::new().with_query([
            ("response-content-type", shown_type(file)),
            ("response-content-disposition", disposition(file)),
        ]);
        let path = self.path(&file.id);
        // Credentials may have to be fetched first.
        let url = presigned.signer.signed_url_opts(method.clone(), &path, lifetime, &options);
        let url = answer(wait, url).await;
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
