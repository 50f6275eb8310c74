//! Imports from what the tests make, into stores of each kind.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use chat_core::{
    Engine, Limits, Principal, Search,
    memory::MemoryStore,
    model::{RoomId, RoomKind, UserId},
    protocol::{Send, SendTo},
    store::{ImportStore, MessageQuery, Range, RoomScope, RoomsQuery, Store},
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    importer::Importer,
    lines::Lines,
    record::{Extent, Record, Source, SourceError},
    tables::Tables,
};

/// As Django makes them.
const TABLES: &str = r#"
CREATE TABLE "chat_rooms" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(255) NOT NULL,
    "is_group" bool NOT NULL, "created_at" datetime NOT NULL, "updated_at" datetime NOT NULL);
CREATE TABLE "chat_rooms_participants" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "chatroom_id" bigint NOT NULL REFERENCES "chat_rooms" ("id"), "user_id" integer NOT NULL);
CREATE TABLE "chat_messages" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "room_id" bigint NOT NULL,
    "sender_id" integer NOT NULL, "content" text NOT NULL, "message_type" varchar(20) NOT NULL,
    "status" varchar(20) NOT NULL, "created_at" datetime NOT NULL);
INSERT INTO chat_rooms VALUES (3, 'Team', 1, '2024-01-15 09:00:00', '2024-01-16 00:00:00'),
    (5, '', 0, '2024-01-15 09:30:00.5', '2024-01-16 00:00:00'), (9, 'Again', 0, '2024-01-17 00:00:00', '2024-01-17 00:00:00');
INSERT INTO chat_rooms_participants (chatroom_id, user_id)
    VALUES (3, 12), (3, 7), (3, 8), (5, 7), (5, 8), (9, 8), (9, 7);
INSERT INTO chat_messages VALUES
    (40, 3, 7, 'second', 'text', 'sent', '2024-01-15 10:00:01'),
    (41, 3, 12, 'first of all', 'text', 'read', '2024-01-15 10:00:00.250000'),
    (42, 3, 99, 'third, by one who left', 'image', 'sent', '2024-01-15 10:00:01'),
    (43, 5, 8, 'between two', 'text', 'sent', '2024-01-15 11:00:00'),
    (44, 77, 8, 'in no room', 'text', 'sent', '2024-01-15 11:00:00');
"#;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("chat-import-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A SQLite file with the tables, and what more there is to be in it.
async fn django(name: &str, more: &str) -> PathBuf {
    let file = folder(name).join("old.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = format!("{TABLES}{more}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    file
}

fn room(id: i64) -> RoomId {
    RoomId::new(id).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

/// What a run says, and whether it came to the end.
async fn import(store: &Arc<MemoryStore>, source: &mut dyn Source) -> (String, bool) {
    let store: Arc<dyn ImportStore> = Arc::<MemoryStore>::clone(store);
    let mut importer = Importer::new(store, Limits::default());
    let done = importer.run(source).await;
    (importer.report().to_string(), done.is_ok())
}

async fn contents(store: &MemoryStore, id: i64) -> Vec<(i64, String, String)> {
    use chat_core::store::MessageStore as _;
    let query = MessageQuery {
        viewer: None,
        range: Range::After(chat_core::model::Seq::ZERO),
        thread: None,
        visible_from: chat_core::model::Seq::ZERO,
        limit: 10_000,
    };
    let page = store.messages(room(id), &query).await.unwrap();
    let shown = page.messages.into_iter().map(|view| view.message);
    shown.map(|message| (message.id.get(), message.at.to_string(), message.content)).collect()
}

#[tokio::test]
async fn tables_of_django_are_taken_over_and_go_on() {
    let file = django("tables", "").await;
    let store = Arc::new(MemoryStore::default());
    let (report, ended) = import(&store, &mut Tables::sqlite(&file).await.unwrap()).await;
    assert!(ended);
    assert!(report.contains("rooms:    3 stored, 0 present, 0 different, 0 skipped"), "{report}");
    assert!(report.contains("messages: 4 stored, 0 present, 0 different, 1 skipped"), "{report}");
    assert!(report.contains("room 9: a group"), "{report}");
    let team = contents(&store, 3).await;
    let shown: Vec<_> = team.iter().map(|(id, at, text)| (*id, at.as_str(), text.as_str())).collect();
    assert_eq!(
        shown,
        [
            (41, "2024-01-15T10:00:00.250Z", "first of all"),
            (40, "2024-01-15T10:00:01.000Z", "second"),
            (42, "2024-01-15T10:00:01.000Z", "third, by one who left"),
        ]
    );
    // Again: nothing changes.
    let (again, ended) = import(&store, &mut Tables::sqlite(&file).await.unwrap()).await;
    assert!(ended);
    assert!(again.contains("rooms:    0 stored, 3 present, 0 different, 0 skipped"), "{again}");
    assert!(again.contains("messages: 0 stored, 4 present, 0 different, 1 skipped"), "{again}");
    assert_eq!(contents(&store, 3).await, team);

    // And on through the engine.
    let shared: Arc<dyn Store> = Arc::<MemoryStore>::clone(&store);
    let engine = Engine::builder().shared_store(shared).build().await.unwrap();
    let (seven, twelve) = (Principal::new(user("7")), Principal::new(user("12")));
    let sent = engine.as_user(&seven).send(Send::text(SendTo::Room(room(3)), "said here")).await.unwrap();
    assert_eq!(sent.message.seq.get(), 5);
    assert!(sent.message.id.get() > 44, "{:?}", sent.message.id);
    use chat_core::store::RoomStore as _;
    let query = RoomsQuery { viewer: Some(user("12")), scope: RoomScope::Joined, before: None, limit: 10 };
    let rooms = store.rooms(&query).await.unwrap();
    assert_eq!(rooms.iter().map(|entry| (entry.room.id, entry.unread)).collect::<Vec<_>>(), [(room(3), 1)]);
    let found = engine.as_user(&twelve).search(Search::new("left")).await.unwrap();
    assert_eq!(found.messages.iter().map(|message| message.id.get()).collect::<Vec<_>>(), [42]);
    let direct = engine.as_user(&seven).send(Send::text(SendTo::User(user("8")), "hello")).await.unwrap();
    assert_eq!(direct.message.room_id, room(5));
    let entry =
        &store.rooms(&RoomsQuery { scope: RoomScope::These(vec![room(9)]), ..query }).await.unwrap()[0];
    assert_eq!((entry.room.kind, entry.room.name.as_deref()), (RoomKind::Group, Some("Again")));
}

/// A source that breaks after so many pieces.
struct Breaking<S> {
    inner: S,
    left: usize,
}

#[async_trait]
impl<S: Source> Source for Breaking<S> {
    async fn extent(&mut self) -> Result<Extent, SourceError> {
        self.inner.extent().await
    }

    async fn next(&mut self) -> Result<Option<Record>, SourceError> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(SourceError::Read(std::io::ErrorKind::BrokenPipe.into())),
        }
        self.inner.next().await
    }
}

#[tokio::test]
async fn broken_off_anywhere_it_goes_on_to_the_same_end() {
    // More than a page and a batch, many at one time.
    let many = "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1399)
        INSERT INTO chat_messages SELECT i, 3, 7, 'm' || i, 'text', 'sent', '2024-02-01 00:00:0' || (i / 400) FROM n;";
    let file = django("broken", many).await;
    let whole = Arc::new(MemoryStore::default());
    let (_, ended) = import(&whole, &mut Tables::sqlite(&file).await.unwrap()).await;
    assert!(ended);
    let expected = contents(&whole, 3).await;
    assert_eq!(expected.len(), 1_303);
    let store = Arc::new(MemoryStore::default());
    for left in [0, 1, 3, 5, 400, 505, 506, 1_000, 1_306, 1_310] {
        let inner = Tables::sqlite(&file).await.unwrap();
        let (report, ended) = import(&store, &mut Breaking { inner, left }).await;
        assert!(!ended, "{report}");
    }
    let (report, ended) = import(&store, &mut Tables::sqlite(&file).await.unwrap()).await;
    assert!(ended, "{report}");
    assert_eq!(contents(&store, 3).await, expected);
    assert_eq!(contents(&store, 5).await, contents(&whole, 5).await);
}

const LINES: &str = r#"{"user":{"id":7,"name":"Ann Poe","username":"ann"}}
{"room":{"id":3,"kind":"public","name":"Open","created_at":"2024-01-15T09:00:00Z"}}
{"member":{"room":3,"user":7,"role":"owner"}}
{"member":{"room":3,"user":"u-8"}}
{"message":{"id":1,"room":3,"sender":7,"content":"one","created_at":"2024-01-15T10:00:00+01:00"}}

{"message":{"id":2,"room":3,"content":"of the host","kind":"system","created_at":"2024-01-15T10:00:00Z"}}
{"message":{"id":3,"room":3,"sender":7,"content":"\u0000","created_at":"2024-01-15T10:00:00Z"}}
{"message":{"id":4,"room":4,"sender":7,"content":"elsewhere","created_at":"2024-01-15T10:00:00Z"}}
{"room":{"id":4,"kind":"direct","created_at":"2024-01-15T09:00:00Z"}}
{"member":{"room":4,"user":7}}
{"message":{"id":5,"room":4,"sender":7,"content":"alone","created_at":"2024-01-15T10:00:00Z"}}
"#;

fn lines(text: &str) -> Lines {
    Lines::of(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())))
}

#[tokio::test]
async fn lines_are_taken_over_and_what_is_wrong_is_told() {
    use chat_core::store::ProfileStore as _;
    let store = Arc::new(MemoryStore::default());
    let (report, ended) = import(&store, &mut lines(LINES)).await;
    assert!(ended);
    assert_eq!(
        report.lines().collect::<Vec<_>>(),
        [
            "rooms:    1 stored, 0 present, 0 different, 1 skipped",
            "messages: 2 stored, 0 present, 0 different, 3 skipped",
            "profiles: 1 stored",
            "- message 3: U+0000 in it",
            "- message 4: outside of the lines of room 4",
            "- room 4: members: a direct room has two members",
        ]
    );
    let profiles = store.profiles(&[user("7")]).await.unwrap();
    assert_eq!(profiles[0].profile.name, "Ann Poe");
    // Half a line, as of a file that was cut off: what came before it is kept, and the next run goes on.
    let other = Arc::new(MemoryStore::default());
    let cut = &LINES[..LINES.find("of the host").unwrap()];
    assert!(!import(&other, &mut lines(cut)).await.1);
    assert_eq!(contents(&other, 3).await.len(), 1);
    assert!(import(&other, &mut lines(LINES)).await.1);
    assert_eq!(contents(&other, 3).await, contents(&store, 3).await);
}

#[tokio::test]
async fn a_line_has_a_bound_and_a_number() {
    let long = format!("\n{{\"room\":\"{}\"}}\n", "x".repeat(1024 * 1024));
    for (text, why) in [(long.as_str(), "line 2: longer"), ("{\"rom\":1}", "line 1: unknown variant")] {
        let error = lines(text).next().await.unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
}
