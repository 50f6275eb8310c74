//! The tables of a Django Channels back end, in SQLite or Postgres, read page by page in one snapshot.

use std::{collections::VecDeque, path::Path};

use async_trait::async_trait;
use chat_core::{
    model::{MessageId, Metadata, RoomId, Timestamp, UserId},
    store::{IMPORT_ID_MAX, IMPORT_MEMBERS_MAX},
};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use super::{
    importer::{kind_of, role_of},
    record::{Extent, MemberRecord, MessageRecord, Record, RoomRecord, Source, SourceError, Unusable},
};

/// Rows of a page.
const PAGE: i64 = 500;

/// id, name, whether it is a group, when it was made. Whatever a column should hold, another system's may hold nothing.
type RoomRow = (i64, Option<String>, Option<i64>, Option<String>);

/// id, sender, content, kind, time as it sorts: also one that is none, as `infinity`.
type MessageRow = (i64, Option<String>, String, String, String);

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Rooms by id; of each its participants, then its messages by time.
pub(crate) struct Tables {
    database: Database,
    /// The participants' column that names the room.
    room_column: &'static str,
    after_room: i64,
    rooms: VecDeque<RoomRow>,
    /// What comes next of the room that is being read.
    next: VecDeque<Record>,
    /// The room whose messages are being read, and the last one's time and id.
    messages_of: Option<(RoomId, String, i64)>,
}

impl Tables {
    pub(crate) async fn sqlite(path: &Path) -> Result<Self, SourceError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info('chat_rooms_participants')")
                .fetch_all(&mut connection)
                .await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        Ok(Self::new(Database::Sqlite(connection), &columns))
    }

    pub(crate) async fn postgres(options: &PgConnectOptions) -> Result<Self, SourceError> {
        let mut connection = PgConnection::connect_with(options).await?;
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = to_regclass('chat_rooms_participants') AND attnum > 0 AND NOT attisdropped",
        )
        .fetch_all(&mut connection)
        .await?;
        // Times are written as UTC has them, and those that are none in one form.
        sqlx::query("SET TIME ZONE 'UTC'").execute(&mut connection).await?;
        sqlx::query("SET datestyle = 'ISO'").execute(&mut connection).await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut connection).await?;
        Ok(Self::new(Database::Postgres(connection), &columns))
    }

    fn new(database: Database, columns: &[String]) -> Self {
        let is_default = columns.iter().any(|name| name == "chatroom_id");
        let room_column = if is_default { "chatroom_id" } else { "room_id" };
        Self {
            database,
            room_column,
            after_room: i64::MIN,
            rooms: VecDeque::new(),
            next: VecDeque::new(),
            messages_of: None,
        }
    }

    async fn room_page(&mut self) -> sqlx::Result<Vec<RoomRow>> {
        match &mut self.database {
            Database::Sqlite(connection) => {
                sqlx::query_as(
                    "SELECT id, name, CAST(is_group AS INTEGER), CAST(created_at AS TEXT) FROM chat_rooms
                     WHERE id > ?1 ORDER BY id LIMIT ?2",
                )
                .bind(self.after_room)
                .bind(PAGE)
                .fetch_all(connection)
                .await
            }
            Database::Postgres(connection) => {
                sqlx::query_as(
                    "SELECT id::bigint, name::text, is_group::integer::bigint,
                         CASE WHEN created_at >= '0001-01-01'
                             THEN to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') END FROM chat_rooms
                     WHERE id > $1 ORDER BY id LIMIT $2",
                )
                .bind(self.after_room)
                .bind(PAGE)
                .fetch_all(connection)
                .await
            }
        }
    }

    /// One more than there may be, at most.
    async fn participants(&mut self, room: i64) -> sqlx::Result<Vec<Option<String>>> {
        let most = i64::try_from(IMPORT_MEMBERS_MAX).unwrap_or(i64::MAX).saturating_add(1);
        let column = self.room_column;
        match &mut self.database {
            Database::Sqlite(connection) => {
                let sql = format!(
                    "SELECT CAST(user_id AS TEXT) FROM chat_rooms_participants WHERE {column} = ?1 ORDER BY id LIMIT ?2"
                );
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(room).bind(most).fetch_all(connection).await
            }
            Database::Postgres(connection) => {
                let sql = format!(
                    "SELECT user_id::text FROM chat_rooms_participants WHERE {column} = $1 ORDER BY id LIMIT $2"
                );
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(room).bind(most).fetch_all(connection).await
            }
        }
    }

    async fn message_page(&mut self, room: RoomId, time: &str, id: i64) -> sqlx::Result<Vec<MessageRow>> {
        match &mut self.database {
            Database::Sqlite(connection) => {
                sqlx::query_as(
                    "SELECT id, CAST(sender_id AS TEXT), CAST(ifnull(content, '') AS TEXT),
                         ifnull(message_type, ''), CAST(created_at AS TEXT) FROM chat_messages
                     WHERE room_id = ?1 AND (created_at, id) > (?2, ?3) ORDER BY created_at, id LIMIT ?4",
                )
                .bind(room.get())
                .bind(time.to_owned())
                .bind(id)
                .bind(PAGE)
                .fetch_all(connection)
                .await
            }
            Database::Postgres(connection) => {
                let time = if time.is_empty() { "-infinity" } else { time };
                sqlx::query_as(
                    "SELECT id::bigint, sender_id::text, coalesce(content, '')::text, coalesce(message_type, '')::text,
                         CASE WHEN isfinite(created_at) AND created_at >= '0001-01-01'
                             THEN to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
                             ELSE created_at::text END FROM chat_messages
                     WHERE room_id = $1 AND (created_at, id) > ($2::text::timestamptz, $3) AND created_at IS NOT NULL
                     ORDER BY created_at, id LIMIT $4",
                )
                .bind(room.get())
                .bind(time.to_owned())
                .bind(id)
                .bind(PAGE)
                .fetch_all(connection)
                .await
            }
        }
    }

    /// The room's record and its participants'.
    async fn enter(&mut self, row: RoomRow) -> sqlx::Result<()> {
        let (id, name, is_group, created_at) = row;
        let created_at = created_at.as_deref().and_then(time);
        let (Some(room), Some(created_at)) = (RoomId::new(id), created_at) else {
            let why = format!("room {id}: its id or created_at is none that can be");
            self.next.push_back(Record::Unusable(Unusable::Room(why)));
            return Ok(());
        };
        let participants = self.participants(id).await?;
        let mut users = Vec::with_capacity(participants.len());
        let mut unusable = Vec::new();
        for participant in participants {
            match participant.as_deref().map(UserId::new) {
                Some(Ok(user)) => users.push(user),
                Some(Err(why)) => {
                    let user = participant.unwrap_or_default();
                    unusable.push(format!("participant {user:?} of room {id}: {why}"));
                }
                None => unusable.push(format!("participant of room {id}: it has no user_id")),
            }
        }
        let kind = kind_of(is_group.unwrap_or(1) != 0, users.len());
        let metadata = Metadata::default();
        self.next.push_back(Record::Room(RoomRecord { id: room, kind, name, created_at, metadata }));
        let members = users
            .into_iter()
            .enumerate()
            .map(|(place, user)| Record::Member(MemberRecord { room, user, role: role_of(kind, place) }));
        self.next.extend(members);
        self.next.extend(unusable.into_iter().map(|why| Record::Unusable(Unusable::Member(why))));
        self.messages_of = Some((room, String::new(), i64::MIN));
        Ok(())
    }

    fn message(room: RoomId, row: MessageRow) -> Record {
        let (id, sender, content, kind, created_at) = row;
        let sender = sender.map(|text| UserId::new(text.as_str())).transpose();
        match (MessageId::new(id), sender, time(&created_at)) {
            (Some(id), Ok(sender), Some(created_at)) => {
                let metadata = Metadata::default();
                Record::Message(MessageRecord { id, room, sender, kind, content, created_at, metadata })
            }
            _ => {
                let why = format!("message {id}: its id, sender_id or created_at is none that can be");
                Record::Unusable(Unusable::Message(why))
            }
        }
    }
}

#[async_trait]
impl Source for Tables {
    async fn extent(&mut self) -> Result<Option<Extent>, SourceError> {
        // One id that is too large to be taken over must not keep the others from being kept free.
        const ROOMS: &str = "SELECT max(id) FROM chat_rooms WHERE id <= ?1";
        const MESSAGES: &str = "SELECT max(CASE WHEN id <= ?1 THEN id END), count(*) FROM chat_messages";
        let (room, (message, count)): (Option<i64>, (Option<i64>, i64)) = match &mut self.database {
            Database::Sqlite(connection) => (
                sqlx::query_scalar(ROOMS).bind(IMPORT_ID_MAX).fetch_one(&mut *connection).await?,
                sqlx::query_as(MESSAGES).bind(IMPORT_ID_MAX).fetch_one(connection).await?,
            ),
            Database::Postgres(connection) => (
                sqlx::query_scalar("SELECT max(id)::bigint FROM chat_rooms WHERE id <= $1")
                    .bind(IMPORT_ID_MAX)
                    .fetch_one(&mut *connection)
                    .await?,
                sqlx::query_as(
                    "SELECT (max(id) FILTER (WHERE id <= $1))::bigint, count(*) FROM chat_messages",
                )
                .bind(IMPORT_ID_MAX)
                .fetch_one(connection)
                .await?,
            ),
        };
        Ok(Some(Extent {
            messages: u64::try_from(count).unwrap_or_default(),
            last_room: room.and_then(RoomId::new),
            last_message: message.and_then(MessageId::new),
        }))
    }

    async fn next(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            if let Some(record) = self.next.pop_front() {
                return Ok(Some(record));
            }
            if let Some((room, after, id)) = self.messages_of.take() {
                let page = self.message_page(room, &after, id).await?;
                if let Some(last) = page.last() {
                    self.messages_of = Some((room, last.4.clone(), last.0));
                }
                self.next.extend(page.into_iter().map(|row| Self::message(room, row)));
                continue;
            }
            let Some(row) = self.rooms.pop_front() else {
                self.rooms = self.room_page().await?.into();
                match self.rooms.back() {
                    Some(last) => self.after_room = last.0,
                    None => return Ok(None),
                }
                continue;
            };
            self.enter(row).await?;
        }
    }
}

/// A time as Django writes it: RFC 3339, or in SQLite without a zone, which is UTC.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}Z"))).ok()
}
