//! Files that messages carry.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{AttachmentId, RoomId, Seq, Timestamp, UserId};

/// A stored file, as messages show it. Its content never changes under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Attachment {
    /// By which it is sent and fetched.
    pub id: AttachmentId,
    /// What its uploader called it, without a path; for people.
    pub name: String,
    /// Its MIME type, told from its bytes.
    pub content_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// How to show it.
    pub kind: AttachmentKind,
    /// The width of an image in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The height of an image in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// How a file is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AttachmentKind {
    /// In place.
    Image,
    /// By a player.
    Audio,
    /// By a player.
    Video,
    /// By its name and size.
    #[default]
    File,
}

impl AttachmentKind {
    /// The kind that goes with a MIME type.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        match content_type.split('/').next() {
            // It may hold scripts, so that nothing shows it in place.
            Some("image") if content_type != "image/svg+xml" => Self::Image,
            Some("audio") => Self::Audio,
            Some("video") => Self::Video,
            _ => Self::File,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// A file that is about to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct Upload {
    /// Its id, made up at random.
    pub id: AttachmentId,
    /// Who alone may send it; absent: the host.
    pub uploader: Option<UserId>,
    /// When it began.
    pub at: Timestamp,
}

/// A file that is there, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct StoredAttachment {
    /// What messages show.
    pub attachment: Attachment,
    /// Who alone may send it; absent: the host.
    pub uploader: Option<UserId>,
    /// The only room that it may be sent in, where its uploader named one.
    pub room: Option<RoomId>,
    /// The message that carries it; absent: it is not sent as yet.
    pub sent: Option<(RoomId, Seq)>,
}

/// What stands in a message: the file, or only its id, as messages were written once.
impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttachmentVisitor)
    }
}

#[derive(Deserialize)]
struct Fields {
    id: AttachmentId,
    name: String,
    content_type: String,
    size: u64,
    kind: AttachmentKind,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
}

struct AttachmentVisitor;

impl<'de> Visitor<'de> for AttachmentVisitor {
    type Value = Attachment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attachment")
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<Attachment, E> {
        Ok(Attachment {
            id: AttachmentId::new(id).map_err(E::custom)?,
            name: String::new(),
            content_type: "application/octet-stream".to_owned(),
            size: 0,
            kind: AttachmentKind::File,
            width: None,
            height: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Attachment, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        let Fields { id, name, content_type, size, kind, width, height } = fields;
        Ok(Attachment { id, name, content_type, size, kind, width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::{Attachment, AttachmentKind};

    #[test]
    fn a_file_is_read_back_as_it_was_written_and_a_bare_id_too() {
        let json = r#"{"id":"a","name":"x.png","content_type":"image/png","size":7,"kind":"image","width":3,"height":4}"#;
        let file: Attachment = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        let bare: Attachment = serde_json::from_str("\"a\"").unwrap();
        assert_eq!((bare.id, bare.kind, bare.size), (file.id, AttachmentKind::File, 0));
        assert!(serde_json::from_str::<Attachment>("7").is_err());
    }

    #[test]
    fn a_drawing_that_may_hold_scripts_is_a_file() {
        let kinds =
            ["image/png", "image/svg+xml", "audio/ogg", "video/mp4", "text/html"].map(AttachmentKind::of);
        use AttachmentKind::{Audio, File, Image, Video};
        assert_eq!(kinds, [Image, File, Audio, Video, File]);
    }
}
