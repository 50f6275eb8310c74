//! The store itself: its connections, and how transactions begin on them.

use std::{path::Path, sync::Arc, time::Duration};

use chat_core::store::{StoreError, StoreErrorKind};
use sqlx::{
    Connection as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

use crate::{
    attachment::AttachmentSql,
    error::{failed, is_unavailable},
    import::ImportSql,
    log::LogSql,
    message::MessageSql,
    migrate,
    moderation::ModerationSql,
    options::{SqliteOptions, Synchronous},
    pointer::PointerSql,
    profile::ProfileSql,
    room::RoomSql,
    search::SearchSql,
    verify::{self, Damage},
};

pub(crate) type Tx = Transaction<'static, Sqlite>;

/// Statements of a step that may be kept ready on a connection; there are fewer than that.
const STATEMENTS_READY: usize = 128;

/// Pages after which what was written is moved from the write-ahead log into the file.
const CHECKPOINT_PAGES: &str = "4000";

/// Between two tries to open a file that another is about to make.
const OPEN_AGAIN: Duration = Duration::from_millis(10);

/// A durable store in one SQLite file: one connection writes, a few read. Cheap to clone; all clones are one store.
///
/// Several processes may share the file: what a write depends on is read inside its own transaction, and nothing is
/// remembered between two.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: SqlitePool,
    readers: SqlitePool,
    prefix: String,
    sql: Sql,
}

/// Every statement, by concern.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) log: LogSql,
    pub(crate) load: crate::load::LoadSql,
    pub(crate) write: crate::write::WriteSql,
    pub(crate) room: RoomSql,
    pub(crate) message: MessageSql,
    pub(crate) pointer: PointerSql,
    pub(crate) profile: ProfileSql,
    pub(crate) search: SearchSql,
    pub(crate) moderation: ModerationSql,
    pub(crate) import: ImportSql,
    pub(crate) attachment: AttachmentSql,
}

impl Sql {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            log: LogSql::new(prefix),
            load: crate::load::LoadSql::new(prefix),
            write: crate::write::WriteSql::new(prefix),
            room: RoomSql::new(prefix),
            message: MessageSql::new(prefix),
            pointer: PointerSql::new(prefix),
            profile: ProfileSql::new(prefix),
            search: SearchSql::new(prefix),
            moderation: ModerationSql::new(prefix),
            import: ImportSql::new(prefix),
            attachment: AttachmentSql::new(prefix),
        }
    }

    /// All of them, for a look at how each is carried out.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<(&'static str, sqlx::SqlStr)> {
        let sets = [self.log.all(), self.load.all(), self.write.all(), self.room.all(), self.message.all()];
        sets.into_iter()
            .chain([
                self.pointer.all(),
                self.profile.all(),
                self.search.all(),
                self.moderation.all(),
                self.import.all(),
                self.attachment.all(),
            ])
            .flatten()
            .collect()
    }
}

impl SqliteStore {
    /// Opens the file, made where it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where the prefix can be none, or the tables are of a later version;
    /// [`StoreErrorKind::Corrupt`] where the file is no database; [`StoreErrorKind::Unavailable`] where another process
    /// keeps it locked; otherwise as the file system has it.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        const OPERATION: &str = "open";
        options.check().map_err(|why| refused(OPERATION, why))?;
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(false)
            .busy_timeout(options.busy_timeout)
            .synchronous(match options.synchronous {
                Synchronous::Normal => SqliteSynchronous::Normal,
                Synchronous::Full => SqliteSynchronous::Full,
            })
            .statement_cache_capacity(STATEMENTS_READY)
            .pragma("cache_size", format!("-{}", options.cache_bytes / 1024))
            .pragma("temp_store", "memory");
        let connect = sqlx::ConnectOptions::disable_statement_logging(connect);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(options.acquire_timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let write = connect
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        // Of those who open a new file at once one makes the write-ahead log, and SQLite does not let the others wait.
        let deadline = Instant::now() + options.busy_timeout;
        let writer = loop {
            match pool().max_connections(1).connect_with(write.clone()).await {
                Err(error) if is_unavailable(&error) && Instant::now() < deadline => sleep(OPEN_AGAIN).await,
                opened => break opened.map_err(failed(OPERATION))?,
            }
        };
        let readers =
            pool().max_connections(options.readers).connect_lazy_with(connect.pragma("query_only", "on"));
        Self::from_pools(writer, readers, options).await
    }

    /// A store over connections of the host's own, and brings its tables up to date. `writer` and `readers` may be the
    /// same pool. Of `options` only the prefix counts: journal mode (WAL, or readers and the writer wait for each
    /// other), busy timeout and durability are the host's, in its connections. The readers must see what the writer
    /// committed: no memory database.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn from_pools(
        writer: SqlitePool,
        readers: SqlitePool,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        options.check().map_err(|why| refused("open", why))?;
        let sql = Sql::new(&options.prefix);
        let store = Self { inner: Arc::new(Inner { writer, readers, prefix: options.prefix, sql }) };
        store.migrate().await?;
        Ok(store)
    }

    /// Brings the tables up to date, in one transaction; does nothing where they are. Opening does it too.
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where the tables are of a later version, or were made by another text.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.inner.writer, &self.inner.prefix).await
    }

    /// The SQL that makes the tables, for hosts that migrate by a tool of their own. To be run once, on a database
    /// without them; opening then finds everything made.
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where the prefix can be none.
    pub fn migration_sql(options: &SqliteOptions) -> Result<String, StoreError> {
        options.check().map_err(|why| refused("migration_sql", why))?;
        Ok(migrate::sql(&options.prefix))
    }

    /// Looks for damage: the file, the tables, and whether what they hold fits together (every position of every room
    /// once, counts, counters, nothing left of deleted messages). Empty: nothing is wrong. At most 100 findings. It reads
    /// everything; writes go on meanwhile.
    ///
    /// # Errors
    /// Where the file cannot be read at all.
    pub async fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        let mut tx = self.read("verify").await?;
        verify::run(&mut tx, &self.inner.prefix).await.map_err(failed("verify"))
    }

    /// Closes the connections, waiting for those in use. Calls after it fail. Dropping the store instead loses nothing
    /// that was committed.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    pub(crate) fn sql(&self) -> &Sql {
        &self.inner.sql
    }

    /// A snapshot, for as long as it is held.
    pub(crate) async fn read(&self, operation: &'static str) -> Result<Tx, StoreError> {
        begin(&self.inner.readers, "BEGIN").await.map_err(failed(operation))
    }

    /// The only writer of the file, for as long as it is held; dropped without a commit, nothing was written.
    pub(crate) async fn write(&self, operation: &'static str) -> Result<Tx, StoreError> {
        begin_write(&self.inner.writer).await.map_err(failed(operation))
    }
}

pub(crate) async fn begin_write(pool: &SqlitePool) -> sqlx::Result<Tx> {
    begin(pool, "BEGIN IMMEDIATE").await
}

async fn begin(pool: &SqlitePool, statement: &'static str) -> sqlx::Result<Tx> {
    // SQLite ends a transaction by itself on some faults (a full disk). Where the caller was gone by then, the driver
    // believes it open for ever; such a connection is thrown away. One a pool at most can be so at a time.
    loop {
        let mut connection = pool.acquire().await?;
        if !connection.is_in_transaction() {
            return Transaction::begin(connection, Some(sqlx::SqlStr::from_static(statement))).await;
        }
        connection.close_on_drop();
    }
}

fn refused(operation: &'static str, why: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, operation).with_source(why)
}
