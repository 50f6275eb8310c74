//! Reading a client's frame: a JSON object with a `type` and fields.

use chat_core::{
    ErrorCode,
    model::{MessageId, RoomId},
    protocol::FrameError,
};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::WireUser;

/// What a format answers to a text that is no JSON.
const NO_JSON: &str = "Invalid JSON";

/// A client's frame, or an object in one.
#[derive(Clone, Debug, Default)]
pub struct Frame(Map<String, Value>);

impl Frame {
    /// Reads a text.
    ///
    /// # Errors
    /// `Invalid JSON`, or that it is no object.
    pub fn read(text: &[u8]) -> Result<Self, FrameError> {
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(refuse("a frame is a JSON object", None)),
            Err(_) => Err(refuse(NO_JSON, None)),
        }
    }

    /// What kind of frame it is.
    ///
    /// # Errors
    /// Where that is not said.
    pub fn kind(&self) -> Result<&str, FrameError> {
        match self.0.get("type") {
            Some(Value::String(kind)) => Ok(kind),
            Some(_) => Err(refuse("type must be a text", Some("type"))),
            None => Err(refuse("type is missing", Some("type"))),
        }
    }

    /// The object in a field; an empty one where it is absent.
    ///
    /// # Errors
    /// Where something else stands there.
    pub fn object(&self, name: &'static str) -> Result<Self, FrameError> {
        match self.field(name) {
            None => Ok(Self::default()),
            Some(Value::Object(fields)) => Ok(Self(fields.clone())),
            Some(_) => Err(refuse(format!("{name} must be an object"), Some(name))),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// Where it is missing or none.
    pub fn text(&self, name: &'static str) -> Result<&str, FrameError> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    /// A text, where it is there.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, FrameError> {
        match self.field(name) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(refuse(format!("{name} must be a text"), Some(name))),
            None => Ok(None),
        }
    }

    /// `true` or `false`, where it is there.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, FrameError> {
        match self.field(name) {
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(refuse(format!("{name} must be true or false"), Some(name))),
            None => Ok(None),
        }
    }

    /// A room, where one is named.
    ///
    /// # Errors
    /// Where it cannot be one.
    pub fn room(&self, name: &'static str) -> Result<Option<RoomId>, FrameError> {
        self.id(name, RoomId::new)
    }

    /// A message, where one is named.
    ///
    /// # Errors
    /// Where it cannot be one.
    pub fn message(&self, name: &'static str) -> Result<Option<MessageId>, FrameError> {
        self.id(name, MessageId::new)
    }

    /// A user, where one is named.
    ///
    /// # Errors
    /// Where it cannot be one.
    pub fn user(&self, name: &'static str) -> Result<Option<WireUser>, FrameError> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let user = WireUser::deserialize(value);
        user.map(Some).map_err(|_| refuse(format!("{name} must be a user id"), Some(name)))
    }

    fn id<T>(&self, name: &'static str, of: impl FnOnce(i64) -> Option<T>) -> Result<Option<T>, FrameError> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let id = value.as_i64().and_then(of);
        id.map(Some).ok_or_else(|| refuse(format!("{name} must be a whole number above 0"), Some(name)))
    }

    /// What stands in a field; `null` is nothing.
    fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

/// A field that must be there.
#[must_use]
pub fn missing(name: &'static str) -> FrameError {
    refuse(format!("{name} is missing"), Some(name))
}

/// A frame that means nothing, with what its sender is told.
#[must_use]
pub fn refuse(message: impl Into<String>, field: Option<&'static str>) -> FrameError {
    let code = if field.is_some() { ErrorCode::BadField } else { ErrorCode::BadFrame };
    FrameError { id: None, code, message: message.into(), field }
}
