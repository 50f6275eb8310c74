//! What the engine speaks of: rooms, members, messages, users and positions.

mod attachment;
mod audit;
mod ids;
mod member;
mod message;
mod metadata;
mod profile;
mod report;
mod room;
mod time;

pub use attachment::{Attachment, AttachmentKind, StoredAttachment, Upload};
pub use audit::{AuditAction, AuditEntry, AuditRecord};
pub use ids::{
    AttachmentId, AuditId, CLIENT_ID_BYTES_MAX, ClientId, ConnectionId, EMOJI_BYTES_MAX, Emoji, InvalidId,
    MAX_SAFE_INTEGER, MESSAGE_KIND_BYTES_MAX, MessageId, MessageKind, NodeId, ReportId, RoomId, Seq,
    USER_ID_BYTES_MAX, UserId,
};
pub use member::{Ban, LeaveReason, Member, MemberRow, Role};
pub use message::{Message, MessageStatus, MessageVersion, MessageView, ReactionCount, ThreadSummary};
pub use metadata::Metadata;
pub use profile::{Profile, StoredProfile};
pub use report::{Report, ReportStatus};
pub use room::{Activity, HistoryMode, Membership, Pointer, Room, RoomDetail, RoomEntry, RoomKind, Unread};
pub use time::{InvalidTimestamp, Timestamp};
