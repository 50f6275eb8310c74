//! Names, which some clients are shown: late, or not at all.

use std::{error::Error, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{
    event::Event,
    hooks::UserDirectory,
    model::{Profile, UserId},
    people::People,
    protocol::{ClientFrame, FrameError, ServerFrame},
    signal::Signal,
    testkit::Rng,
    wire::{NativeJson, WireFormat},
};

/// The native format for which names must be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedJson;

impl WireFormat for NamedJson {
    fn name(&self) -> &'static str {
        "named-json"
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn needs_people(&self) -> bool {
        true
    }

    fn event(&self, event: &Event, people: &People, out: &mut Vec<u8>) {
        NativeJson.event(event, people, out);
    }

    fn signal(&self, signal: &Signal, people: &People, out: &mut Vec<u8>) {
        NativeJson.signal(signal, people, out);
    }

    fn frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        NativeJson.frame(frame, out);
    }

    fn decode(&self, frame: &[u8]) -> Result<ClientFrame, FrameError> {
        NativeJson.decode(frame)
    }
}

/// A host's users: often asked in vain, and at times for longer than anyone waits.
#[derive(Debug)]
pub(super) struct MoodyDirectory(Mutex<Rng>);

impl MoodyDirectory {
    pub(super) const fn new(rng: Rng) -> Self {
        Self(Mutex::new(rng))
    }
}

#[async_trait]
impl UserDirectory for MoodyDirectory {
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, Box<dyn Error + Send + Sync>> {
        let (wait, fails) = {
            let mut rng = self.0.lock();
            let most = Duration::from_millis(if rng.chance(0.5) { 20 } else { 1_500 });
            (rng.up_to(most), rng.chance(0.3))
        };
        tokio::time::sleep(wait).await;
        if fails {
            return Err("the directory is out of order".into());
        }
        Ok(users.iter().cloned().map(Profile::unknown).collect())
    }
}
