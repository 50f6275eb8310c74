//! `chat-server import`: takes over what another back end kept.

mod importer;
mod last_ids;
mod lines;
mod progress;
mod record;
mod report;
mod tables;
#[cfg(test)]
mod tests;

use std::{error::Error, fmt, io::Write as _, path::PathBuf, sync::Arc};

use chat_core::store::ImportStore;
use chat_store_postgres::{PostgresOptions, PostgresStore};
use chat_store_sqlite::{SqliteOptions, SqliteStore};

use self::{importer::Importer, last_ids::LastIds, lines::Lines, record::Source, tables::Tables};
use crate::{
    config::{Config, Database},
    private_file,
    server::postgres_pool,
};

type AnyError = Box<dyn Error + Send + Sync>;

/// Take over rooms, participants and messages of another back end, with their ids, order and times.
///
/// It may be broken off and run again: what is there already is compared, never changed. Servers may run on the target
/// meanwhile. docs/importing.md says what becomes of what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// What to take over: sqlite://FILE or postgres://USER@HOST/DATABASE with the tables chat_rooms,
    /// chat_rooms_participants and chat_messages of a Django Channels back end; or a file of JSON lines (- reads them
    /// from standard input).
    #[arg(long, value_name = "URL|FILE")]
    pub from: Origin,

    /// Database to write to; the server's --database where it is not given.
    #[arg(long, value_name = "URL")]
    pub into: Option<Database>,

    #[command(flatten)]
    pub last_ids: LastIds,
}

/// What to take over.
#[derive(Clone)]
pub(crate) enum Origin {
    /// Tables of a Django Channels back end.
    Tables(Database),
    /// Lines of JSON.
    Lines(PathBuf),
}

/// Without what may hold a password.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tables(database) => database.fmt(f),
            Self::Lines(path) => path.fmt(f),
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = crate::config::ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A file may have any name but one that begins as an address does.
        if text.contains("://") || text == "memory:" {
            return match text.parse()? {
                Database::Memory => Err(Self::Err::Database),
                database => Ok(Self::Tables(database)),
            };
        }
        Ok(Self::Lines(text.into()))
    }
}

/// Refuses a file that would be taken over into itself, by whatever names: ours would stand among the old system's tables.
fn apart(from: &Origin, into: &Database) -> Result<(), AnyError> {
    let (Origin::Tables(Database::Sqlite(from)), Database::Sqlite(into)) = (from, into) else {
        return Ok(());
    };
    // One that is yet to be made is no other's.
    let (Ok(from), Ok(into)) = (from.canonicalize(), into.canonicalize()) else { return Ok(()) };
    if from == into {
        return Err(format!("--from and --into are the same file: {}", from.display()).into());
    }
    Ok(())
}

/// Runs to the end of what is to be taken over, and says what became of it.
pub(crate) async fn run(config: &Config, args: &ImportArgs) -> Result<(), AnyError> {
    let into = args.into.as_ref().unwrap_or(&config.database);
    apart(&args.from, into)?;
    let mut file = None;
    let store: Arc<dyn ImportStore> = match into {
        Database::Memory => return Err("--into memory: would be gone with this process".into()),
        Database::Sqlite(path) => {
            private_file::for_database(path);
            let store = SqliteStore::open(path, SqliteOptions::default()).await?;
            file = Some(store.clone());
            Arc::new(store)
        }
        Database::Postgres(to) => {
            let store = PostgresStore::new(postgres_pool(to).await?, PostgresOptions::default())?;
            store.migrate().await?;
            Arc::new(store)
        }
    };
    let mut source: Box<dyn Source> = match &args.from {
        Origin::Lines(path) => Box::new(Lines::open(path).await?),
        Origin::Tables(Database::Sqlite(path)) => Box::new(Tables::sqlite(path).await?),
        Origin::Tables(Database::Postgres(from)) => Box::new(Tables::postgres(from).await?),
        Origin::Tables(Database::Memory) => return Err(Box::new(crate::config::ConfigError::Database)),
    };
    tracing::info!(into = %into, "importing");
    let mut importer = Importer::new(store, config.limits()?);
    let done = importer.run(source.as_mut(), args.last_ids).await;
    // The file is then whole by itself, unless a server has it open.
    if let Some(file) = file {
        file.close().await;
    }
    write!(std::io::stdout(), "{}", importer.report())?;
    done
}
