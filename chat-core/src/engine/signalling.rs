//! Giving signals to connections, encoded once a format.

use std::sync::Arc;

use super::connection::Connection;
use crate::{
    people::People,
    signal::{Signal, SignalKey},
};

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
