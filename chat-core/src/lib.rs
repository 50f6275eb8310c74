//! An embeddable chat engine.
#![forbid(unsafe_code)]

mod event;
pub mod limits;
pub mod memory;
pub mod model;
mod outlet;
mod signal;
pub mod store;

pub use event::{Event, EventBody};
pub use limits::{Limits, Rate};
pub use outlet::{Outlet, Wrote};
pub use signal::{PresenceChoice, PresenceStatus, Signal, SignalKey, UnsubscribeReason};
