//! What chat-core's own backends promise, and the engine over them.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what a simulation counted is to be seen")]

mod baton;
mod bounds;
mod bus;
mod client;
mod direct_rooms;
mod farewell;
mod forbidden;
mod goldens;
mod held;
mod hooks;
mod host;
mod lateness;
mod losses;
mod moderation;
mod named;
mod names;
mod order;
mod panics;
mod presence;
mod retries;
mod schema;
mod search;
mod sessions;
mod simulation;
mod status;
mod store;
mod twin;
mod watching;
