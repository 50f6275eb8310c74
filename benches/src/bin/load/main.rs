//! A load generator for a running chat server, over real WebSockets, in one thread.
//!
//! It counts what arrives instead of asking the server, and checks every delivery: a room's `seq` is dense, so that a
//! lost, repeated or swapped event shows in the number alone. See `benches/README.md`.

mod args;
mod base;
mod connection;
mod fleet;
mod idle;
mod intake;
mod meter;
mod nodes;
mod outcome;
mod pace;
mod publisher;
mod rest;
mod room;
mod run;
mod session;
mod table;
mod target;

use std::{error::Error, process::ExitCode};

use chat_benches::raise_open_files;
use clap::Parser;

use crate::{
    args::{Args, Command},
    target::Cores,
};

/// What every step of a run may fail with: the run ends and says why.
type Fallible<T> = Result<T, Box<dyn Error>>;

#[expect(clippy::print_stderr, reason = "the last word of a program that could not do its work")]
fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says; returns whether all went as promised.
#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn measure() -> Fallible<bool> {
    let args = Args::parse();
    raise_open_files()?;
    let cores = Cores::of_this_machine()?;
    match args.command {
        Command::Run { target, workload, timing } => {
            let outcome = run::run(&target.start(cores)?, &workload, timing)?;
            println!("{outcome}");
            Ok(outcome.is_clean())
        }
        Command::Idle { connections, target, idle } => {
            let idle = idle::run(&target.start(cores)?, connections, idle)?;
            println!("{idle}");
            Ok(idle.is_clean())
        }
        Command::Table(table) => table.print(cores),
        Command::Nodes(nodes) => nodes.run(cores),
    }
}
