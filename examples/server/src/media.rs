//! Where files are kept.

use std::{fmt, path::PathBuf, str::FromStr};

use chat_axum::{Media, MediaError};

use crate::config::{ConfigError, Database};

/// A place for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MediaPlace {
    /// Nowhere: gone with the process.
    Memory,
    /// A folder, made where it is missing.
    Folder(PathBuf),
    /// A bucket of S3 or of what speaks as it does, under a prefix.
    S3 { bucket: String, prefix: String },
}

impl MediaPlace {
    /// The place that goes with a database; one that several nodes share has none of its own.
    pub(crate) fn beside(database: &Database) -> Option<Self> {
        match database {
            Database::Memory => Some(Self::Memory),
            Database::Sqlite(path) => {
                let mut folder = path.clone();
                folder.as_mut_os_string().push(".media");
                Some(Self::Folder(folder))
            }
            Database::Postgres(_) => None,
        }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Media, MediaError> {
        match self {
            Self::Memory => Ok(Media::memory()),
            Self::Folder(path) => Media::folder(path),
            Self::S3 { bucket, prefix } => Media::s3(bucket, prefix),
        }
    }
}

impl FromStr for MediaPlace {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let (bucket, prefix) = (bucket.to_owned(), prefix.trim_matches('/').to_owned());
            return if bucket.is_empty() { Err(ConfigError::Media) } else { Ok(Self::S3 { bucket, prefix }) };
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            Err(ConfigError::Media)
        } else {
            Ok(Self::Folder(path.into()))
        }
    }
}

impl fmt::Display for MediaPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory, gone with this process"),
            Self::Folder(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MediaPlace;
    use crate::config::Database;

    #[test]
    fn places() {
        for (text, place) in [
            ("memory:", MediaPlace::Memory),
            ("/a/b", MediaPlace::Folder("/a/b".into())),
            ("files", MediaPlace::Folder("files".into())),
            ("file:///a/b", MediaPlace::Folder("/a/b".into())),
            ("s3://b/x/y/", MediaPlace::S3 { bucket: "b".to_owned(), prefix: "x/y".to_owned() }),
            ("s3://b", MediaPlace::S3 { bucket: "b".to_owned(), prefix: String::new() }),
        ] {
            assert_eq!(text.parse::<MediaPlace>().unwrap(), place, "{text}");
        }
        for bad in ["", "s3://", "s3:///x", "http://x", "gs://x"] {
            assert!(bad.parse::<MediaPlace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn files_lie_beside_the_database() {
        let beside = |database: &str| MediaPlace::beside(&database.parse::<Database>().unwrap());
        assert_eq!(beside("sqlite://x/chat.db"), Some(MediaPlace::Folder("x/chat.db.media".into())));
        assert_eq!(beside("memory:"), Some(MediaPlace::Memory));
        assert_eq!(beside("postgres://x/y"), None);
    }
}
