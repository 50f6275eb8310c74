//! The project's own commands: `cargo xtask …`.
//!
//! Standard library alone, so that it builds in a second or two on a machine that has nothing yet.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to the terminal")]

use std::{env, process::ExitCode};

mod ci;
mod deny;
mod shell;
mod soak;
mod spec;
mod test;
mod tidy;
mod tools;
mod workspace;

const HELP: &str = "\
cargo xtask test [-p CRATE]… [FILTER] [-- ARGS]   every test, or those chosen; sets up what they need
cargo xtask ci [STEP]…                            all that must hold before a change lands, or the steps named
cargo xtask soak [--minutes M] [--seed S]         servers, clients and faults by chance, for so long (10 minutes)
cargo xtask spec                                  the descriptions under docs/spec, written anew from the types
cargo xtask tidy                                  checks of the tree that no compiler makes
cargo xtask help                                  this text
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let outcome = workspace::enter().and_then(|()| match command.as_deref() {
        Some("test") => test::run(&rest),
        Some("ci") => ci::run(&rest),
        Some("soak") => soak::run(&rest),
        Some("spec") => spec::run(),
        Some("tidy") => tidy::run(),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("no command {other:?}: see `cargo xtask help`")),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
