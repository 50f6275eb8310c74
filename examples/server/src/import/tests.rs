//! Imports from what the tests make, into stores of each kind.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use chat_core::{
    Engine, Limits, Principal, Search,
    memory::MemoryStore,
    model::{MessageId, RoomId, RoomKind, UserId},
    protocol::{Send, SendTo},
    store::{ImportStore, MessageQuery, Range, RoomScope, RoomsQuery, Store},
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    Origin, apart,
    importer::Importer,
    last_ids::LastIds,
    lines::Lines,
    record::{Extent, Record, Source, SourceError},
    tables::Tables,
};
use crate::config::Database;

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
    let done = importer.run(source, LastIds::default()).await;
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
    async fn extent(&mut self) -> Result<Option<Extent>, SourceError> {
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
            "- no ids were kept free beforehand, since it cannot be read twice: what others make here meanwhile may \
             take ids of it (--last-room, --last-message)",
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

/// What the next room and message made here get as ids.
async fn next_ids(store: &Arc<MemoryStore>) -> (i64, i64) {
    let shared: Arc<dyn Store> = Arc::<MemoryStore>::clone(store);
    let engine = Engine::builder().shared_store(shared).build().await.unwrap();
    let sent =
        engine.as_user(&Principal::new(user("new"))).send(Send::text(SendTo::User(user("here")), "hi")).await;
    let message = sent.unwrap().message;
    (message.room_id.get(), message.id.get())
}

#[tokio::test]
async fn ids_that_a_file_needs_later_are_kept_free_from_the_beginning_on() {
    let file = folder("ids").join("rooms.jsonl");
    let wild = r#"{"room":{"id":9007199254740991,"created_at":"2024-01-15T09:00:00Z"}}"#;
    let last = r#"{"room":{"id":70,"created_at":"2024-01-15T09:00:00Z"}}
{"message":{"id":900,"room":70,"content":"last","created_at":"2024-01-15T10:00:00Z"}}"#;
    std::fs::write(&file, format!("\u{feff}{LINES}no line\n{wild}\n{last}")).unwrap();
    let store = Arc::new(MemoryStore::default());
    // It breaks off before the first room is written, and someone writes here.
    let inner = Lines::open(&file).await.unwrap();
    assert!(!import(&store, &mut Breaking { inner, left: 1 }).await.1);
    assert_eq!(next_ids(&store).await, (71, 901));
    // The line that is none ends the run; what stood before it has the ids that it says.
    let (report, ended) = import(&store, &mut Lines::open(&file).await.unwrap()).await;
    assert!(!ended && report.contains("messages: 2 stored"), "{report}");
    let mended = std::fs::read_to_string(&file).unwrap().replace("no line\n", "");
    std::fs::write(&file, mended).unwrap();
    let (report, ended) = import(&store, &mut Lines::open(&file).await.unwrap()).await;
    assert!(ended, "{report}");
    assert_eq!(contents(&store, 70).await.len(), 1);
}

#[tokio::test]
async fn ids_of_what_cannot_be_read_twice_are_told() {
    let store = Arc::new(MemoryStore::default());
    let shared: Arc<dyn ImportStore> = Arc::<MemoryStore>::clone(&store);
    let mut importer = Importer::new(shared, Limits::default());
    let told = LastIds { room: RoomId::new(70), message: MessageId::new(900) };
    importer.run(&mut lines(LINES), told).await.unwrap();
    assert!(!importer.report().to_string().contains("no ids were kept free"), "{}", importer.report());
    assert_eq!(next_ids(&store).await, (71, 901));
}

#[tokio::test]
async fn rows_that_cannot_be_are_told_and_end_nothing() {
    let more = r#"DROP TABLE chat_rooms_participants;
CREATE TABLE chat_rooms_participants (id integer PRIMARY KEY, chatroom_id bigint, user_id integer);
INSERT INTO chat_rooms_participants (chatroom_id, user_id) VALUES (3, 12), (3, NULL), (3, 7), (5, 7), (5, 8);
DROP TABLE chat_rooms;
CREATE TABLE chat_rooms (id integer PRIMARY KEY, name varchar(255), is_group bool, created_at datetime);
INSERT INTO chat_rooms VALUES (3, 'Team', 1, '2024-01-15 09:00:00'), (5, '', NULL, '2024-01-15 09:30:00'), (6, '', 0, NULL);
INSERT INTO chat_messages VALUES (50, 3, 7, 'of no time', 'text', 'sent', 'infinity');"#;
    let file = django("unusable", more).await;
    let store = Arc::new(MemoryStore::default());
    let (report, ended) = import(&store, &mut Tables::sqlite(&file).await.unwrap()).await;
    assert!(ended, "{report}");
    assert_eq!(
        report.lines().collect::<Vec<_>>(),
        [
            "rooms:    2 stored, 0 present, 0 different, 1 skipped",
            "messages: 4 stored, 0 present, 0 different, 2 skipped",
            "- participant of room 3: it has no user_id",
            "- message 50: its id, sender_id or created_at is none that can be",
            "- room 6: its id or created_at is none that can be",
            "- 1 messages are in no room that was read, or have no time",
        ]
    );
}

#[tokio::test]
async fn a_file_is_not_taken_over_into_itself() {
    let old = django("itself", "").await;
    let link = old.with_file_name("link.db");
    std::os::unix::fs::symlink(&old, &link).unwrap();
    let sqlite = |path: &PathBuf| Database::Sqlite(path.clone());
    let from = Origin::Tables(sqlite(&old));
    for into in [&old, &link] {
        let refused = apart(&from, &sqlite(into)).unwrap_err().to_string();
        assert!(refused.starts_with("--from and --into are the same file"), "{refused}");
    }
    apart(&from, &sqlite(&old.with_file_name("new.db"))).unwrap();
    apart(&from, &Database::Memory).unwrap();
}
