//! What is not written as serde would write it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    Event, EventBody,
    model::{
        AttachmentId, AuditId, CLIENT_ID_BYTES_MAX, ClientId, ConnectionId, EMOJI_BYTES_MAX, Emoji,
        MAX_SAFE_INTEGER, MESSAGE_KIND_BYTES_MAX, MessageId, MessageKind, Metadata, ReportId, RoomId, Seq,
        Timestamp, USER_ID_BYTES_MAX, UserId,
    },
    protocol::{FRAME_ID_BYTES_MAX, FrameId},
};

/// A room's id where it is the key of an object.
pub(crate) struct RoomKey;

/// What people write.
pub(super) struct Text;

const NO_NUL: &str = r"^[^\u0000]*$";

macro_rules! schemas {
    ($($name:ident => $schema:expr;)*) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )* };
}

schemas! {
    RoomId => integer("A room.", 1);
    MessageId => integer("A message, unique over all rooms.", 1);
    ReportId => integer("A report.", 1);
    AuditId => integer("An entry of the audit trail.", 1);
    Seq => integer("A place in a room's log: dense, from 1.", 0);
    UserId => text("A user, as the host names it.", USER_ID_BYTES_MAX);
    ClientId => text("The key to ask again under, unique per room and sender.", CLIENT_ID_BYTES_MAX);
    Emoji => text("A reaction.", EMOJI_BYTES_MAX);
    MessageKind => text("`text`, `system`, or a kind of the host's own.", MESSAGE_KIND_BYTES_MAX);
    AttachmentId => text("A stored file.", 64);
    ConnectionId => text("A connection.", 16);
    Timestamp => json_schema!({
        "type": "string",
        "format": "date-time",
        "description": "RFC 3339; told in UTC with milliseconds, read with any offset.",
    });
    Metadata => json_schema!({ "type": "object", "description": "The host's own data." });
    FrameId => json_schema!({
        "type": ["integer", "string"],
        "minimum": 0,
        "maximum": MAX_SAFE_INTEGER,
        "maxLength": FRAME_ID_BYTES_MAX,
        "description": "The name that a client gives a frame, echoed in its answer.",
    });
    Text => json_schema!({ "type": "string", "pattern": NO_NUL, "description": "A text without U+0000." });
    RoomKey => json_schema!({ "type": "string", "pattern": "^[1-9][0-9]{0,15}$" });
}

impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "One entry of a room's log: one durable change, at one place, for ever.",
            "properties": {
                "room_id": generator.subschema_for::<RoomId>(),
                "seq": generator.subschema_for::<Seq>(),
                "at": generator.subschema_for::<Timestamp>(),
                "actor": generator.subschema_for::<Option<UserId>>(),
                "client_id": generator.subschema_for::<ClientId>(),
            },
            "required": ["type", "room_id", "seq", "at", "actor"],
            "allOf": [generator.subschema_for::<EventBody>()],
        })
    }
}

fn integer(description: &str, least: u64) -> Schema {
    json_schema!({
        "type": "integer",
        "minimum": least,
        "maximum": MAX_SAFE_INTEGER,
        "description": description,
    })
}

/// A text of so many bytes; a schema counts characters, of which there are never more.
fn text(description: &str, bytes_max: usize) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": bytes_max,
        "pattern": NO_NUL,
        "description": description,
    })
}
