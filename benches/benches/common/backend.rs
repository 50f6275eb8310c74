//! Where rooms are kept.

use std::{fs, path::PathBuf, process, sync::Arc};

use chat_core::{memory::MemoryStore, store::Store};
use chat_store_sqlite::{SqliteOptions, SqliteStore, Synchronous};

/// A kind of store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// In a file, synchronised so; `None`: in memory.
    pub(crate) synchronous: Option<Synchronous>,
}

/// A new store, with the folder that it lies in.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    _folder: Option<Folder>,
}

impl Backend {
    pub(crate) async fn open(self) -> Opened {
        let Some(synchronous) = self.synchronous else {
            return Opened { store: Arc::new(MemoryStore::default()), _folder: None };
        };
        let folder = Folder::new(self.name);
        let options = SqliteOptions::default().synchronous(synchronous);
        let store = SqliteStore::open(folder.0.join("chat.db"), options).await.expect("a new file opens");
        Opened { store: Arc::new(store), _folder: Some(folder) }
    }
}

/// A folder that goes with the store. (`TMPDIR` says on which disk.)
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("chat-benches-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files can be written");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is in a folder for temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}
