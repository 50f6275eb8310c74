//! The command line.

use std::{path::PathBuf, time::Duration};

use chat_benches::SMALLEST_CONTENT;
use clap::{Args as Group, Parser, Subcommand};

use crate::{
    nodes::Nodes,
    pace::{Pace, Until},
    table::Table,
};

/// Puts load on a chat server and measures what its deliveries cost.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One workload against one server.
    Run {
        #[command(flatten)]
        target: TargetArgs,
        #[command(flatten)]
        workload: Workload,
        #[command(flatten)]
        timing: Timing,
    },
    /// What connections cost that do nothing.
    Idle {
        /// How many.
        #[arg(default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
        connections: u32,
        #[command(flatten)]
        target: TargetArgs,
        #[command(flatten)]
        idle: IdleArgs,
    },
    /// All workloads against a server and both modes of the yardstick, as a Markdown table.
    Table(Table),
    /// Two servers over a Postgres and a Redis that are started here: the way of a message from one to the other.
    Nodes(Nodes),
}

/// Which server.
#[derive(Clone, Debug, Default, Group)]
pub(crate) struct TargetArgs {
    /// Start this program (`chat-server`, or anything that takes its flags) and stop it afterwards.
    #[arg(long, required_unless_present = "url", conflicts_with = "url")]
    pub(crate) server: Option<PathBuf>,
    /// A further argument for that program.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) server_arg: Vec<String>,
    /// The database of that program, instead of its memory.
    #[arg(long, conflicts_with = "url")]
    pub(crate) database: Option<String>,
    /// A bound of that program's, as NAME=VALUE; rates of sending and of making rooms are raised anyway.
    #[arg(long)]
    pub(crate) limit: Vec<String>,
    /// Attach to a running server instead: where its API is mounted.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The process of that server, for its CPU and memory.
    #[arg(long, requires = "url")]
    pub(crate) pid: Option<u32>,
    /// What tokens are signed with.
    #[arg(
        long,
        env = "CHAT_JWT_SECRET",
        hide_env_values = true,
        default_value = "a secret for load on loopback alone"
    )]
    pub(crate) secret: String,
    /// Leave it to the kernel where server and generator run (otherwise: one core each).
    #[arg(long)]
    pub(crate) no_pin: bool,
}

/// What is done to it.
#[derive(Clone, Debug, Group)]
pub(crate) struct Workload {
    /// Rooms.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rooms: u32,
    /// Connections in each, each of a user of its own.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) connections: u32,
    /// How many of them publish.
    #[arg(long, default_value_t = 10)]
    pub(crate) publishers: u32,
    /// Publishes each publisher has outstanding.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) window: u32,
    /// What ends a publish: its answer, or (with the window counted by room) its last delivery, so that a window of one
    /// leaves nothing to batch.
    #[arg(long, value_enum, default_value_t = Until::Ok)]
    pub(crate) until: Until,
    /// Publish so many a second in all, whatever comes back, instead of in a window. Latency then counts from when a
    /// publish was due.
    #[arg(long, conflicts_with_all = ["window", "until"])]
    pub(crate) rate: Option<u32>,
    /// Bytes of a message's content.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(SMALLEST_CONTENT as i64..=16_384))]
    pub(crate) content: u32,
    /// Measure the latency of each delivery of every so-many-th message (rounded up to a power of two). Loss and order
    /// are checked on all.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) sample: u32,
}

impl Workload {
    pub(crate) fn pace(&self) -> Pace {
        match self.rate {
            Some(per_second) => Pace::Rate { interval_ns: 1_000_000_000 / u64::from(per_second.max(1)) },
            None => Pace::Window { size: self.window, until: self.until },
        }
    }
}

/// For how long.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Timing {
    /// Seconds of load before anything is measured.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=600))]
    warmup: u32,
    /// Seconds measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
}

impl Timing {
    pub(crate) fn warmup(self) -> Duration {
        Duration::from_secs(self.warmup.into())
    }

    pub(crate) fn measured(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

/// How the idle ones are placed and watched.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct IdleArgs {
    /// Connections in each room.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) per_room: u32,
    /// Seconds to look at the server's CPU once all are connected.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) watch: u32,
}
