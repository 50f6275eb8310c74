//! A folder for one test.

use std::{
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::{Path, PathBuf},
};

use chat_store_sqlite::{SqliteOptions, SqliteStore, Synchronous};

/// A folder of its own, gone with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let name = format!("chat-store-sqlite-{:016x}", RandomState::new().build_hasher().finish());
        let folder = std::env::temp_dir().join(name);
        // Never one that stands, as a test that was killed leaves it.
        fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("chat.db")
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        open(&self.file()).await
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// A store that need not outlive a loss of power.
pub(crate) async fn open(file: &Path) -> SqliteStore {
    let options = SqliteOptions::default().synchronous(Synchronous::Normal).readers(2);
    SqliteStore::open(file, options).await.unwrap()
}
