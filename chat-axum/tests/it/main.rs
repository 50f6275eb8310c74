//! Integration tests: the crate behind a real server, seen from outside.

mod support;
mod ws_conversation;
mod ws_refusals;
mod ws_wire;
