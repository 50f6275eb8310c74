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
mod outcome;
mod pace;
mod publisher;
mod rest;
mod room;
mod run;
mod session;
mod table;
mod target;

use std::error::Error;

use chat_benches::raise_open_files;
use clap::Parser;

use crate::{
    args::{Args, Command},
    target::Cores,
};

/// What every step of a run may fail with: the run ends and says why.
type Fallible<T> = Result<T, Box<dyn Error>>;

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> Fallible<()> {
    let args = Args::parse();
    raise_open_files()?;
    let cores = Cores::of_this_machine()?;
    match args.command {
        Command::Run { target, workload, timing } => {
            let target = target.start(cores)?;
            println!("{}", run::run(&target, &workload, timing)?);
        }
        Command::Idle { connections, target, idle } => {
            let target = target.start(cores)?;
            println!("{}", idle::run(&target, connections, idle)?);
        }
        Command::Table(table) => table.print(cores)?,
    }
    Ok(())
}
