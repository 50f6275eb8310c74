//! Connections for which something is written that no frame for everyone can say.

use chat_core::Deliveries;
use tokio::time::{Instant, sleep_until};

use crate::ws::Io;

/// Stands between the engine and one connection: what it makes of the frames given to it is written, and nothing else.
///
/// While it speaks, no frame is taken, and a connection that does not read is slow as any other: the engine keeps no
/// queue for it.
#[async_trait::async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Takes a frame of the connection's [`WireFormat`](chat_core::WireFormat), or of the transport (a pong, the
    /// close), and appends what to write in its place.
    fn take(&mut self, frame: &[u8], out: &mut Vec<u8>);

    /// When it has something to say by itself.
    fn due(&self) -> Option<Instant>;

    /// Appends that, once it is due.
    async fn speak(&mut self, out: &mut Vec<u8>);
}

/// A connection that has a relay.
pub(super) struct Relayed {
    pub(super) relay: Box<dyn Relay>,
    pub(super) deliveries: Deliveries,
}

impl Relayed {
    /// Writes until the connection has ended.
    pub(super) async fn run(mut self: Box<Self>, io: &Io) {
        let mut out = Vec::new();
        loop {
            let due = self.relay.due();
            let batch = tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => None,
                batch = self.deliveries.next() => match batch {
                    Some(batch) => Some(batch),
                    None => return,
                },
            };
            match &batch {
                Some(batch) => batch.frames().for_each(|frame| self.relay.take(frame, &mut out)),
                None => self.relay.speak(&mut out).await,
            }
            // A batch that could not be written ends the session as it is dropped.
            if io.write_all(&out).await.is_err() {
                return;
            }
            out.clear();
            if let Some(batch) = batch {
                batch.written();
            }
        }
    }
}
