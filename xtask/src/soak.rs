//! `cargo xtask soak`: a cluster under faults by chance, for as long as it is told.

use std::process::Command;

use crate::{shell, tools};

#[cfg(test)]
mod tests;

/// The test that goes on for so long.
const TEST: &str = "cluster::soak::soak";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let soak = Soak::parse(arguments)?;
    let (tools, ready) = tools::set_up(tools::ALL);
    if let Err(advice) = ready {
        // It does without a browser; what it needs it says itself.
        eprintln!("warning: {advice}");
    }
    let mut command = soak.command();
    command.envs(tools.iter().filter(|(tool, _)| tool.is_told).map(|(tool, path)| (tool.variable, path)));
    shell::run(&mut command)
}

/// What was asked for; the test has its own mind about the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Soak {
    minutes: Option<u64>,
    seed: Option<u64>,
}

impl Soak {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut soak = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = match argument.as_str() {
                "--minutes" => &mut soak.minutes,
                "--seed" => &mut soak.seed,
                other => return Err(format!("no option {other:?}: see `cargo xtask help`")),
            };
            let number = arguments.next().and_then(|number| number.parse().ok());
            *value = Some(number.ok_or_else(|| format!("{argument} takes a whole number"))?);
        }
        Ok(soak)
    }

    fn command(self) -> Command {
        let mut command = shell::cargo();
        command.args([
            "test",
            "--package",
            "chat-server",
            "--test",
            "it",
            "--all-features",
            "--locked",
            "--",
        ]);
        command.args(["--ignored", "--exact", "--nocapture", TEST]);
        command.envs(self.minutes.map(|minutes| ("CHAT_SOAK_MINUTES", minutes.to_string())));
        command.envs(self.seed.map(|seed| ("CHAT_SOAK_SEED", seed.to_string())));
        command
    }
}
