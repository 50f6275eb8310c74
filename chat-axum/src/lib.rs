//! axum adapter.

#[doc(hidden)]
pub mod ws;
