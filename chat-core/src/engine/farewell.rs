//! How the engine ends: what was taken is answered, then everyone is told when to come back.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::timeout;

use super::{Inner, connection::Connection};
use crate::protocol::{ByeReason, Close, CloseCode};

/// The part of a shutdown's time in which commands are waited for; in the rest goodbyes go out.
const ANSWERS: (u32, u32) = (3, 4);

impl Inner {
    /// Takes no more commands, ends each connection once what it asked for is answered, and then the lanes.
    pub(super) async fn say_farewell(self: Arc<Self>, deadline: Duration) {
        let mut unanswered = Vec::new();
        for connection in self.users.all().into_iter().flat_map(|(_, connections)| connections) {
            if connection.commands.close() {
                self.dismiss(&connection);
            } else {
                unanswered.push(connection);
            }
        }
        let answers = join_all(unanswered.iter().map(async |connection| {
            tokio::select! {
                biased;
                _ = connection.ended() => {}
                () = connection.commands.answered() => {}
            }
            self.dismiss(connection);
        }));
        let (part, whole) = ANSWERS;
        let in_time = timeout(deadline * part / whole, answers).await.is_ok();
        if !in_time {
            unanswered.iter().for_each(|connection| self.dismiss(connection));
        }
        // Only now: what waits in a chain of commands is not in its lane yet.
        self.lanes_end.cancel();
    }

    /// Ends a connection because this node goes down; those who come later are spread out.
    pub(super) fn dismiss(&self, connection: &Arc<Connection>) {
        connection.commands.close();
        connection.close(self.going_away());
        connection.commands.release();
    }

    fn going_away(&self) -> Close {
        let spread = u64::try_from(self.limits.reconnect_spread.as_millis()).unwrap_or(1).max(1);
        let wait = Duration::from_millis(self.clock.random() % spread);
        Close::with_bye(CloseCode::GoingAway, ByeReason::Shutdown, wait)
    }
}
