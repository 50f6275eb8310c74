//! Putting the server together, and taking it down again.

use std::{error::Error, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use chat_axum::{ChatRouter, JwtAuthenticator, Media, MediaError, Sockets, compat};
use chat_bus_redis::{RedisBus, RedisOptions};
use chat_core::{Engine, memory::MemoryStore, store::Store};
use chat_store_postgres::{PostgresOptions, PostgresStore};
use chat_store_sqlite::{SqliteOptions, SqliteStore};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    accounts::Accounts,
    config::{Compat, Config, Database},
    demo,
    media::MediaPlace,
    ops, page, private_file,
    public_url::PublicUrl,
    secret,
    serving::Serving,
};

/// Where the chat is mounted.
const MOUNT: &str = "/api/v1";

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(10);

/// How long the database may take to close, at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// How long the head of a request may take, and an idle connection stand. Above the minute for which most proxies keep
/// one: a request sent into a connection that ends here is lost.
const HEAD_WAIT: Duration = Duration::from_secs(75);

/// Connections to Postgres: a lane each, and as many for reads.
const POOL: u32 = 16;

/// A database that has no connection free for so long is as good as down.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// How long a connection is used before it is replaced.
const POOL_LIFE: Duration = Duration::from_secs(600);

type AnyError = Box<dyn Error + Send + Sync>;

/// Runs until SIGTERM or Ctrl-C, then drains.
pub(crate) async fn run(config: Config) -> Result<(), AnyError> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let Backend { store, accounts, secret, file } = Backend::open(&config).await?;
    let place = config.media.clone().or_else(|| MediaPlace::beside(&config.database));
    let place = place.ok_or("--media must be given with postgres://: every node needs the same place")?;
    let media = media(&place, config.public_url.as_ref())?.cookie_key(secret.as_bytes());
    if config.renew_epoch {
        let old = store.epoch().await?;
        store.renew_epoch(&old, &secret::random()[..32]).await?;
        tracing::info!("epoch renewed: every client loads anew");
    }
    let mut builder = Engine::builder().shared_store(store).limits(config.limits()?);
    if let Some(url) = &config.redis {
        builder = builder.bus(RedisBus::new(url, RedisOptions::default())?);
    }
    let engine = builder.build().await?;
    let collecting = tokio::spawn(media.collector(&engine));
    let (app, sockets) = routes(&config, &engine, accounts, &secret, media.clone(), metrics.clone())?;
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    greet(&config, address);

    let upkeep = tokio::spawn(keep_metrics(metrics));
    let stop = CancellationToken::new();
    let connections_max = config.http_connections as usize;
    let serving = Serving { app, head_wait: HEAD_WAIT, connections_max };
    let serving = tokio::spawn(serving.run(listener, stop.clone()));
    asked_to_stop().await;
    tracing::info!("draining");
    stop.cancel();
    let (in_time, served) = tokio::join!(
        // The engine says goodbye to everyone and writes what waits.
        sockets.shutdown(DRAIN),
        tokio::time::timeout(DRAIN, serving),
    );
    upkeep.abort();
    collecting.abort();
    // What broken-off uploads left is removed now, and not a day later.
    if tokio::time::timeout(DRAIN, media.settled()).await.is_err() {
        tracing::warn!("files of broken-off uploads are left for the next start");
    }
    if !in_time || served.is_err() {
        tracing::warn!("not everything ended in time");
    }
    if let Some(file) = file
        && tokio::time::timeout(CLOSING, file.close()).await.is_err()
    {
        tracing::warn!("the database is left open: its newest part is in the file that ends in -wal");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Files at their place, under the URLs that browsers find them by.
fn media(place: &MediaPlace, public: Option<&PublicUrl>) -> Result<Media, MediaError> {
    let media = place.open()?;
    let Some(public) = public else { return Ok(media) };
    let media = media.files_url(public.files());
    Ok(if public.is_https() { media.secure_cookie() } else { media })
}

/// What lasts longer than the process, or does not.
struct Backend {
    store: Arc<dyn Store>,
    accounts: Accounts,
    secret: Arc<str>,
    /// Where all of it is in one file.
    file: Option<OneFile>,
}

/// A SQLite file, and who has it open.
struct OneFile {
    store: SqliteStore,
    accounts: sqlx::SqlitePool,
}

impl OneFile {
    /// Writes into the file what is beside it yet, as the last one to close it does: then it is whole by itself.
    async fn close(&self) {
        self.accounts.close().await;
        self.store.close().await;
    }
}

impl Backend {
    async fn open(config: &Config) -> Result<Self, AnyError> {
        let given = config.jwt_secret.clone();
        match &config.database {
            Database::Memory => Ok(Self {
                store: Arc::new(MemoryStore::default()),
                accounts: Accounts::in_memory(),
                secret: given.unwrap_or_else(secret::random).into(),
                file: None,
            }),
            Database::Sqlite(path) => {
                private_file::for_database(path);
                let store = SqliteStore::open(path, SqliteOptions::default()).await?;
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(path)
                    .busy_timeout(Duration::from_secs(5));
                let pool =
                    sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
                let secret = match given {
                    Some(secret) => secret,
                    None => secret::beside(path)?,
                };
                let accounts = Accounts::in_sqlite(pool.clone()).await?;
                let file = Some(OneFile { store: store.clone(), accounts: pool });
                Ok(Self { store: Arc::new(store), accounts, secret: secret.into(), file })
            }
            Database::Postgres(to) => {
                let secret =
                    given.ok_or("--jwt-secret must be given with postgres://: every node needs the same")?;
                let pool = postgres_pool(to).await?;
                let store = PostgresStore::new(pool.clone(), PostgresOptions::default())?;
                store.migrate().await?;
                let accounts = Accounts::in_postgres(pool).await?;
                Ok(Self { store: Arc::new(store), accounts, secret: secret.into(), file: None })
            }
        }
    }
}

/// Connections to a Postgres database.
pub(crate) async fn postgres_pool(to: &PgConnectOptions) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(POOL)
        .acquire_timeout(POOL_WAIT)
        // A connection that broke is found by whoever uses it; asking before each use costs a round trip.
        .test_before_acquire(false)
        .max_lifetime(POOL_LIFE)
        .connect_with(to.clone())
        .await
}

fn routes(
    config: &Config,
    engine: &Engine,
    accounts: Accounts,
    secret: &Arc<str>,
    media: Media,
    metrics: PrometheusHandle,
) -> Result<(Router, Sockets), AnyError> {
    let authenticator = JwtAuthenticator::hs256(secret.as_bytes())?.admin_role("admin");
    let mut chat = ChatRouter::new(engine.clone(), authenticator);
    chat = chat.token_cookie(config.token_cookie.clone()).media(media);
    for origin in config.allow_origin.iter().filter(|origin| !origin.trim().is_empty()) {
        chat = chat.allow_origin(origin.trim())?;
    }
    let sockets = chat.sockets();
    let demo = if config.has_demo_accounts() {
        demo::routes(engine.clone(), accounts, Arc::clone(secret))
    } else {
        Router::new()
    };
    // Everything stands behind the same gate: origins hold on every path.
    let gate = chat.gate();
    let docs = SwaggerUi::new(format!("{MOUNT}/docs"))
        .config(utoipa_swagger_ui::Config::from(format!("{MOUNT}/openapi.json")));
    let compat = match config.compat {
        None => Router::new(),
        Some(Compat::Flat) => chat.format_router(&compat::Flat),
        Some(Compat::Direct) => chat.format_router(&compat::Direct),
        Some(Compat::Envelope) => chat.format_router(&compat::Envelope),
        Some(Compat::Conversation) => chat.format_router(&compat::Conversation),
        Some(Compat::Thread) => chat.format_router(&compat::Thread),
    };
    let own = demo
        .merge(page::routes(config.has_demo_accounts()))
        .merge(docs)
        .merge(ops::routes(engine.clone(), metrics, config.metrics_open))
        .fallback(demo::nothing);
    let app = compat.nest(MOUNT, chat.build()).merge(gate.around(own));
    Ok((app, sockets))
}

fn greet(config: &Config, address: SocketAddr) {
    let bus = if config.redis.is_some() { "redis" } else { "local" };
    tracing::info!(%address, database = %config.database, bus, "listening");
    let hello = if config.has_demo_accounts() {
        "open it in two browsers, sign up twice, and chat"
    } else {
        "demo accounts are off: tokens come from you"
    };
    // The one line for the person who started it, and for scripts, which may have gone since.
    let _ = writeln!(
        std::io::stdout(),
        "\n  chat-server is at http://{address}/ — {hello}\n  the API: http://{address}{MOUNT}/docs\n"
    );
}

/// Lets the recorder drop what is old.
async fn keep_metrics(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

async fn asked_to_stop() {
    let interrupted = async {
        // Without handlers there is nothing to wait for; the process then ends the hard way, which loses nothing.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
