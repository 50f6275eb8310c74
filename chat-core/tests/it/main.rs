//! What chat-core's own backends promise, and the engine over them.

mod bus;
mod store;
