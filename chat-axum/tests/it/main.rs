//! Integration tests of chat-axum, in one binary.

#![expect(clippy::unwrap_used, reason = "tests, their helpers too")]

mod auth;
mod origins;
mod rest;
mod socket;
mod support;
