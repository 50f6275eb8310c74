//! Flags and their environment twins.

use std::{fmt, net::SocketAddr, path::PathBuf};

use chat_core::Limits;
use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum,
    builder::{FalseyValueParser, Resettable},
    parser::ValueSource,
};
use sqlx::postgres::PgConnectOptions;

use crate::import::ImportArgs;
use crate::media::MediaPlace;
use crate::public_url::PublicUrl;

/// Limits of the environment.
const LIMITS: &str = "CHAT_LIMITS";

/// A chat server that shows everything: accounts, rooms, a web page.
#[derive(Clone, Parser)]
#[command(name = "chat-server", version)]
pub(crate) struct Config {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "CHAT_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Where rooms are kept: sqlite://FILE (made where missing), postgres://USER@HOST/DATABASE, or memory: (gone with
    /// the process).
    #[arg(
        long,
        env = "CHAT_DATABASE_URL",
        default_value = "sqlite://chat.db",
        hide_env_values = true,
        global = true,
        value_name = "URL"
    )]
    pub database: Database,

    /// Redis or Valkey, by which several nodes on one Postgres hear each other at once; without it, one node.
    #[arg(long, env = "CHAT_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis: Option<String>,

    /// Secret that tokens are signed with (HS256), the same on every node: must be given with postgres://. Without one a
    /// random secret is kept beside a SQLite file, and demo accounts are on where the address is loopback.
    #[arg(long, env = "CHAT_JWT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub jwt_secret: Option<String>,

    /// Speak another chat's wire format too, for front ends written for it: its paths are at the root.
    #[arg(long, env = "CHAT_COMPAT", value_name = "NAME")]
    pub compat: Option<Compat>,

    /// Where files are kept: a folder, s3://BUCKET/PREFIX (credentials by the AWS variables) or memory:. Must be given with
    /// postgres://: every node needs the same. Otherwise a folder beside the database.
    #[arg(long, env = "CHAT_MEDIA_URL", value_name = "PLACE")]
    pub media: Option<MediaPlace>,

    /// Origin of a page that may use this server from elsewhere, such as `https://app.example`; repeatable.
    #[arg(long, env = "CHAT_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,

    /// Where browsers find this server, such as `https://chat.example.org`: files then have whole URLs in the other wire
    /// formats, and not paths, and their cookie goes over https alone where this does.
    #[arg(long, env = "CHAT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// Connections that are served at once, WebSockets not counted; more wait to be accepted.
    #[arg(
        long,
        env = "CHAT_HTTP_CONNECTIONS",
        default_value_t = 4_096,
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "NUMBER"
    )]
    pub http_connections: u32,

    /// Cookie that may carry the token.
    #[arg(long, env = "CHAT_TOKEN_COOKIE", default_value = "chat_token", value_name = "NAME")]
    pub token_cookie: String,

    /// Any bound of the engine, as NAME=VALUE; durations in milliseconds, rates as PER_SECOND/BURST; repeatable. Those
    /// of the environment hold too, where no flag has the same name.
    #[arg(
        long = "limit",
        env = LIMITS,
        value_delimiter = ',',
        global = true,
        value_name = "NAME=VALUE"
    )]
    pub limits: Vec<String>,

    /// Demo accounts: anyone may sign up.
    #[arg(long, env = "CHAT_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,

    /// Tell every client to load anew: after a backup was restored.
    #[arg(long)]
    pub renew_epoch: bool,

    /// Show /metrics to everyone, not to loopback alone.
    #[arg(long)]
    pub metrics_open: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do other than serve.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    Import(ImportArgs),
}

/// A wire format beside the native one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    /// One socket a user, direct messages.
    Direct,
    /// One socket, flat frames, rooms joined by frame.
    Flat,
    /// One socket, frames in envelopes.
    Envelope,
    /// One socket a conversation, messages over REST.
    Conversation,
    /// One socket a thread, messages over REST, roles and reports.
    Thread,
}

/// Where rooms are kept.
#[derive(Clone)]
pub(crate) enum Database {
    /// Nowhere.
    Memory,
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// In a Postgres database.
    Postgres(Box<PgConnectOptions>),
}

/// As it is shown: it may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place, without what opens it.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory, gone with this process"),
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(to) => {
                write!(
                    f,
                    "postgres://{}:{}/{}",
                    to.get_host(),
                    to.get_port(),
                    to.get_database().unwrap_or_default()
                )
            }
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// No database that this server knows.
    #[error("must be sqlite://FILE, postgres://USER@HOST/DATABASE or memory:")]
    Database,
    /// What other programs take for options of SQLite would be a part of the file's name.
    #[error("sqlite://FILE takes no options: remove the ? and what follows it")]
    SqliteOptions,
    /// No place for files that this server knows.
    #[error("must be a folder, s3://BUCKET/PREFIX or memory:")]
    Media,
    /// No URL that browsers could find a server at.
    #[error("must be http://HOST or https://HOST, with :PORT where it has one, and no path")]
    PublicUrl,
    /// Not NAME=VALUE, or no limit of this name.
    #[error("--limit {0}: must be NAME=VALUE with one of these names: {names}", names = Limits::NAMES.join(" "))]
    Limit(String),
    /// A limit of this name, and no value for it.
    #[error("--limit {said}: the value must be {form}")]
    LimitValue {
        /// NAME=VALUE as said.
        said: String,
        /// What such a value looks like.
        form: &'static str,
    },
}

impl std::str::FromStr for Database {
    type Err = ConfigError;

    fn from_str(url: &str) -> Result<Self, ConfigError> {
        if url == "memory:" {
            return Ok(Self::Memory);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // What is wrong with it is not said: it may hold a password.
            return url.parse().map(|to| Self::Postgres(Box::new(to))).map_err(|_| ConfigError::Database);
        }
        match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some(path) if path.contains('?') => Err(ConfigError::SqliteOptions),
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(ConfigError::Database),
        }
    }
}

impl Config {
    /// What the command line and the environment say; ends the process where they cannot be read, or ask for help.
    pub(crate) fn from_process() -> Self {
        let command = without_empty_variables(Self::command());
        Self::of(&command.get_matches(), std::env::var(LIMITS).ok().as_deref())
            .unwrap_or_else(|error| error.exit())
    }

    /// What was said, with the limits of the environment.
    fn of(matches: &ArgMatches, limits: Option<&str>) -> Result<Self, clap::Error> {
        let mut config = Self::from_arg_matches(matches)?;
        // Without a flag they are those of the environment already.
        if matches.value_source("limits") == Some(ValueSource::CommandLine) {
            let said = std::mem::take(&mut config.limits);
            let environment = limits.unwrap_or_default().split(',').map(str::to_owned);
            // Of one that is set twice the last one holds.
            config.limits = environment.chain(said).collect();
        }
        Ok(config)
    }

    /// The engine's bounds with what was set.
    pub(crate) fn limits(&self) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        for text in self.limits.iter().filter(|text| !text.trim().is_empty()) {
            let Some((name, value)) = text.split_once('=').map(|(name, value)| (name.trim(), value)) else {
                return Err(ConfigError::Limit(text.clone()));
            };
            if limits.set(name, value).is_err() {
                let said = text.clone();
                return Err(match form_of_limit(name) {
                    Some(form) => ConfigError::LimitValue { said, form },
                    None => ConfigError::Limit(said),
                });
            }
        }
        Ok(limits)
    }

    /// Whether anyone may sign up.
    pub(crate) fn has_demo_accounts(&self) -> bool {
        self.demo || (self.jwt_secret.is_none() && self.listen.ip().is_loopback())
    }
}

/// What a value of this limit looks like; none where there is no such limit.
fn form_of_limit(name: &str) -> Option<&'static str> {
    let takes = |value| Limits::default().set(name, value).is_ok();
    if takes("1/1") {
        Some("PER_SECOND/BURST, such as 5/10, both above 0")
    } else if takes("1") {
        Some("a whole number above 0; for a time, of milliseconds")
    } else {
        None
    }
}

/// A variable that is empty, as compose files write one that is not set, is as one that is not there.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let is_empty =
            arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        if is_empty { arg.env(Resettable::Reset) } else { arg }
    })
}

/// Without the secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("database", &format_args!("{}", self.database))
            .field("redis", &self.redis.is_some())
            .field("media", &self.media)
            .field("allow_origin", &self.allow_origin)
            .field("public_url", &self.public_url)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError, Database};
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn limits_are_checked() {
        let good = Config::parse_from(["x", "--limit", "content_bytes_max=10", "--limit", "sends=5/7"]);
        assert_eq!(good.limits().unwrap().content_bytes_max, 10);
        for bad in ["nope=1", "content_bytes_max", "content_bytes_max=x"] {
            assert!(Config::parse_from(["x", "--limit", bad]).limits().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_that_is_refused_is_blamed_on_what_is_wrong_with_it() {
        let said = |limit| Config::parse_from(["x", "--limit", limit]).limits().unwrap_err().to_string();
        for (limit, form) in
            [("sends=5", "PER_SECOND/BURST"), ("heartbeat=20s", "whole number"), ("page_max=0", "above 0")]
        {
            let error = said(limit);
            assert!(error.starts_with(&format!("--limit {limit}: the value must be ")), "{error}");
            assert!(error.contains(form) && !error.contains("names"), "{error}");
        }
        for limit in ["nope=1", "page_max"] {
            let error = said(limit);
            assert!(error.contains("one of these names") && error.contains(" sends "), "{error}");
        }
    }

    #[test]
    fn limits_of_the_command_line_go_before_those_of_the_environment() {
        let environment = "content_bytes_max=10,sends=5/7, page_max=9";
        let of = |args: &[&str]| {
            let matches = Config::command().get_matches_from(args);
            let limits = Config::of(&matches, Some(environment)).unwrap().limits().unwrap();
            (limits.content_bytes_max, limits.sends.burst, limits.page_max)
        };
        assert_eq!(of(&["x", "--limit", "content_bytes_max=20", "--limit=sends=5/8"]), (20, 8, 9));
        assert_eq!(of(&["x", "import", "--from=a", "--limit=page_max=8"]), (10, 7, 8));
    }

    #[test]
    fn demo_is_on_by_itself_only_without_a_secret_on_loopback() {
        let demo = |args: &[&str]| {
            let all = std::iter::once("x").chain(args.iter().copied());
            Config::parse_from(all).has_demo_accounts()
        };
        assert!(demo(&[]));
        assert!(!demo(&["--jwt-secret", "s"]));
        assert!(!demo(&["--listen", "0.0.0.0:1"]));
        assert!(demo(&["--jwt-secret", "s", "--demo"]));
    }

    #[test]
    fn databases() {
        let database = |url: &str| url.parse::<Database>();
        assert!(matches!(database("memory:"), Ok(Database::Memory)));
        for (url, path) in [("sqlite:///a/b.db", "/a/b.db"), ("sqlite://chat.db", "chat.db")] {
            assert!(matches!(database(url), Ok(Database::Sqlite(file)) if file.as_os_str() == path));
        }
        let postgres = database("postgres://ann:open@db.example:5433/chat").unwrap();
        assert_eq!(postgres.to_string(), "postgres://db.example:5433/chat", "and no password");
        for bad in ["", "chat.db", "sqlite://", "mysql://x", "postgres://[::"] {
            assert!(database(bad).is_err(), "{bad}");
        }
        for bad in ["sqlite://chat.db?mode=ro", "sqlite:chat.db?"] {
            assert!(matches!(database(bad), Err(ConfigError::SqliteOptions)), "{bad}");
        }
    }
}
