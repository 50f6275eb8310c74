//! Giving signals to connections, encoded once a format.

use std::sync::Arc;

use super::{connection::Connection, pump, room::Room};
use crate::{
    model::UserId,
    people::People,
    signal::{Signal, SignalKey},
    wire::WireFormat,
};

/// Several signals in one wire format.
#[derive(Debug)]
pub(crate) struct SignalBatch {
    /// All of them, back to back.
    pub(crate) bytes: Vec<u8>,
    /// Each by itself.
    pub(crate) each: Vec<(SignalKey, Arc<[u8]>)>,
}

impl SignalBatch {
    fn new(format: &dyn WireFormat, signals: &[Signal], people: &People) -> Self {
        let mut batch = Self { bytes: Vec::new(), each: Vec::with_capacity(signals.len()) };
        for signal in signals {
            let start = batch.bytes.len();
            format.signal(signal, people, &mut batch.bytes);
            batch.each.push((signal.key(), batch.bytes[start..].into()));
        }
        batch
    }
}

impl Room {
    /// Gives a signal to everyone subscribed here but `except`.
    pub(crate) fn signal(&self, signal: &Signal, except: Option<&UserId>) {
        let key = signal.key();
        let mut encoded: Vec<(&'static str, Arc<[u8]>)> = Vec::new();
        let mut chunk = Vec::new();
        let mut from = 0;
        while self.chunk(from, pump::CHUNK, &mut chunk) {
            from += pump::CHUNK;
            for sub in &chunk {
                if except != Some(&sub.connection.user) {
                    signal_one(&sub.connection, signal, &key, &self.people, &mut encoded);
                }
            }
        }
    }

    /// Gives several signals to everyone subscribed here, with one write each where they are idle.
    pub(crate) fn signals(&self, signals: &[Signal]) {
        if signals.is_empty() {
            return;
        }
        let mut encoded: Vec<(&'static str, SignalBatch)> = Vec::new();
        self.each_subscription(|sub| {
            let format = &sub.connection.format;
            if format.chooses_signals() {
                for signal in signals {
                    signal_one(&sub.connection, signal, &signal.key(), &self.people, &mut Vec::new());
                }
                return;
            }
            let at = encoded.iter().position(|(name, _)| *name == format.name()).unwrap_or_else(|| {
                encoded.push((format.name(), SignalBatch::new(&**format, signals, &self.people)));
                encoded.len() - 1
            });
            sub.connection.signal_batch(&encoded[at].1);
        });
    }
}

/// Gives a signal to one connection, unless it is of someone whom its user has blocked; encodes it once a format.
pub(crate) fn signal_one(
    connection: &Arc<Connection>,
    signal: &Signal,
    key: &SignalKey,
    people: &People,
    encoded: &mut Vec<(&'static str, Arc<[u8]>)>,
) {
    if !connection.hides(signal) {
        show_one(connection, signal, key, people, encoded);
    }
}

/// As [`signal_one`], of whomever it is.
pub(crate) fn show_one(
    connection: &Arc<Connection>,
    signal: &Signal,
    key: &SignalKey,
    people: &People,
    encoded: &mut Vec<(&'static str, Arc<[u8]>)>,
) {
    let format = &connection.format;
    if format.chooses_signals() && !format.hears(signal, &connection.user) {
        return;
    }
    let name = connection.format.name();
    let bytes = match encoded.iter().find(|(format, _)| *format == name) {
        Some((_, bytes)) => Arc::clone(bytes),
        None => {
            let mut out = Vec::new();
            connection.format.signal(signal, people, &mut out);
            let bytes: Arc<[u8]> = out.into();
            encoded.push((name, Arc::clone(&bytes)));
            bytes
        }
    };
    connection.signal(key, &bytes);
}
