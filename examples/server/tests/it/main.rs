//! Integration tests: the server as a process, seen from outside; killed, drained, and looked at with browsers.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, its helpers too")]

mod browser;
mod drain;
mod http;
mod kill;
mod process;
mod socket;
mod webdriver;
