//! `chat-server`: the chat engine with everything switched on, and a web page.

mod accounts;
mod config;
mod demo;
mod import;
mod media;
mod ops;
mod page;
mod private_file;
mod public_url;
mod secret;
mod server;
mod serving;

use std::io::IsTerminal as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let config = config::Config::from_process();
    // Process-wide things are the binary's: the log, and who does the cryptography.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Colours are for eyes: in a file or a journal they are noise.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|said| !said.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal() && !is_plain)
        .with_writer(std::io::stderr)
        .init();
    // Only fails where one is installed, and nobody else is here to. Left to choose, TLS panics as soon as the tree
    // holds two providers.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let done = match config.command.clone() {
        Some(config::Command::Import(args)) => import::run(&config, &args).await,
        None => server::run(config).await,
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            tracing::error!("{text}");
            std::process::ExitCode::FAILURE
        }
    }
}
