//! A commit: load, judge, write where the rooms are still so; again for those that are not.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    time::Duration,
};

use chat_core::{
    model::RoomId,
    store::{Change, ChangeBody, Outcome, Refusal, StoreError, StoreErrorKind, decide::decide_all},
};
use tokio::time::{Instant, sleep};

use crate::{
    batch::Batch,
    error::{Kind, Stage, failed, failed_at, kind},
    load::Wanted,
    settle::Settled,
    store::{Link, PostgresStore},
    write::{self, Wait, Written},
};

pub(crate) type Answer = Result<Outcome, Refusal>;

/// How long rooms are judged again and again that others write to at the same time.
const AGAIN: Duration = Duration::from_secs(2);

/// Between two tries, the longer the more there were.
const BETWEEN: Duration = Duration::from_micros(300);

const OPERATION: &str = "commit";

/// Commits `changes`, each room's wholly or not at all at a time.
///
/// What is stored stays stored: where a later part fails for now, its changes are answered as held, since nothing of
/// them is stored and they are to be asked again.
pub(crate) async fn commit(
    store: &PostgresStore,
    changes: Vec<Change>,
    wait: Wait,
) -> Result<Vec<Answer>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    // Before there is a connection to keep. Who finds no place asks once more, as one who does not wait.
    let place = match wait {
        Wait::Patiently => store.patience().place().await,
        Wait::No | Wait::AsHost => None,
    };
    let wait = if wait == Wait::Patiently && place.is_none() { Wait::No } else { wait };
    let mut run = Run {
        store,
        wait,
        link: store.link(OPERATION).await?,
        deadline: Instant::now() + AGAIN + if wait == Wait::Patiently { AGAIN } else { Duration::ZERO },
        answers: changes.iter().map(|_| None).collect(),
        held: HashSet::new(),
        fresh: HashSet::new(),
        stored: false,
    };
    let parts = parts(&changes);
    let mut changes = changes.into_iter();
    for part in parts {
        let of_part = changes.by_ref().take(part.len()).collect();
        if let Err(error) = run.part(Open { indices: part.collect(), changes: of_part }).await {
            return run.failed(error);
        }
    }
    Ok(run.finish())
}

/// Runs of changes that can be judged at once. The end of a room is by itself: the keys that it frees are free for the
/// changes after it.
pub(crate) fn parts(changes: &[Change]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut after_end = true;
    for (index, change) in changes.iter().enumerate() {
        let is_end = matches!(change.body, ChangeBody::DeleteRoom);
        match parts.last_mut() {
            Some(part) if !is_end && !after_end => part.end = index + 1,
            _ => parts.push(index..index + 1),
        }
        after_end = is_end;
    }
    parts
}

/// Changes without an answer as yet, and where in the batch they are.
struct Open {
    indices: Vec<usize>,
    changes: Vec<Change>,
}

/// What the rules look at, and of which rooms it was remembered.
struct View {
    batch: Batch,
    recalled: HashSet<RoomId>,
}

struct Run<'s> {
    store: &'s PostgresStore,
    wait: Wait,
    link: Link,
    deadline: Instant,
    answers: Vec<Option<Answer>>,
    /// Rooms that someone else holds: nothing of them is stored from then on.
    held: HashSet<RoomId>,
    /// Rooms that are not as they were remembered: to be looked at.
    fresh: HashSet<RoomId>,
    /// Whether anything is.
    stored: bool,
}

impl Run<'_> {
    async fn part(&mut self, mut open: Open) -> Result<(), StoreError> {
        let mut tries: u32 = 0;
        loop {
            open = self.without_held(open);
            if open.changes.is_empty() {
                return Ok(());
            }
            if tries > 0 && Instant::now() >= self.deadline {
                return Err(StoreError::new(StoreErrorKind::Unavailable, OPERATION)
                    .with_source("others wrote to the same rooms all the time"));
            }
            // The second try is of what was remembered wrongly, mostly.
            if tries > 1 {
                sleep(BETWEEN * tries.min(20)).await;
            }
            let mut view = self.view(&open.changes).await?;
            let (answers, _) = decide_all(&mut view.batch, &open.changes);
            if let Some(fault) = view.batch.fault {
                return Err(StoreError::new(StoreErrorKind::Internal, OPERATION).with_source(fault));
            }
            if self.doubts(&view.recalled, &open.changes, &answers) {
                continue;
            }
            tries += 1;
            let Some(written) = self.write(&view.batch).await? else { continue };
            open = self.settle(open, answers, &view.batch, &written);
        }
    }

    /// Whether one who was refused on what was remembered is to be judged on what is.
    fn doubts(&mut self, recalled: &HashSet<RoomId>, changes: &[Change], answers: &[Answer]) -> bool {
        let doubted: Vec<RoomId> = changes
            .iter()
            .zip(answers)
            .filter(|(_, answer)| !matches!(answer, Ok(Outcome::Applied(_) | Outcome::Repeat(_))))
            .filter_map(|(change, _)| change.room.filter(|room| recalled.contains(room)))
            .collect();
        self.fresh.extend(&doubted);
        !doubted.is_empty()
    }

    /// Answers what is about rooms that are held.
    fn without_held(&mut self, open: Open) -> Open {
        if self.held.is_empty() {
            return open;
        }
        let mut left = Open { indices: Vec::new(), changes: Vec::new() };
        for (index, change) in open.indices.into_iter().zip(open.changes) {
            if change.room.is_some_and(|room| self.held.contains(&room)) {
                self.answers[index] = Some(Err(Refusal::Held));
            } else {
                left.indices.push(index);
                left.changes.push(change);
            }
        }
        left
    }

    /// What the rules look at: what is remembered, and the rest from the database.
    async fn view(&mut self, changes: &[Change]) -> Result<View, StoreError> {
        let mut by_room: BTreeMap<RoomId, Vec<&Change>> = BTreeMap::new();
        // Who asks for a room to be made may be answered with one of them, as a whole.
        let makes_none = changes.iter().all(|change| change.room.is_some());
        for change in changes.iter().filter(|_| makes_none) {
            if let Some(room) = change.room.filter(|room| !self.fresh.contains(room)) {
                by_room.entry(room).or_default().push(change);
            }
        }
        let cache = self.store.cache();
        let recalled =
            by_room.iter().filter_map(|(room, changes)| Some((*room, cache.recall(*room, changes)?)));
        let recalled: Vec<_> = recalled.collect();
        let rooms: HashSet<RoomId> = recalled.iter().map(|(room, _)| *room).collect();
        let left = changes.iter().filter(|change| change.room.is_none_or(|room| !rooms.contains(&room)));
        let mut batch = self.load(&Wanted::of(left)).await?;
        batch.rooms.extend(recalled);
        Ok(View { batch, recalled: rooms })
    }

    async fn load(&mut self, wanted: &Wanted) -> Result<Batch, StoreError> {
        if wanted.is_empty() {
            return Ok(Batch::default());
        }
        let asked = wanted.ask(self.store).map_err(failed(OPERATION))?;
        let rows = self.link.read(asked).await.map_err(failed(OPERATION))?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(failed(OPERATION))?;
        let files = match wanted.ask_files(self.store) {
            Some(asked) => self.link.read(asked).await.map_err(failed(OPERATION))?,
            None => Vec::new(),
        };
        let batch = wanted.read(row, &files).map_err(failed(OPERATION))?;
        self.store.cache().learn(wanted, &batch);
        Ok(batch)
    }

    /// What became of the rooms that are to be written; none where it is to be tried again.
    async fn write(&mut self, batch: &Batch) -> Result<Option<Written>, StoreError> {
        if batch.pending.touched.is_empty() {
            return Ok(Some(Written::default()));
        }
        let asked = write::ask(self.store, batch, self.wait).map_err(failed(OPERATION))?;
        let (rows, stage) = self.link.write(asked).await;
        let rows = match rows {
            Ok(rows) => rows,
            // The database undid it.
            Err(error) if kind(&error) == Kind::Again => return Ok(None),
            Err(error) if kind(&error) == Kind::Held => {
                let held = batch.pending.touched.iter().copied().collect();
                return Ok(Some(Written { held, ..Written::default() }));
            }
            Err(error) => return Err(failed_at(OPERATION, stage)(error)),
        };
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        let written = row.and_then(|row| Written::read(row, batch));
        // It is stored, whatever it says.
        let written = written.map_err(failed_at(OPERATION, Stage::Sent))?;
        self.stored |= !written.rooms.is_empty();
        Ok(Some(written))
    }

    /// Notes the answers that are final; gives what is to be judged again.
    fn settle(&mut self, open: Open, answers: Vec<Answer>, batch: &Batch, written: &Written) -> Open {
        let mut left = Open { indices: Vec::new(), changes: Vec::new() };
        for room in &batch.pending.touched {
            // Not as it was known, or not any more.
            if batch.pending.exact.contains(room) || !written.rooms.contains_key(room) {
                self.store.cache().forget(*room);
            }
        }
        self.held.extend(written.held.iter().filter(|room| !batch.pending.created.contains(room)));
        for ((index, change), mut answer) in open.indices.into_iter().zip(open.changes).zip(answers) {
            let room = written_room(&change, &answer, batch);
            let found = room.and_then(|room| settled(room, batch, written));
            if let (Some(settled), Ok(outcome)) = (&found, &mut answer) {
                settled.outcome(outcome);
            }
            let is_held = room.is_some_and(|room| written.held.contains(&room));
            if is_held {
                self.answers[index] = Some(Err(Refusal::Held));
            } else if room.is_some() && found.is_none() {
                self.fresh.extend(room);
                left.indices.push(index);
                left.changes.push(change);
            } else {
                self.answers[index] = Some(answer);
            }
        }
        left
    }

    /// The answers where the rest failed.
    fn failed(self, error: StoreError) -> Result<Vec<Answer>, StoreError> {
        match error.kind() {
            _ if !self.stored => Err(error),
            StoreErrorKind::Unavailable => Ok(self.finish()),
            StoreErrorKind::Unknown => Err(error),
            _ => Err(StoreError::new(StoreErrorKind::Unknown, OPERATION).with_source(error)),
        }
    }

    fn finish(self) -> Vec<Answer> {
        self.answers.into_iter().map(|answer| answer.unwrap_or(Err(Refusal::Held))).collect()
    }
}

/// How the answers of a room that was written are settled.
pub(crate) fn settled<'w>(room: RoomId, batch: &Batch, written: &'w Written) -> Option<Settled<'w>> {
    let (done, state) = (written.rooms.get(&room)?, batch.rooms.get(&room)?);
    Some(Settled { room: *done, base: state.base, written })
}

/// The room that an answer hangs on, where anything is to be written of it: the change's, or the one that it makes.
pub(crate) fn written_room(change: &Change, answer: &Answer, batch: &Batch) -> Option<RoomId> {
    let made = || answer.as_ref().ok().and_then(Outcome::event).map(|event| event.room);
    change.room.or_else(made).filter(|room| batch.pending.touched.contains(room))
}
