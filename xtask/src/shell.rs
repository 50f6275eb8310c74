//! Programs that the commands start: each is shown before it runs, and a failure says which one it was.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

/// The cargo that started us, without what it told us about this very package.
///
/// Some build scripts ask to run again whenever `CARGO_MANIFEST_DIR` or the like changes; with the variables left in,
/// `cargo test` by hand and `cargo xtask test` would rebuild those crates in turn.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"]
                .iter()
                .any(|p| name.starts_with(p))
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program to its end, on our own terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = announce(command);
    let status = command.status().map_err(|e| format!("failed to start {shown}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// Runs a program to its end, passes its output on, and shows each line of it to `see`.
pub(crate) fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), String> {
    let shown = announce(command);
    let started = command.stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|e| format!("failed to start {shown}: {e}"))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|e| format!("failed to read from {shown}: {e}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            see(&line);
        }
    }
    let status = child.wait().map_err(|e| format!("failed to wait for {shown}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// What a program writes, both streams, without showing it; the error is the same text of a program that failed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// Whether a program can be started and is content.
pub(crate) fn answers(command: &mut Command) -> bool {
    output(command).is_ok()
}

fn announce(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let shown = [name].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    eprintln!("$ {shown}");
    format!("`{shown}`")
}
