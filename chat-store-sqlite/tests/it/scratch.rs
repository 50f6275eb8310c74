//! A folder for one test.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use chat_store_sqlite::{SqliteOptions, SqliteStore, Synchronous};

/// A folder of its own, gone with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("chat-store-sqlite-{}-{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
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
