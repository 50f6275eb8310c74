//! The socket over TCP: a real client, a real server.

mod entering;
mod leaving;
mod talking;
