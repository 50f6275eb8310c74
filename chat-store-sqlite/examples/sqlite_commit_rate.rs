//! How many sends a second one writer commits, in batches as the engine makes them.
//!
//! ```sh
//! cargo run --release -p chat-store-sqlite --example sqlite_commit_rate -- [normal|full] [rooms] [batch] [batches] [file]
//! ```

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use chat_core::{
    model::{ClientId, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Timestamp, UserId},
    store::{Actor, Change, ChangeBody, LogStore as _, NewMessage, NewRoom, Outcome, Require},
};
use chat_store_sqlite::{SqliteOptions, SqliteStore, Synchronous};

/// What is sent: 100 characters.
const CONTENT: &str =
    "The quick brown fox jumps over the lazy dog, and then it sits down and thinks about it for a while..";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let synchronous = match arguments.next().as_deref() {
        Some("full") => Synchronous::Full,
        _ => Synchronous::Normal,
    };
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (rooms, batch, batches) = (number(16)?, number(256)?, number(200)?);
    let scratch = env::temp_dir().join(format!("sqlite_commit_rate-{}.db", std::process::id()));
    let file = arguments.next().map_or(scratch, PathBuf::from);

    let store = SqliteStore::open(&file, SqliteOptions::default().synchronous(synchronous)).await?;
    let user = UserId::new("somebody")?;
    let mut made = Vec::new();
    for answer in store.commit((0..rooms).map(|_| create(&user)).collect()).await? {
        made.push(answer?.event().ok_or("no event")?.room);
    }
    let mut times = Vec::with_capacity(batches);
    let begin = Instant::now();
    for n in 0..batches {
        let changes: Vec<Change> = (0..batch)
            .map(|i| send(made[i % made.len()], &user, n * batch + i))
            .collect::<Result<_, Box<dyn Error>>>()?;
        let started = Instant::now();
        let answers = store.commit(changes).await?;
        times.push(started.elapsed());
        if !answers.iter().all(|answer| matches!(answer, Ok(Outcome::Applied(_)))) {
            return Err("not every send was applied".into());
        }
    }
    let whole = begin.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let busy: Duration = times.iter().sum();
    let rate = |time: Duration| (batch * batches) as f64 / time.as_secs_f64();
    writeln!(
        io::stdout(),
        "{synchronous:?}, {rooms} rooms, {batches} batches of {batch}: {:.0} sends/s ({:.0} in commit alone); \
         a commit p50 {:?} p99 {:?} max {:?}",
        rate(whole),
        rate(busy),
        at(50),
        at(99),
        at(100),
    )?;
    store.close().await;
    for end in ["", "-wal", "-shm"] {
        let mut path = file.clone().into_os_string();
        path.push(end);
        // The last two are gone where the store was closed well.
        _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn create(maker: &UserId) -> Change {
    Change {
        room: None,
        actor: Actor::User(maker.clone()),
        at: Timestamp::from_micros(1),
        require: Require::NOTHING,
        body: ChangeBody::Create(NewRoom {
            kind: RoomKind::Group,
            name: None,
            metadata: Metadata::default(),
            subject: None,
            history: HistoryMode::All,
            members: vec![(maker.clone(), Role::Owner)],
            client_id: None,
        }),
    }
}

fn send(room: RoomId, sender: &UserId, n: usize) -> Result<Change, Box<dyn Error>> {
    Ok(Change {
        room: Some(room),
        actor: Actor::User(sender.clone()),
        at: Timestamp::from_micros(i64::try_from(n)?),
        require: Require::WRITER,
        body: ChangeBody::Send(NewMessage {
            client_id: ClientId::new(format!("0190c2f0-0000-7000-8000-{n:012}"))?,
            digest: [7; 16],
            kind: MessageKind::text(),
            content: CONTENT.to_owned(),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }),
    })
}
