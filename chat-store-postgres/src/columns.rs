//! Rows on their way out, column by column, and the texts that stand for kinds.

use std::fmt;

use chat_core::model::{
    Attachment, AuditAction, ClientId, Emoji, HistoryMode, Member, MemberRow, Message, MessageId,
    MessageKind, Metadata, ReportStatus, Role, Room, RoomId, RoomKind, Seq, Timestamp, UserId,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{Decode, Postgres, Row as _, Type, ValueRef as _, postgres::PgRow};

use crate::error::damaged;

/// Reads a row from its first column on: one of the database's, or a list of JSON that stands for one. Whatever does
/// not fit its type is damage.
pub(crate) struct Columns<'r> {
    source: Source<'r>,
    at: usize,
}

#[derive(Clone, Copy)]
enum Source<'r> {
    Row(&'r PgRow),
    Json(&'r [Value]),
}

/// What a column may hold.
pub(crate) trait Cell<'r>: Decode<'r, Postgres> + Type<Postgres> {
    fn of_json(value: &'r Value) -> Option<Self>;
}

impl Cell<'_> for i64 {
    fn of_json(value: &Value) -> Option<Self> {
        value.as_i64()
    }
}

impl Cell<'_> for bool {
    fn of_json(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl<'r> Cell<'r> for &'r str {
    fn of_json(value: &'r Value) -> Option<Self> {
        value.as_str()
    }
}

impl Cell<'_> for String {
    fn of_json(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<'r, T: Cell<'r>> Cell<'r> for Option<T> {
    fn of_json(value: &'r Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::of_json(value).map(Some) }
    }
}

impl fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Columns that [`Columns::message`] reads, of a table called `m`.
macro_rules! message_columns {
    () => {
        "m.id, m.room, m.seq, m.sender, m.kind, m.content, m.at, m.edited_at, m.version, m.deleted, m.reply_to, \
         m.thread, m.mentions, m.attachments, m.metadata"
    };
}

/// Columns that [`Columns::room`] reads, of a table called `r`.
macro_rules! room_columns {
    () => {
        "r.id, r.kind, r.name, r.metadata, r.subject, r.history, r.created_at, r.created_by"
    };
}

pub(crate) use {message_columns, room_columns};

impl<'r> Columns<'r> {
    pub(crate) const fn of(row: &'r PgRow) -> Self {
        Self { source: Source::Row(row), at: 0 }
    }

    pub(crate) const fn of_json(row: &'r [Value]) -> Self {
        Self { source: Source::Json(row), at: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: Cell<'r>>(&mut self) -> sqlx::Result<T> {
        let at = self.at;
        self.at += 1;
        match self.source {
            Source::Row(row) => row.try_get(at),
            Source::Json(row) => {
                row.get(at).and_then(T::of_json).ok_or_else(|| damaged("a column of another type"))
            }
        }
    }

    /// Whether the next column holds nothing.
    pub(crate) fn peek_is_null(&self) -> sqlx::Result<bool> {
        match self.source {
            Source::Row(row) => Ok(row.try_get_raw(self.at)?.is_null()),
            Source::Json(row) => Ok(row.get(self.at).is_none_or(Value::is_null)),
        }
    }

    pub(crate) fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    pub(crate) fn index(&mut self) -> sqlx::Result<usize> {
        usize::try_from(self.take::<i64>()?).map_err(|_| damaged("a number below zero"))
    }

    pub(crate) fn count<T: TryFrom<i64>>(&mut self) -> sqlx::Result<T> {
        T::try_from(self.take::<i64>()?).map_err(|_| damaged("a number out of its bounds"))
    }

    pub(crate) fn flag(&mut self) -> sqlx::Result<bool> {
        self.take()
    }

    pub(crate) fn room_id(&mut self) -> sqlx::Result<RoomId> {
        RoomId::new(self.take()?).ok_or_else(|| damaged("a room id out of its bounds"))
    }

    pub(crate) fn room_id_opt(&mut self) -> sqlx::Result<Option<RoomId>> {
        let id = |id| RoomId::new(id).ok_or_else(|| damaged("a room id out of its bounds"));
        self.take::<Option<i64>>()?.map(id).transpose()
    }

    pub(crate) fn seq(&mut self) -> sqlx::Result<Seq> {
        seq(self.take()?)
    }

    pub(crate) fn seq_opt(&mut self) -> sqlx::Result<Option<Seq>> {
        self.take::<Option<i64>>()?.map(seq).transpose()
    }

    pub(crate) fn time(&mut self) -> sqlx::Result<Timestamp> {
        Ok(Timestamp::from_micros(self.take()?))
    }

    pub(crate) fn time_opt(&mut self) -> sqlx::Result<Option<Timestamp>> {
        Ok(self.take::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    pub(crate) fn user(&mut self) -> sqlx::Result<UserId> {
        user(self.take()?)
    }

    pub(crate) fn user_opt(&mut self) -> sqlx::Result<Option<UserId>> {
        self.take::<Option<&str>>()?.map(user).transpose()
    }

    pub(crate) fn client_id_opt(&mut self) -> sqlx::Result<Option<ClientId>> {
        let text: Option<&str> = self.take()?;
        text.map(ClientId::new).transpose().map_err(|_| damaged("a client_id out of its bounds"))
    }

    pub(crate) fn emoji(&mut self) -> sqlx::Result<Emoji> {
        Emoji::new(self.take::<&str>()?).map_err(|_| damaged("an emoji out of its bounds"))
    }

    pub(crate) fn role(&mut self) -> sqlx::Result<Role> {
        role(self.take()?)
    }

    /// From its hexadecimal digits.
    pub(crate) fn digest(&mut self) -> sqlx::Result<[u8; 16]> {
        let text: &str = self.take()?;
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
        number.map(u128::to_be_bytes).ok_or_else(|| damaged("a digest of another length"))
    }

    fn json<T: DeserializeOwned + Default>(&mut self) -> sqlx::Result<T> {
        self.take::<Option<&str>>()?.map_or_else(|| Ok(T::default()), parse)
    }

    /// The member under `user`, from `role, joined_at, muted_until`.
    pub(crate) fn member(&mut self, user: UserId) -> sqlx::Result<Member> {
        Ok(Member { user, role: self.role()?, joined_at: self.time()?, muted_until: self.time_opt()? })
    }

    pub(crate) fn member_row(&mut self, user: UserId) -> sqlx::Result<MemberRow> {
        Ok(MemberRow {
            member: self.member(user)?,
            visible_from: self.seq()?,
            read: self.seq()?,
            delivered: self.seq()?,
        })
    }

    pub(crate) fn room(&mut self) -> sqlx::Result<Room> {
        let (id, kind, name) = (self.room_id()?, room_kind(self.take()?)?, self.take()?);
        let (metadata, subject) = (self.json::<Metadata>()?, self.take()?);
        let history = history(self.take()?)?;
        let mut room = Room::new(id, kind, self.time()?);
        room.name = name;
        room.metadata = metadata;
        room.subject = subject;
        room.history = history;
        room.created_by = self.user_opt()?;
        Ok(room)
    }

    pub(crate) fn message(&mut self) -> sqlx::Result<Message> {
        let id = MessageId::new(self.take()?).ok_or_else(|| damaged("a message id out of its bounds"))?;
        Ok(Message {
            id,
            room_id: self.room_id()?,
            seq: self.seq()?,
            sender: self.user_opt()?,
            kind: MessageKind::new(self.take::<&str>()?)
                .map_err(|_| damaged("a message kind out of its bounds"))?,
            content: self.take()?,
            at: self.time()?,
            edited_at: self.time_opt()?,
            version: self.count()?,
            deleted: self.flag()?,
            reply_to: self.seq_opt()?,
            thread: self.seq_opt()?,
            mentions: self.json::<Vec<UserId>>()?,
            attachments: self.json::<Vec<Attachment>>()?,
            metadata: self.json::<Metadata>()?,
        })
    }
}

fn seq(value: i64) -> sqlx::Result<Seq> {
    u64::try_from(value).map(Seq::new).map_err(|_| damaged("a position below zero"))
}

fn user(text: &str) -> sqlx::Result<UserId> {
    UserId::new(text).map_err(|_| damaged("a user id out of its bounds"))
}

/// A position as a column holds it; those above every room's head become the greatest number.
pub(crate) fn seq_column(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// A number of rows to be given at most.
pub(crate) fn limit_column(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A list or object as JSON, absent where empty.
pub(crate) fn json_column<T: serde::Serialize>(value: &T, is_empty: bool) -> Option<String> {
    (!is_empty).then(|| serde_json::to_string(value).expect("lists of texts and JSON objects are JSON"))
}

/// A room's name in small letters, for searching.
pub(crate) fn folded(name: Option<&str>) -> String {
    name.unwrap_or_default().to_lowercase()
}

/// Text and value of a kind that the database keeps as text; a value that this version does not know has none.
macro_rules! texts {
    ($type:ty, $read:ident, $write:ident, $what:literal, { $($value:path = $text:literal,)* }) => {
        pub(crate) fn $read(text: &str) -> sqlx::Result<$type> {
            match text {
                $($text => Ok($value),)*
                _ => Err(damaged(concat!("an unknown ", $what))),
            }
        }

        pub(crate) const fn $write(value: $type) -> Option<&'static str> {
            match value {
                $($value => Some($text),)*
                _ => None,
            }
        }
    };
}

texts!(Role, role, role_text, "role", {
    Role::Member = "member",
    Role::Moderator = "moderator",
    Role::Owner = "owner",
});

texts!(ReportStatus, status, status_text, "status of a report", {
    ReportStatus::Pending = "pending",
    ReportStatus::Reviewed = "reviewed",
    ReportStatus::Dismissed = "dismissed",
});

texts!(AuditAction, action, action_text, "action of a moderator", {
    AuditAction::MemberRemoved = "member_removed",
    AuditAction::Banned = "banned",
    AuditAction::Unbanned = "unbanned",
    AuditAction::Muted = "muted",
    AuditAction::Unmuted = "unmuted",
    AuditAction::RoleChanged = "role_changed",
    AuditAction::OwnershipTransferred = "ownership_transferred",
    AuditAction::MessageDeleted = "message_deleted",
    AuditAction::RoomDeleted = "room_deleted",
    AuditAction::ReportReviewed = "report_reviewed",
    AuditAction::ReportDismissed = "report_dismissed",
});

texts!(RoomKind, room_kind, room_kind_text, "kind of room", {
    RoomKind::Direct = "direct",
    RoomKind::Group = "group",
    RoomKind::Public = "public",
});

texts!(HistoryMode, history, history_text, "history mode", {
    HistoryMode::All = "all",
    HistoryMode::FromJoin = "from_join",
});
