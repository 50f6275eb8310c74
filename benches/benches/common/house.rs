//! An engine that refuses nothing, in one thread.

use std::sync::Arc;

use chat_core::{
    Commands, ConnectOptions, CreateRoom, Engine, EngineBuilder, Limits, Outlet, Principal, WireFormat,
    model::{RoomId, RoomKind, UserId},
    protocol::Hello,
};
use tokio::runtime::{Builder, Runtime};

/// An engine and the thread it has: what passes is then what its work costs, and no other core helps or hinders.
pub(crate) struct House {
    pub(crate) runtime: Runtime,
    pub(crate) engine: Engine,
}

impl House {
    pub(crate) fn of(runtime: Runtime, builder: EngineBuilder) -> Self {
        let engine = runtime.block_on(builder.limits(limits()).build()).expect("an engine is built");
        Self { runtime, engine }
    }

    /// A room that the user of number 0 owns.
    pub(crate) fn room(&self, members: impl IntoIterator<Item = usize>) -> RoomId {
        let create =
            CreateRoom::new(RoomKind::Group).with_owner(user(0)).with_members(members.into_iter().map(user));
        self.runtime.block_on(self.engine.as_host().create_room(create)).expect("a room is made").room
    }
}

/// A runtime of one thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// Begins a connection of the user of a number.
pub(crate) async fn connect(
    engine: &Engine,
    number: usize,
    hello: Hello,
    format: Arc<dyn WireFormat>,
    outlet: Box<dyn Outlet>,
) -> Commands {
    let connected = engine.connect(Principal::new(user(number)), ConnectOptions::new(format, hello));
    connected.await.expect("a connection begins").attach(outlet)
}

pub(crate) fn user(number: usize) -> UserId {
    UserId::new(number.to_string()).expect("digits are an id")
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    let set = [
        ("sends", "1000000000/1000000000"),
        ("commands", "1000000000/1000000000"),
        ("members_per_call_max", "20000"),
        ("in_flight_max", "100000"),
        // Neither presence nor receipts: they go by the clock, and would fall into one measurement and not the next.
        ("signals_room_max", "1"),
        // A thousand events stay hot.
        ("hot_bytes_max", "4194304"),
    ];
    for (name, value) in set {
        limits.set(name, value).expect("a limit of that name");
    }
    limits
}
