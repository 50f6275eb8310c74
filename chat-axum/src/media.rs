//! Files: taken in as streams, kept in an object store under their ids, and given to those who may see them.

mod answer;
mod collect;
pub(crate) mod cookie;
mod dimensions;
mod exif;
mod name;
mod range;
mod receive;
pub(crate) mod routes;
#[cfg(feature = "s3")]
mod s3;
mod serve;
mod turns;
mod types;
mod writing;

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc};

use chat_core::{Limits, model::AttachmentId};
use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory, path::Path};
use tokio_util::task::TaskTracker;

use self::turns::Turns;

pub use receive::{Received, receive};

/// Where files are, under the routes' own path.
const FILES: &str = "/attachments";

/// Where files are kept, and on what terms: given to [`ChatRouter::media`](crate::ChatRouter::media).
///
/// ```
/// # fn app(engine: chat_core::Engine) -> Result<(), Box<dyn std::error::Error>> {
/// use chat_axum::{ChatRouter, JwtAuthenticator, Media};
///
/// let authenticator = JwtAuthenticator::hs256(b"at least thirty-two bytes of chance")?;
/// let media = Media::memory().cookie_key(b"the same on every node");
/// // Removes what is left behind, for as long as the engine is.
/// let collector = media.collector(&engine);
/// let chat = ChatRouter::new(engine, authenticator).media(media);
/// # drop((collector, chat));
/// # Ok(())
/// # }
/// ```
///
/// What may be uploaded and how much is bounded by [`Limits`](chat_core::Limits): `upload_bytes_max`, `uploads`,
/// `image_side_max` and others. Where an object store does not answer within `file_store_wait`, or says that it cannot,
/// uploads and downloads are answered with a retryable 503; a download may take as long as its reader does.
#[derive(Clone)]
pub struct Media {
    objects: Objects,
    terms: Terms,
    /// Uploads that are on their way in now; as many as the engine's limits let, once there is an engine.
    turns: Turns,
    /// What is left to be done for those that were broken off.
    tasks: TaskTracker,
}

/// The object store.
#[derive(Clone)]
struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Before every id.
    prefix: Path,
    /// Where it is a folder.
    folder: Option<PathBuf>,
    /// Where it can sign URLs.
    #[cfg(feature = "s3")]
    presigned: Option<s3::Presigned>,
}

#[derive(Clone)]
struct Terms {
    types: Arc<BTreeSet<String>>,
    cookie_key: Arc<[u8]>,
    is_secure: bool,
    files_url: Arc<str>,
}

/// Why there is no such place for files.
#[derive(Debug, thiserror::Error)]
#[error("files cannot be kept there: {0}")]
pub struct MediaError(object_store::Error);

impl Objects {
    fn new(store: Arc<dyn ObjectStore>, prefix: Path, folder: Option<PathBuf>) -> Self {
        Self {
            store,
            prefix,
            folder,
            #[cfg(feature = "s3")]
            presigned: None,
        }
    }
}

impl Media {
    /// Files in any object store, under `prefix` (empty for none).
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self::over(Objects::new(store, Path::from(prefix), None))
    }

    /// Files in memory, gone with the process.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()), "")
    }

    /// Files in a folder, made where it is missing. It should hold nothing else.
    ///
    /// # Errors
    /// [`MediaError`] where it cannot be made.
    pub fn folder(path: impl Into<PathBuf>) -> Result<Self, MediaError> {
        let path = path.into();
        let failed = |source| object_store::Error::Generic { store: "folder", source };
        std::fs::create_dir_all(&path).map_err(|error| MediaError(failed(error.into())))?;
        let path = path.canonicalize().map_err(|error| MediaError(failed(error.into())))?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(MediaError)?;
        Ok(Self::over(Objects::new(Arc::new(store), Path::default(), Some(path))))
    }

    fn over(objects: Objects) -> Self {
        let types = types::DEFAULT_TYPES.iter().map(|kind| (*kind).to_owned()).collect();
        Self {
            objects,
            terms: Terms {
                types: Arc::new(types),
                cookie_key: cookie::random_key(),
                is_secure: false,
                files_url: FILES.into(),
            },
            turns: Turns::none(),
            tasks: TaskTracker::new(),
        }
    }

    /// The MIME types that are taken, instead of the usual images, sounds, films, texts and documents. What is no image,
    /// sound or film that browsers know is never shown in place, whatever is listed here.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.terms.types = Arc::new(types.into_iter().map(Into::into).collect());
        self
    }

    /// The key that the cookie for files is signed with: the same on every node and after a restart, at least 16 bytes
    /// of chance. Without one, cookies hold as long as this value and its clones.
    #[must_use]
    pub fn cookie_key(mut self, key: &[u8]) -> Self {
        self.terms.cookie_key = key.into();
        self
    }

    /// The cookie for files goes over https alone. Without this it does where a request came by https, or by a proxy that
    /// says so in `X-Forwarded-Proto`.
    #[must_use]
    pub const fn secure_cookie(mut self) -> Self {
        self.terms.is_secure = true;
        self
    }

    /// Where files are for those who see them in a wire format that has only URLs: `https://chat.example/attachments`.
    /// Without this it is `/attachments`, the path of a format's own routes at the root, which a page of another origin
    /// would look for on its own. Frames are made once for everyone: no request can say what this is.
    #[must_use]
    pub fn files_url(mut self, url: impl Into<String>) -> Self {
        self.terms.files_url = url.into().trim_end_matches('/').into();
        self
    }

    /// The URL of a file for those wire formats that have only URLs, under [`Media::files_url`].
    #[must_use]
    pub fn url_of(&self, id: &AttachmentId) -> String {
        format!("{}/{id}", self.terms.files_url)
    }

    /// Waits for what is left to be done for broken-off uploads.
    pub async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// With the bounds of an engine.
    pub(crate) fn bounded(mut self, limits: &Limits) -> Self {
        self.turns = Turns::of(limits);
        self
    }

    fn path(&self, id: &AttachmentId) -> Path {
        // Folders stay small.
        let folder: String = id.as_str().chars().take(2).collect();
        self.objects.prefix.clone().join(folder).join(id.as_str())
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("store", &self.objects.store)
            .field("prefix", &self.objects.prefix)
            .finish_non_exhaustive()
    }
}
