//! Integration tests of chat-axum, in one binary.

mod auth;
mod origins;
mod rest;
mod socket;

mod support;
