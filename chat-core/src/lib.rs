//! An embeddable chat engine: rooms, members, messages, and everyone connected given each event once and in order.
//!
//! It knows no HTTP, SQL or socket. `chat-axum` mounts it into an axum app, `chat-store-sqlite` and `chat-store-postgres` keep its
//! rooms, `chat-bus-redis` joins its nodes. By itself it runs in memory, which is real and enough for tests:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_core::{
//!     CreateRoom, Engine, Principal,
//!     model::{RoomKind, UserId},
//!     protocol::{HistoryRange, Send, SendTo},
//! };
//!
//! let engine = Engine::builder().build().await?;
//! let (ann, bob) = (UserId::new("ann")?, UserId::new("bob")?);
//!
//! // As the host: asked neither of policy nor of hooks.
//! let group = CreateRoom::new(RoomKind::Group).with_owner(ann.clone()).with_members([bob.clone()]);
//! let room = engine.as_host().create_room(group).await?.room;
//!
//! // As a user: bound by membership, roles, policy, hooks and limits.
//! let ann = Principal::new(ann);
//! let sent = engine.as_user(&ann).send(Send::text(SendTo::Room(room), "Hello, Bob")).await?;
//! assert_eq!(sent.message.seq.get(), 2);
//!
//! let bob = Principal::new(bob);
//! let page = engine.as_user(&bob).history(room, HistoryRange::Latest, None, None).await?;
//! assert_eq!(page.messages[0].message.content, "Hello, Bob");
//! # Ok(())
//! # }
//! ```
//!
//! | to | see |
//! | --- | --- |
//! | put an engine together, bring it to its end | [`Engine`], [`EngineBuilder`], [`Limits`] |
//! | call it as the host or as a user | [`AsHost`], [`AsUser`] |
//! | read all that happened, and miss nothing | [`Engine::changes`], [`AsHost::rooms_after`] |
//! | have a say | [`Policy`], [`Hooks`], [`UserDirectory`] |
//! | connect someone over a transport of one's own | [`Engine::connect`], [`Commands`], [`Deliveries`], [`Outlet`], [`WireFormat`] |
//! | write a store or a bus | [`store`], [`bus`], and feature `testkit` for their contract suites |
//!
//! Three sentences decide the rest. **A room is a log:** each durable change takes the room's next [`model::Seq`], dense from 1.
//! **The store is the truth, the bus is a hint:** what the bus loses is read from the store. **A subscription is a cursor:** nothing is
//! queued for a connection; what lies between its cursor and the head is copied when it can be written.
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
