//! An embeddable chat engine.
#![forbid(unsafe_code)]

pub mod bus;
mod clock;
mod engine;
mod error;
mod event;
pub mod hooks;
pub mod limits;
pub mod memory;
pub mod model;
mod outlet;
mod people;
pub mod protocol;
#[cfg(feature = "schema")]
pub mod schema;
mod signal;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
mod wire;

pub use async_trait::async_trait;
pub use clock::{Clock, SystemClock};
pub use engine::{
    AsHost, AsUser, AuditPage, Batch, BuildError, Busy, Commands, ConnectOptions, Connected, CreateRoom,
    Created, Deliveries, Engine, EngineBuilder, ListReports, ReportPage, Search, SentMessage, UserView,
};
pub use error::{Error, ErrorCode, MissingRoom};
pub use event::{Event, EventBody};
pub use hooks::{Hooks, Policy, Principal, UserDirectory};
pub use limits::{Limits, Rate};
pub use outlet::{Outlet, Wrote};
pub use people::People;
pub use signal::{PresenceChoice, PresenceStatus, Signal, SignalKey, UnsubscribeReason};
pub use wire::{NativeJson, WireFormat};
