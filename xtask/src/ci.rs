//! `cargo xtask ci`: all that must hold before a change lands.

use std::time::Instant;

use crate::{deny, shell, test, tidy, workspace};

/// How a step that did not fail ended.
#[derive(Debug)]
pub(crate) enum Done {
    Passed,
    /// The step could not be carried out here, for a reason that is no fault of the tree.
    Skipped(String),
}

type Step = (&'static str, fn() -> Result<Done, String>);

/// Cheap ones first.
const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", || tidy::run().map(|()| Done::Passed)),
    ("deny", deny::tree),
    ("advisories", deny::advisories),
    ("clippy", clippy),
    ("doc", doc),
    ("libraries", libraries),
    ("test", || test::run(&[]).map(|()| Done::Passed)),
];

/// Runs the steps named, or all of them. A failed step does not hold up the next: one run shows everything.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    let known: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("no step {unknown:?}: there are {}", known.join(", ")));
    }
    let chosen =
        STEPS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name));
    let mut summary = String::new();
    let mut failed = Vec::new();
    for (name, step) in chosen {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        let seconds = start.elapsed().as_secs_f32();
        let (verdict, remark) = match &outcome {
            Ok(Done::Passed) => ("ok", ""),
            Ok(Done::Skipped(reason)) => ("SKIPPED", reason.as_str()),
            Err(reason) => ("FAILED", reason.as_str()),
        };
        if !remark.is_empty() {
            println!("{name} {verdict}: {remark}");
        }
        let remark = remark.lines().next().unwrap_or_default();
        summary += format!("  {name:<12}{verdict:<9}{seconds:>7.1} s  {remark}").trim_end();
        summary.push('\n');
        if outcome.is_err() {
            failed.push(*name);
        }
    }
    println!("\n== summary\n{summary}");
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn fmt() -> Result<Done, String> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"])).map(|()| Done::Passed)
}

fn clippy() -> Result<Done, String> {
    let words =
        ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
    shell::run(shell::cargo().args(words)).map(|()| Done::Passed)
}

fn doc() -> Result<Done, String> {
    let words = ["doc", "--workspace", "--no-deps", "--all-features", "--locked"];
    shell::run(shell::cargo().args(words).env("RUSTDOCFLAGS", "-D warnings")).map(|()| Done::Passed)
}

/// Each library on its own and with no feature on, as the barest host builds it: inside the workspace a crate gets
/// the features that its neighbours ask for, and does not notice that it forgot to ask for one.
fn libraries() -> Result<Done, String> {
    for package in workspace::packages()?.iter().filter(|package| package.is_for_hosts()) {
        let words = ["check", "--package", &package.name, "--lib", "--no-default-features", "--locked"];
        shell::run(shell::cargo().args(words))?;
    }
    Ok(Done::Passed)
}
