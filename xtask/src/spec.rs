//! `cargo xtask spec`: the machine-readable descriptions under `docs/spec`, written anew.

use crate::shell;

/// The test that holds them to the types writes them where it is told to.
pub(crate) fn run() -> Result<(), String> {
    let words = ["test", "--package", "chat-axum", "--all-features", "--locked", "--test", "it", "specs::"];
    shell::run(shell::cargo().args(words).env("WRITE_SPECS", "1"))
}
