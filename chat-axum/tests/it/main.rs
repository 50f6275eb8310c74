//! Integration tests: the crate behind a real server, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, its helpers too")]

mod auth;
mod compat;
#[cfg(feature = "openapi")]
mod described;
mod echo_server;
mod media;
mod origins;
mod rest;
#[cfg(feature = "s3")]
mod s3_store;
mod socket;
#[cfg(feature = "openapi")]
mod specs;
mod support;
mod unread;
mod ws_conversation;
#[cfg(feature = "http2")]
mod ws_http2;
mod ws_refusals;
mod ws_wire;
