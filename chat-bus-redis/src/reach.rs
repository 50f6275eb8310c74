//! The connection there is, or since when there is none.
//!
//! A connection that is replaced is missing for some tens of milliseconds, and whoever wants something of Redis waits
//! for the next one. Who has been without for longer than [`GRACE`] knows that Redis is away: then nobody waits.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::driver::DriverError;

/// How long a node may be without a connection before it knows that Redis is away: time for a few attempts.
pub(crate) const GRACE: Duration = Duration::from_millis(250);

/// Whether Redis is within reach of a node.
pub(crate) struct Reach<C>(watch::Sender<State<C>>);

enum State<C> {
    Connected(Arc<C>),
    Without { since: Instant },
}

impl<C> State<C> {
    fn without() -> Self {
        Self::Without { since: Instant::now() }
    }

    const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected(_))
    }
}

impl<C> Reach<C> {
    /// Without a connection as yet.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::without()))
    }

    /// There is a connection.
    pub(crate) fn gain(&self, connection: Arc<C>) {
        self.0.send_replace(State::Connected(connection));
    }

    /// There is none any more.
    pub(crate) fn lose(&self) {
        self.0.send_if_modified(|state| {
            let lost = state.is_connected();
            if lost {
                *state = State::without();
            }
            lost
        });
    }

    /// The connection there is, or is within the grace.
    ///
    /// # Errors
    /// [`DriverError::Away`].
    pub(crate) async fn connection(&self) -> Result<Arc<C>, DriverError> {
        let mut states = self.0.subscribe();
        loop {
            let since = match &*states.borrow_and_update() {
                State::Connected(connection) => return Ok(Arc::clone(connection)),
                State::Without { since } => *since,
            };
            // The sender is here: it does not close.
            if timeout_at(since + GRACE, states.changed()).await.is_err() {
                return Err(DriverError::Away);
            }
        }
    }

    /// Resolves when Redis is known to be away.
    pub(crate) async fn away(&self) {
        let mut states = self.0.subscribe();
        while self.connection().await.is_ok() {
            let _ = states.wait_for(|state| !state.is_connected()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_replaced_in_time_is_waited_for() {
        let reach = Reach::new();
        reach.gain(Arc::new("first"));
        sleep(2 * GRACE).await;
        assert_eq!(*reach.connection().await.unwrap(), "first");
        for _ in 0..3 {
            reach.lose();
            let (found, away, ()) = tokio::join!(reach.connection(), timeout(GRACE, reach.away()), async {
                sleep(GRACE / 2).await;
                reach.gain(Arc::new("next"));
            });
            assert_eq!(*found.unwrap(), "next");
            assert!(away.is_err());
        }
        reach.lose();
        let lost = Instant::now();
        reach.away().await;
        assert_eq!(lost.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_to_be_away_is_not_waited_for() {
        let reach = Reach::<()>::new();
        let begun = Instant::now();
        assert!(matches!(reach.connection().await, Err(DriverError::Away)));
        reach.away().await;
        assert_eq!(begun.elapsed(), GRACE, "waited for once, and known from then on");
        // To lose what is not there is nothing new.
        reach.lose();
        assert!(matches!(reach.connection().await, Err(DriverError::Away)));
        assert_eq!(begun.elapsed(), GRACE);
        reach.gain(Arc::new(()));
        assert!(reach.connection().await.is_ok());
    }
}
