//! Who may wait for a room that someone else holds.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How long one waits for a place, at most: as long as the database then waits for the room.
const LONGEST: Duration = Duration::from_secs(2);

/// Places for calls that wait in the database, each with a connection that it keeps.
///
/// There are half as many as connections. Somebody who holds many rooms at once, as a host's transaction may, then delays
/// those rooms alone: for all others the rest of the pool is left.
#[derive(Debug)]
pub(crate) struct Patience(Semaphore);

impl Patience {
    pub(crate) fn new(connections: u32) -> Self {
        Self(Semaphore::new((connections / 2).max(1) as usize))
    }

    /// A place, given back where it is dropped; none where others have them all for too long.
    pub(crate) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        timeout(LONGEST, self.0.acquire()).await.ok()?.ok()
    }
}
