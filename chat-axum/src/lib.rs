//! Mounts a chat engine into any axum application.
//!
//! [`router`] gives a [`Router`](axum::Router) to nest under a path of the host's: the native protocol over a
//! WebSocket at `ws`, and REST beside it. [`ChatRouter`] is the same with options. Who asks is told by an
//! [`Authenticator`]: the host's own, or [`JwtAuthenticator`]. Front ends written for other chat servers find their own
//! paths and frames by [`compat`].
//!
//! The crate sets nothing process-wide: no runtime, no subscriber, no signal handler, no port, no crypto backend.

#[cfg(feature = "openapi")]
mod asyncapi;
mod auth;
pub mod compat;
mod extract;
mod frames;
mod media;
#[cfg(feature = "openapi")]
mod openapi;
mod origin;
mod problem;
mod rest;
mod router;
mod shared;
mod socket;
#[cfg(feature = "openapi")]
mod specs;
#[cfg(feature = "openapi")]
mod typescript;
mod unread;
#[doc(hidden)]
pub mod ws;

pub use async_trait::async_trait;
#[cfg(feature = "openapi")]
pub use asyncapi::document as asyncapi_document;
pub use auth::{AuthError, Authenticator, Credentials};
#[cfg(feature = "jwt")]
pub use auth::{InvalidKey, JwtAlgorithm, JwtAuthenticator};
pub use frames::NativeFrames;
pub use media::{Media, MediaError};
#[cfg(feature = "openapi")]
pub use openapi::document as openapi_document;
pub use origin::{InvalidOrigin, OriginGate};
pub use router::{ChatRouter, router};
pub use socket::Sockets;
#[cfg(feature = "openapi")]
pub use typescript::types as typescript_types;

/// The examples of the project's README, compiled as its readers would.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the page about embedding, compiled as its readers would.
#[cfg(all(doctest, feature = "jwt", feature = "s3"))]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;

/// The examples of the page about formats, compiled as its readers would.
#[cfg(doctest)]
#[doc = include_str!("../../docs/wire-formats.md")]
struct WireFormats;
