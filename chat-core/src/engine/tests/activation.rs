//! Rooms that become active, stay so, and keep events at hand.

use std::time::Duration;

use super::{
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, say, settle,
};
use crate::{
    Limits,
    model::{RoomId, Seq},
};

/// Where a node keeps too much, it is the quiet rooms that pay for it, however long ago the busy ones were entered.
#[tokio::test(start_paused = true)]
async fn the_busiest_rooms_stay_hot() {
    let engine = engine(Limits { hot_bytes_node_max: 40_000, ..boundless() }).await;
    let (busy, quiet) = (room(&engine, 2).await, room(&engine, 2).await);
    let pipe = Pipe::wide(&Writes::default());
    let _commands = join(&engine, 0, &pipe).await;
    settle().await;
    let hot = |room: RoomId| {
        let active = engine.inner.rooms.get(room).unwrap();
        let mut run = super::super::hot::Run::default();
        active.copy_round(&crate::NativeJson, Seq::ZERO, &mut run);
        run.ends.len()
    };
    let fill = async |room| {
        for _ in 0..20 {
            say(&engine, room, "x".repeat(1_000)).await;
        }
    };
    fill(quiet).await;
    settle().await;
    fill(busy).await;
    assert_eq!((hot(quiet), hot(busy)), (20, 20));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((hot(quiet), hot(busy)), (0, 20));
}
