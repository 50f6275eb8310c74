//! What cargo-deny says of the dependencies, by `deny.toml`.

use std::process::Command;

use crate::{ci::Done, shell};

/// The one that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Licences, bans and sources: all that the tree itself tells.
pub(crate) fn tree() -> Result<Done, String> {
    install()?;
    shell::run(check().args(["bans", "licenses", "sources"]))?;
    Ok(Done::Passed)
}

/// Known vulnerabilities. Their database is a git repository elsewhere: no access to it says nothing about the tree,
/// so that is told apart from a finding by fetching first, as a step of its own.
pub(crate) fn advisories() -> Result<Done, String> {
    install()?;
    if let Err(reason) = shell::output(shell::cargo().args(["deny", "fetch", "db"])) {
        let line = reason.lines().find(|line| line.contains("fatal: ")).unwrap_or(&reason);
        return Ok(Done::Skipped(format!("the advisory database could not be fetched: {line}")));
    }
    shell::run(check().args(["--disable-fetch", "advisories"]))?;
    Ok(Done::Passed)
}

fn check() -> Command {
    let mut command = shell::cargo();
    // The graph is hundreds of lines a crate; `cargo tree --invert` shows it when it is wanted.
    command.args(["deny", "--locked", "check", "--hide-inclusion-graph"]);
    command
}

fn install() -> Result<(), String> {
    if shell::answers(shell::cargo().args(["deny", "--version"])) {
        return Ok(());
    }
    // Unoptimised: it runs for a second and takes many to build.
    let words = ["install", "cargo-deny", "--locked", "--debug", "--version", VERSION];
    shell::run(shell::cargo().args(words).env("CARGO_PROFILE_DEV_DEBUG", "false"))
}
