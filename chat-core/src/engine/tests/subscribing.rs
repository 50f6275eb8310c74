//! Subscriptions that end while they begin.

use std::sync::Arc;

use super::{
    super::subscription::Subscription,
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, settle, user,
};
use crate::{model::Seq, signal::UnsubscribeReason};

/// A removal that is heard between the two would else leave the room subscribed in name: who is added again is told
/// nothing of it.
#[tokio::test(start_paused = true)]
async fn what_ended_before_it_was_held_is_not_held() {
    let engine = engine(boundless()).await;
    let room = room(&engine, 1).await;
    let pipe = Pipe::wide(&Writes::default());
    let _commands = join(&engine, 0, &pipe).await;
    settle().await;
    let connection = engine.inner.users.of(&user(0)).remove(0);
    let active = engine.inner.rooms.get(room).unwrap();
    let held = connection.sub(room).unwrap();
    engine.inner.unsubscribe(&held, UnsubscribeReason::Removed);
    let sub = Subscription::new(Arc::clone(&connection), Arc::clone(&active), Seq::new(1), Seq::new(1));
    active.register(&sub).unwrap();
    assert!(engine.inner.unsubscribe(&sub, UnsubscribeReason::Removed));
    connection.hold(&sub);
    assert!(connection.sub(room).is_none());
    assert_eq!(active.subscriptions(), 0);
}
