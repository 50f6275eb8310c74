//! `cargo xtask test`: every test of the project, with what they need set up first.

use std::{env, fs, ops::AddAssign, process::Command};

use xtask::Postgres;

use crate::{
    shell,
    tools::{self, Found},
    workspace,
};

#[cfg(test)]
mod tests;

/// The crate whose tests want `DATABASE_URL`.
const DATABASE_TESTS: &str = "chat-store-postgres";

/// Where nextest leaves its counts, by `.config/nextest.toml`.
const REPORT: &str = "target/nextest/default/junit.xml";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let selection = Selection::parse(arguments)?;
    let (tools, ready) = tools::set_up(tools::ALL);
    match ready {
        // A few chosen tests may well do without a browser; those that need it say so themselves.
        Err(advice) if selection.is_everything() => return Err(advice),
        Err(advice) => eprintln!("warning: {advice}"),
        Ok(()) => {}
    }
    let setup = Setup { database: selection.start_database()?, tools };
    let mut counts = Counts::default();
    let outcome = if shell::answers(shell::cargo().args(["nextest", "--version"])) {
        run_by_nextest(&selection, &setup, &mut counts)
    } else {
        run_by_cargo(&["test"], &selection, &setup, &mut counts)
    };
    if counts == Counts::default() {
        return outcome.and_then(|()| Err("no test was run".to_owned()));
    }
    println!("{} passed, {} failed", counts.passed, counts.failed);
    outcome
}

fn run_by_nextest(selection: &Selection, setup: &Setup, counts: &mut Counts) -> Result<(), String> {
    // The report of an earlier run must not be taken for this one's.
    let _ = fs::remove_file(REPORT);
    let outcome = shell::run(&mut command(&["nextest", "run", "--no-tests=pass"], selection, setup));
    let Ok(report) = fs::read_to_string(REPORT) else {
        // It did not come to testing.
        return outcome.and_then(|()| Err(format!("nextest left no {REPORT}")));
    };
    *counts += Counts::of_report(&report);
    // Nextest runs no doc tests. They are run after a failure too: one run shows all that is broken.
    let documentation = match selection.libraries()? {
        Some(libraries) => run_by_cargo(&["test", "--doc"], &libraries, setup, counts),
        None => Ok(()),
    };
    outcome.and(documentation)
}

fn run_by_cargo(
    verb: &[&str],
    selection: &Selection,
    setup: &Setup,
    counts: &mut Counts,
) -> Result<(), String> {
    shell::run_seeing(&mut command(verb, selection, setup), |line| *counts += Counts::of_line(line))
}

/// What was set up for the tests, which are told of it by variables.
struct Setup {
    tools: Vec<Found>,
    /// One for the tests of stores; those that restart or cut it off start their own.
    database: Option<Postgres>,
}

fn command(verb: &[&str], selection: &Selection, setup: &Setup) -> Command {
    let mut command = shell::cargo();
    command.args(verb).args(["--all-features", "--locked", "--no-fail-fast"]).args(selection.arguments());
    command.envs(setup.database.iter().map(|database| ("DATABASE_URL", database.url())));
    command
        .envs(setup.tools.iter().filter(|(tool, _)| tool.is_told).map(|(tool, path)| (tool.variable, path)));
    if env::var_os("RUST_BACKTRACE").is_none() {
        command.env("RUST_BACKTRACE", "1");
    }
    command
}

/// The tests that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Selection {
    packages: Vec<String>,
    filter: Option<String>,
    /// For the test programs themselves, behind `--`.
    passed_on: Vec<String>,
}

impl Selection {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut selection = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--" => selection.passed_on = arguments.by_ref().cloned().collect(),
                "-p" | "--package" => {
                    let name = arguments.next().ok_or("-p takes the name of a crate")?;
                    selection.packages.push(name.clone());
                }
                option if option.starts_with('-') => {
                    return Err(format!("no option {option:?}: see `cargo xtask help`"));
                }
                filter if selection.filter.is_none() => selection.filter = Some(filter.to_owned()),
                more => return Err(format!("one filter at a time: {more:?}")),
            }
        }
        Ok(selection)
    }

    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Starts a database for those of the tests that need one and were not given one.
    fn start_database(&self) -> Result<Option<Postgres>, String> {
        let is_given = env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty());
        let is_needed = self.packages.is_empty() || self.packages.iter().any(|name| name == DATABASE_TESTS);
        if is_given || !is_needed {
            return Ok(None);
        }
        match Postgres::start(false) {
            Ok(postgres) => Ok(Some(postgres)),
            Err(reason) if self.is_everything() => Err(reason),
            Err(reason) => {
                eprintln!("warning: no database for the tests of stores: {reason}");
                Ok(None)
            }
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = match self.packages.is_empty() {
            true => vec!["--workspace".to_owned()],
            false => self.packages.iter().flat_map(|name| ["--package".to_owned(), name.clone()]).collect(),
        };
        arguments.extend(self.filter.clone());
        if !self.passed_on.is_empty() {
            arguments.push("--".to_owned());
            arguments.extend(self.passed_on.iter().cloned());
        }
        arguments
    }

    /// The same without the packages that have no library, which cargo refuses to doc-test; `None` where none is left.
    fn libraries(&self) -> Result<Option<Self>, String> {
        if self.packages.is_empty() {
            return Ok(Some(self.clone()));
        }
        let libraries = workspace::packages()?.into_iter().filter(workspace::Package::has_library);
        let packages: Vec<_> =
            libraries.map(|p| p.name).filter(|name| self.packages.contains(name)).collect();
        Ok((!packages.is_empty()).then(|| Self { packages, ..self.clone() }))
    }
}

/// How many tests were run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Reads the root element of a JUnit report.
    fn of_report(report: &str) -> Self {
        let root =
            report.split("<testsuites ").nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        let number = |attribute: &str| {
            let value = root.split(&format!("{attribute}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            value.and_then(|value| value.parse().ok()).unwrap_or(0_u64)
        };
        let failed = number("failures") + number("errors");
        Self { passed: number("tests").saturating_sub(failed), failed }
    }

    /// Reads `test result: ok. 3 passed; 0 failed; …`; any other line counts nothing.
    fn of_line(line: &str) -> Self {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return Self::default() };
        let number = |what: &str| {
            let words: Vec<_> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
        };
        Self { passed: number("passed"), failed: number("failed") }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}
