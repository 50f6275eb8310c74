//! Integration tests: the server as a process, seen from outside; killed, drained, looked at with browsers, spoken
//! to by the front ends of other systems, and several of them as a cluster.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, its helpers too")]
#![expect(clippy::print_stdout, reason = "a test of chance says what it looked at")]

mod browser;
mod cluster;
#[path = "../../../../chat-axum/tests/it/described.rs"]
mod described;
mod drain;
mod environment;
mod formats;
mod http;
mod import;
mod kill;
mod process;
mod rest;
mod s3;
#[path = "../../../../chat-axum/tests/it/s3_store.rs"]
#[expect(dead_code, reason = "the tests of chat-axum ask more of it")]
mod s3_store;
mod socket;
mod webdriver;
