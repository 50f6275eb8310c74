//! Free data of the host, carried and never read by the engine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A JSON object of the host's own, beside a room or a message.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(serde_json::Map<String, serde_json::Value>);

impl Metadata {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object.
    #[must_use]
    pub const fn as_map(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0
    }

    /// Bytes of its JSON text.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        serde_json::to_vec(&self.0).map_or(usize::MAX, |text| text.len())
    }

    /// Whether any key or text in it holds U+0000.
    #[must_use]
    pub fn has_nul(&self) -> bool {
        fn any(value: &serde_json::Value) -> bool {
            match value {
                serde_json::Value::String(s) => s.contains('\0'),
                serde_json::Value::Array(items) => items.iter().any(any),
                serde_json::Value::Object(map) => map.iter().any(|(k, v)| k.contains('\0') || any(v)),
                _ => false,
            }
        }
        self.0.iter().any(|(k, v)| k.contains('\0') || any(v))
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Metadata {
    fn from(map: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(map)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} keys)", self.0.len())
    }
}
