//! What is taken over, piece by piece.

use async_trait::async_trait;
use chat_core::model::{
    MAX_SAFE_INTEGER, MessageId, Metadata, Profile, Role, RoomId, RoomKind, Timestamp, UserId,
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// One piece. A room comes before its members, those before its messages, and these in order; then the next room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    User(UserRecord),
    Room(RoomRecord),
    Member(MemberRecord),
    Message(MessageRecord),
    /// A piece that cannot be taken over, and why.
    #[serde(skip)]
    Unusable(Unusable),
}

#[derive(Debug)]
pub(crate) enum Unusable {
    Room(String),
    Member(String),
    Message(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRecord {
    #[serde(deserialize_with = "user")]
    id: UserId,
    name: Option<String>,
    username: Option<String>,
    email: Option<String>,
    role: Option<String>,
    avatar: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomRecord {
    pub(super) id: RoomId,
    #[serde(default = "group")]
    pub(super) kind: RoomKind,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberRecord {
    pub(super) room: RoomId,
    #[serde(deserialize_with = "user")]
    pub(super) user: UserId,
    #[serde(default = "member")]
    pub(super) role: Role,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageRecord {
    pub(super) id: MessageId,
    pub(super) room: RoomId,
    #[serde(default, deserialize_with = "user_opt")]
    pub(super) sender: Option<UserId>,
    #[serde(default = "text")]
    pub(super) kind: String,
    pub(super) content: String,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

impl UserRecord {
    pub(super) fn into_profile(self) -> Profile {
        let unknown = Profile::unknown(self.id);
        Profile {
            name: self.name.unwrap_or(unknown.name),
            username: self.username.unwrap_or(unknown.username),
            email: self.email.unwrap_or(unknown.email),
            role: self.role.unwrap_or(unknown.role),
            avatar: self.avatar,
            id: unknown.id,
        }
    }
}

/// How much there is, as it is known before it is taken over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// Messages.
    pub(super) messages: u64,
    /// The greatest ids of those that can be taken over.
    pub(super) last_room: Option<RoomId>,
    pub(super) last_message: Option<MessageId>,
}

/// Where it comes from.
#[async_trait]
pub(crate) trait Source: Send {
    /// None where only its end tells.
    async fn extent(&mut self) -> Result<Option<Extent>, SourceError>;

    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<Record>, SourceError>;
}

/// What is to be taken over cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("failed to read the tables")]
    Tables(#[from] sqlx::Error),
    #[error("failed to read lines")]
    Read(#[from] std::io::Error),
    #[error("line {line}: {why}")]
    Line { line: u64, why: String },
}

/// An id that is text here and may be a whole number there.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyId {
    Number(u64),
    Text(String),
}

fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    let text = match AnyId::deserialize(deserializer)? {
        AnyId::Number(number) if number <= MAX_SAFE_INTEGER => number.to_string(),
        AnyId::Number(_) => return Err(D::Error::custom("a user id above 2^53-1 must be a text")),
        AnyId::Text(text) => text,
    };
    UserId::new(text).map_err(D::Error::custom)
}

fn user_opt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "user")] UserId);
    Ok(Option::<Given>::deserialize(deserializer)?.map(|given| given.0))
}

const fn group() -> RoomKind {
    RoomKind::Group
}

const fn member() -> Role {
    Role::Member
}

fn text() -> String {
    "text".to_owned()
}
