//! All workloads against a server and the yardstick, in one run.
//!
//! Figures of different runs are not comparable (neighbours, temperature, kernels): the table's point is the share of
//! the yardstick that ran just before on the same cores.

use std::path::PathBuf;

use clap::Args as Group;

use crate::{
    Fallible,
    args::{IdleArgs, TargetArgs, Timing, Workload},
    idle,
    outcome::{Outcome, grouped, listed},
    pace::Until,
    run,
    target::Cores,
};

#[derive(Clone, Debug, Group)]
pub(crate) struct Table {
    /// The server to measure; without one, the yardstick alone.
    #[arg(long)]
    server: Option<PathBuf>,
    /// A further argument for that program.
    #[arg(long, allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// A bound of that program's, as NAME=VALUE; rates of sending and of making rooms are raised anyway.
    #[arg(long)]
    limit: Vec<String>,
    /// The yardstick, if it is not beside this program.
    #[arg(long)]
    yardstick: Option<PathBuf>,
    /// Only workloads whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Measure each so often and show the median by deliveries.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=25))]
    repeat: u32,
    /// Idle connections to hold.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    idle: u32,
    /// Leave it to the kernel where server and generator run.
    #[arg(long)]
    no_pin: bool,
    #[command(flatten)]
    timing: Timing,
}

/// One server of the comparison.
struct Contender {
    name: &'static str,
    target: TargetArgs,
}

impl Table {
    /// Prints row after row as they are found; returns whether all went as promised.
    #[expect(clippy::print_stdout, reason = "the table is what this command is for")]
    pub(crate) fn print(&self, cores: Cores) -> Fallible<bool> {
        let mut clean = true;
        let contenders = self.contenders()?;
        println!(
            "| workload | server | deliveries/s | of shared | CPU µs/delivery | p50 / p99 ms | bytes/delivery | CPU % server / load | lost / repeated / out of order | gaps | errors |"
        );
        println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|");
        for (name, workload) in workloads().into_iter().filter(|(name, _)| self.wants(name)) {
            let mut limit = None;
            for Contender { name: server, target } in &contenders {
                let outcome = self.median(cores, target, &workload)?;
                clean &= outcome.is_clean();
                let limit = *limit.get_or_insert_with(|| outcome.per_second());
                println!("{}", row(name, server, &outcome, limit));
            }
        }
        if !self.wants("idle") {
            return Ok(clean);
        }
        println!("\n| idle connections | server | KiB/connection | connected/s |\n|--:|---|--:|--:|");
        for Contender { name: server, target } in &contenders {
            let placing = IdleArgs { per_room: 10, watch: 1 };
            let idle = idle::run(&target.start(cores)?, self.idle, placing)?;
            clean &= idle.is_clean();
            let each = idle.kib_per_connection().map_or_else(String::new, |each| format!("{each:.2}"));
            println!("| {} | {server} | {each} | {} |", self.idle, grouped(idle.connected_per_second));
        }
        Ok(clean)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// The limit first: the others are shares of it.
    fn contenders(&self) -> Fallible<Vec<Contender>> {
        let yardstick = match &self.yardstick {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("yardstick"),
        };
        let target = |server: &PathBuf, args: &[String], limit: &[String]| TargetArgs {
            server: Some(server.clone()),
            server_arg: args.to_vec(),
            limit: limit.to_vec(),
            secret: "a secret for load on loopback alone".to_owned(),
            no_pin: self.no_pin,
            ..TargetArgs::default()
        };
        let mode = |mode: &str| target(&yardstick, &[format!("--mode={mode}")], &[]);
        let mut contenders = vec![
            Contender { name: "yardstick, shared", target: mode("shared") },
            Contender { name: "yardstick, per delivery", target: mode("per-delivery") },
        ];
        if let Some(server) = &self.server {
            let target = target(server, &self.server_arg, &self.limit);
            contenders.push(Contender { name: "server", target });
        }
        Ok(contenders)
    }

    /// A fresh server for each measurement, so that none inherits another's memory.
    fn median(&self, cores: Cores, target: &TargetArgs, workload: &Workload) -> Fallible<Outcome> {
        let mut outcomes = (0..self.repeat)
            .map(|_| run::run(&target.start(cores)?, workload, self.timing))
            .collect::<Fallible<Vec<_>>>()?;
        // A median must not hide the one run that broke a promise.
        if let Some(broken) = outcomes.iter().position(|outcome| !outcome.is_clean()) {
            return Ok(outcomes.swap_remove(broken));
        }
        outcomes.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        Ok(outcomes.swap_remove(outcomes.len() / 2))
    }
}

fn workloads() -> [(&'static str, Workload); 4] {
    let usual = Workload {
        rooms: 1,
        connections: 1_000,
        publishers: 10,
        window: 4,
        until: Until::Ok,
        rate: None,
        content: 128,
        sample: 8,
    };
    [
        ("1×1000", usual.clone()),
        ("100×10", Workload { rooms: 100, connections: 10, publishers: 1, ..usual.clone() }),
        ("1×100", Workload { connections: 100, ..usual.clone() }),
        ("w1", Workload { publishers: 1, window: 1, until: Until::Everyone, sample: 1, ..usual }),
    ]
}

fn row(workload: &str, server: &str, outcome: &Outcome, limit: f64) -> String {
    let Outcome { latency, faults, seconds, own, .. } = outcome;
    let share = outcome.per_second() / limit * 100.0;
    let each = outcome.cpu_per_delivery().map_or_else(String::new, |each| format!("{each:.3}"));
    let busy = outcome.server.map_or(0.0, |server| server.cpu / seconds * 100.0);
    format!(
        "| {workload} | {server} | {} | {share:.0} % | {each} | {:.2} / {:.2} | {:.0} | {busy:.0} / {:.0} | {} / {} / {} | {} | {} |",
        grouped(outcome.per_second()),
        latency.p50,
        latency.p99,
        outcome.bytes_per_delivery(),
        own.cpu / seconds * 100.0,
        outcome.lost,
        faults.repeated,
        faults.out_of_order,
        faults.gaps,
        listed(&faults.errors),
    )
}
