//! The store itself, and how statements are asked of the database.

use std::{fmt, sync::Arc, time::Duration};

use chat_core::store::{StoreError, StoreErrorKind};
use sqlx::{
    Acquire as _, PgConnection, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::sleep;

use crate::{
    attachment::AttachmentSql,
    cache::Cache,
    error::{Kind, Stage, failed, failed_at, kind},
    host::HostSql,
    import::ImportSql,
    load::LoadSql,
    log::LogSql,
    message::MessageSql,
    migrate,
    moderation::ModerationSql,
    options::PostgresOptions,
    patience::Patience,
    pointer::PointerSql,
    profile::ProfileSql,
    room::RoomSql,
    search::SearchSql,
    verify::{self, Damage},
    write::WriteSql,
};

/// How often a statement is asked that loses against others.
const TRIES: u32 = 5;

/// Between two tries, the longer the more there were.
const BETWEEN: Duration = Duration::from_millis(2);

/// A statement with its arguments.
pub(crate) type Asked = Query<'static, Postgres, PgArguments>;

/// A store on PostgreSQL. Cheap to clone; all clones are one store.
///
/// Any number of stores, in any number of processes, may share a schema: what a write depends on is looked at again
/// under the room's lock.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    options: PostgresOptions,
    sql: Sql,
    cache: Cache,
    patience: Patience,
}

/// Every statement, by concern.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) log: LogSql,
    pub(crate) load: LoadSql,
    pub(crate) write: WriteSql,
    pub(crate) host: HostSql,
    pub(crate) room: RoomSql,
    pub(crate) message: MessageSql,
    pub(crate) search: SearchSql,
    pub(crate) pointer: PointerSql,
    pub(crate) profile: ProfileSql,
    pub(crate) moderation: ModerationSql,
    pub(crate) import: ImportSql,
    pub(crate) attachment: AttachmentSql,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// A store over connections of the host's. Asks the database nothing: see [`PostgresStore::migrate`].
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where a name in the options can be none.
    pub fn new(pool: PgPool, options: PostgresOptions) -> Result<Self, StoreError> {
        options.check().map_err(|why| refused("new", why))?;
        let schema = options.schema.as_str();
        let sql = Sql {
            log: LogSql::new(schema),
            load: LoadSql::new(schema),
            write: WriteSql::new(schema),
            host: HostSql::new(schema),
            room: RoomSql::new(schema),
            message: MessageSql::new(schema),
            search: SearchSql::new(schema),
            pointer: PointerSql::new(schema),
            profile: ProfileSql::new(schema),
            moderation: ModerationSql::new(schema),
            import: ImportSql::new(schema),
            attachment: AttachmentSql::new(schema),
        };
        let patience = Patience::new(pool.options().get_max_connections());
        Ok(Self { inner: Arc::new(Inner { pool, options, sql, cache: Cache::default(), patience }) })
    }

    /// Brings the tables up to date, in one transaction; does nothing where they are. Any number of nodes may do it at
    /// once, through a pooler too: one does it, the others wait.
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where the tables are of a later version, or were made by another text, or the
    /// database does not let us.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.inner.pool, &self.inner.options.schema).await
    }

    /// The SQL that makes the tables, for hosts that migrate by a tool of their own. To be run once, on a database
    /// without them; [`PostgresStore::migrate`] then finds everything made.
    ///
    /// # Errors
    /// [`StoreErrorKind::Internal`] where the schema's name can be none.
    pub fn migration_sql(options: &PostgresOptions) -> Result<String, StoreError> {
        options.check().map_err(|why| refused("migration_sql", why))?;
        Ok(migrate::sql(&options.schema))
    }

    /// Looks for damage: the tables, and whether what they hold fits together (every position of every room once,
    /// counts, nothing left of deleted messages). Empty: nothing is wrong. At most 100 findings. It reads everything, in
    /// one snapshot; writes go on meanwhile.
    ///
    /// # Errors
    /// Where the database cannot be read at all.
    pub async fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        verify::run(&self.inner.pool, &self.inner.options.schema).await.map_err(failed("verify"))
    }

    pub(crate) fn sql(&self) -> &Sql {
        &self.inner.sql
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    /// A statement of this store's.
    pub(crate) fn ask(&self, statement: &SqlStr) -> Asked {
        sqlx::query(statement.clone()).persistent(self.inner.options.statement_cache)
    }

    /// A connection, for the few statements of one call.
    pub(crate) async fn link(&self, operation: &'static str) -> Result<Link, StoreError> {
        // Whatever it is, nothing was asked for as yet.
        let lost = |error| StoreError::new(StoreErrorKind::Unavailable, operation).with_source(error);
        let connection = self.inner.pool.acquire().await.map_err(lost)?;
        Ok(Link { connection, is_pinned: !self.inner.options.statement_cache })
    }

    /// The rows of one reading statement.
    pub(crate) async fn read(&self, operation: &'static str, asked: Asked) -> Result<Vec<PgRow>, StoreError> {
        self.link(operation).await?.read(asked).await.map_err(failed(operation))
    }

    /// The rows of one writing statement, asked again where it lost against others who wrote at the same time.
    pub(crate) async fn write(
        &self,
        operation: &'static str,
        ask: impl Fn() -> Asked,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut tries = 1;
        loop {
            let (answer, stage) = self.link(operation).await?.write(ask()).await;
            match answer {
                // The database undid it.
                Err(error) if kind(&error) == Kind::Again && tries < TRIES => sleep(BETWEEN * tries).await,
                answer => return answer.map_err(failed_at(operation, stage)),
            }
            tries += 1;
        }
    }
}

/// A connection out of the pool.
pub(crate) struct Link {
    connection: PoolConnection<Postgres>,
    /// Whether each statement is in a transaction of its own, so that a pooler stays with one connection from its
    /// preparation to its end.
    is_pinned: bool,
}

impl Link {
    /// A transaction in which each statement sees what was committed before it.
    pub(crate) async fn begin(&mut self) -> sqlx::Result<sqlx::Transaction<'_, Postgres>> {
        use sqlx::Connection as _;
        self.connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    pub(crate) async fn read(&mut self, asked: Asked) -> sqlx::Result<Vec<PgRow>> {
        self.write(asked).await.0
    }

    /// To the very end: a statement is committed only after its last row.
    pub(crate) async fn write(&mut self, asked: Asked) -> (sqlx::Result<Vec<PgRow>>, Stage) {
        if !self.is_pinned {
            return (asked.fetch_all(&mut *self.connection).await, Stage::Sent);
        }
        match pinned(&mut self.connection, asked).await {
            Ok((rows, Ok(()))) => (Ok(rows), Stage::Sent),
            Ok((_, Err(error))) => (Err(error), Stage::Sent),
            Err(error) => (Err(error), Stage::Before),
        }
    }
}

async fn pinned(connection: &mut PgConnection, asked: Asked) -> sqlx::Result<(Vec<PgRow>, sqlx::Result<()>)> {
    let mut tx = connection.begin().await?;
    let rows = asked.fetch_all(&mut *tx).await?;
    Ok((rows, tx.commit().await))
}

pub(crate) fn refused(
    operation: &'static str,
    why: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, operation).with_source(why)
}
