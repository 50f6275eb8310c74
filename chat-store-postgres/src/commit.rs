//! A commit: load, judge, write where the rooms are still so; again for those that are not.

use std::{collections::HashSet, ops::Range, time::Duration};

use chat_core::{
    model::RoomId,
    store::{
        Change, ChangeBody, Outcome, Refusal, StoreError, StoreErrorKind,
        decide::decide_all,
    },
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
    let mut run = Run {
        store,
        wait,
        link: store.link(OPERATION).await?,
        deadline: Instant::now() + AGAIN + if wait == Wait::Patiently { AGAIN } else { Duration::ZERO },
        answers: changes.iter().map(|_| None).collect(),
        held: HashSet::new(),
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

struct Run<'s> {
    store: &'s PostgresStore,
    wait: Wait,
    link: Link,
    deadline: Instant,
    answers: Vec<Option<Answer>>,
    /// Rooms that someone else holds: nothing of them is stored from then on.
    held: HashSet<RoomId>,
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
            if tries > 0 {
                if Instant::now() >= self.deadline {
                    return Err(StoreError::new(StoreErrorKind::Unavailable, OPERATION)
                        .with_source("others wrote to the same rooms all the time"));
                }
                sleep(BETWEEN * tries.min(20)).await;
            }
            tries += 1;
            let mut batch = self.load(&open.changes).await?;
            let (answers, _) = decide_all(&mut batch, &open.changes);
            if let Some(fault) = batch.fault {
                return Err(StoreError::new(StoreErrorKind::Internal, OPERATION).with_source(fault));
            }
            let Some(written) = self.write(&batch).await? else { continue };
            open = self.settle(open, answers, &batch, &written);
        }
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

    async fn load(&mut self, changes: &[Change]) -> Result<Batch, StoreError> {
        let wanted = Wanted::of(changes.iter());
        if wanted.is_empty() {
            return Ok(Batch::default());
        }
        let asked = wanted.ask(self.store).map_err(failed(OPERATION))?;
        let rows = self.link.read(asked).await.map_err(failed(OPERATION))?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(failed(OPERATION))?;
        wanted.read(row).map_err(failed(OPERATION))
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
        self.held.extend(written.held.iter().filter(|room| !batch.pending.created.contains(room)));
        for ((index, change), mut answer) in open.indices.into_iter().zip(open.changes).zip(answers) {
            let room = match (&change.room, &answer) {
                (Some(room), _) => Some(*room),
                (None, Ok(outcome)) => outcome.event().map(|event| event.room),
                (None, Err(_)) => None,
            };
            let room = room.filter(|room| batch.pending.touched.contains(room));
            let found = room.and_then(|room| Some((written.rooms.get(&room)?, batch.rooms.get(&room)?)));
            if let (Some((done, state)), Ok(outcome)) = (found, &mut answer) {
                Settled { room: *done, base: state.base, written }.outcome(outcome);
            }
            let is_held = room.is_some_and(|room| written.held.contains(&room));
            if is_held {
                self.answers[index] = Some(Err(Refusal::Held));
            } else if room.is_some() && found.is_none() {
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
