//! What chat-core's own backends promise, and the engine over them.

mod baton;
mod bus;
mod client;
mod goldens;
mod sessions;
mod simulation;
mod store;
mod twin;
