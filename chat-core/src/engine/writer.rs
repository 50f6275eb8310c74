//! The writer: the one way of changes into the store, in batches, in order for each room.
//!
//! A room is always in the same lane. While a lane's commit is under way its next batch collects.

use std::{sync::Arc, time::Duration};

use futures::poll;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Inner, guarded,
    held::{HeldRooms, Place},
    intake::InFlight,
    metrics,
    pump::BackOfQueue,
    replies::Replies,
    room_log::Heard,
};
use crate::{
    bus::{Payload, Topic},
    error::{Error, ErrorCode},
    event::{Event, EventBody},
    model::{RoomId, Seq},
    protocol::FrameId,
    store::{Change, ChangeBody, Outcome, Refusal, StoreError, StoreErrorKind},
};

/// Tries of a batch whose outcome is unknown and that may be repeated.
const TRIES: u32 = 3;

/// Between them.
const RETRY: Duration = Duration::from_millis(100);

/// What the last try has, where those before it took all the time there is: enough to learn from a store that answers
/// again what became of them.
const LAST_TRY: Duration = Duration::from_secs(1);

/// A change on its way, and who waits for it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) change: Change,
    pub(crate) done: Done,
}

/// Who is told what came of a change.
#[derive(Debug)]
pub(crate) enum Done {
    /// A call.
    Call(oneshot::Sender<Result<Outcome, Error>>),
    /// A connection's command.
    Frame { flight: InFlight, id: Option<FrameId> },
}

/// Whether a commit waits for those who hold its rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    No,
    Yes,
}

/// The lanes' queues.
#[derive(Debug)]
pub(crate) struct Writer {
    lanes: Vec<mpsc::Sender<Job>>,
}

/// A lane's end, to be given to [`Inner::run_lane`].
pub(crate) type Lane = mpsc::Receiver<Job>;

impl Writer {
    pub(crate) fn new(lanes: usize, queue_max: usize) -> (Self, Vec<Lane>) {
        let (senders, receivers) = (0..lanes.max(1)).map(|_| mpsc::channel(queue_max)).unzip();
        (Self { lanes: senders }, receivers)
    }

    fn lane(&self, room: Option<RoomId>) -> &mpsc::Sender<Job> {
        // Rooms to be made have no order among each other; they share one lane.
        let at = room.map_or(0, |room| usize::try_from(room.get()).unwrap_or(0) % self.lanes.len());
        &self.lanes[at]
    }

    /// Puts a change into its lane, behind those before it.
    pub(crate) fn push(&self, job: Job) {
        if let Err(error) = self.lane(job.change.room).try_send(job) {
            let (job, message) = match error {
                mpsc::error::TrySendError::Full(job) => {
                    (job, "too much is being written; nothing was stored")
                }
                mpsc::error::TrySendError::Closed(job) => {
                    (job, "the engine is shutting down; nothing was stored")
                }
            };
            metrics::lane_full();
            job.done.tell(Err(Error::new(ErrorCode::Unavailable, message)));
        }
    }

    /// Puts a change into its lane and waits for what comes of it.
    pub(crate) async fn call(&self, change: Change) -> Result<Outcome, Error> {
        let (sender, receiver) = oneshot::channel();
        self.push(Job { change, done: Done::Call(sender) });
        receiver.await.unwrap_or_else(|_| Err(unknown()))
    }
}

impl Inner {
    /// Works a lane off until the engine ends, then what is left in it.
    pub(crate) async fn run_lane(self: Arc<Self>, mut lane: Lane) {
        let mut jobs = Vec::with_capacity(self.limits.batch_changes_max);
        let held = HeldRooms::new(self.limits.lane_queue_max);
        let mut left = None;
        loop {
            if let Some(job) = left.take() {
                place(&held, job, &mut jobs);
            }
            if jobs.is_empty() {
                tokio::select! {
                    biased;
                    job = lane.recv() => match job {
                        Some(job) => place(&held, job, &mut jobs),
                        None => return,
                    },
                    () = self.lanes_end.cancelled() => lane.close(),
                }
            }
            let mut bytes: usize = jobs.iter().map(|job| job.change.size()).sum();
            while jobs.len() < self.limits.batch_changes_max {
                let Ok(job) = lane.try_recv() else { break };
                bytes += job.change.size();
                if bytes > self.limits.batch_bytes_max && !jobs.is_empty() {
                    left = Some(job);
                    break;
                }
                place(&held, job, &mut jobs);
            }
            if !jobs.is_empty() {
                metrics::lane_waiting(lane.len());
                let answered_held = self.commit(&mut jobs, Waits::No).await;
                if !answered_held.is_empty() {
                    self.wait_for_held(&held, answered_held);
                }
                // A store that answers at once would let batch follow batch, and nobody be given anything.
                BackOfQueue::default().await;
            }
        }
    }

    /// Starts what waits for those who hold rooms.
    fn wait_for_held(self: &Arc<Self>, held: &HeldRooms, jobs: Vec<Job>) {
        metrics::held(jobs.len());
        let (mut of_rooms, mut others) = (Vec::new(), Vec::new());
        for job in jobs {
            match job.change.room {
                Some(room) => of_rooms.push((room, job)),
                None => others.push(job),
            }
        }
        for room in held.keep(of_rooms) {
            let (engine, held) = (Arc::clone(self), held.clone());
            self.spawn(async move {
                loop {
                    let mut jobs = held.take(room, engine.limits.batch_changes_max);
                    if jobs.is_empty() {
                        return;
                    }
                    engine.commit(&mut jobs, Waits::Yes).await;
                }
            });
        }
        // Rooms that are yet to be made have no order among each other: nothing has to wait behind them.
        if !others.is_empty() {
            let engine = Arc::clone(self);
            self.spawn(async move { engine.commit(&mut others, Waits::Yes).await });
        }
    }

    /// Commits what is in `jobs` and tells who waits for it. Gives back, in order, what was not stored because its
    /// room is held, where nobody waited for that.
    async fn commit(self: &Arc<Self>, jobs: &mut Vec<Job>, waits: Waits) -> Vec<Job> {
        let (changes, waiting): (Vec<_>, Vec<_>) = jobs.drain(..).map(|job| (job.change, job.done)).unzip();
        let started = Instant::now();
        let count = changes.len();
        match self.commit_surely(&changes, waits).await {
            Ok((answers, tries)) if answers.len() == waiting.len() => {
                metrics::committed(count, started.elapsed());
                self.answered(changes, waiting, answers, tries, waits)
            }
            Ok((answers, _)) => {
                tracing::error!(
                    asked = waiting.len(),
                    answered = answers.len(),
                    "store broke the contract of commit"
                );
                waiting.into_iter().for_each(|done| done.tell(Err(unknown())));
                Vec::new()
            }
            Err(error) => {
                tracing::warn!(%error, changes = count, "commit failed");
                for done in waiting {
                    done.tell(Err(again(&error)));
                }
                Vec::new()
            }
        }
    }

    fn answered(
        self: &Arc<Self>,
        changes: Vec<Change>,
        waiting: Vec<Done>,
        answers: Vec<Result<Outcome, Refusal>>,
        tries: u32,
        waits: Waits,
    ) -> Vec<Job> {
        let mut held = Vec::new();
        let mut told = Vec::with_capacity(answers.len());
        let mut still_waiting = Vec::with_capacity(answers.len());
        for ((change, done), answer) in changes.into_iter().zip(waiting).zip(answers) {
            let is_send = matches!(change.body, ChangeBody::Send(_));
            told.push(match answer {
                Err(Refusal::Held) if tries == 1 && waits == Waits::No => {
                    held.push(Job { change, done });
                    continue;
                }
                // Nothing of the first try can be stored under this key, or at all.
                Err(refusal @ (Refusal::BodyMismatch | Refusal::Invalid { .. })) if is_send => {
                    Err(refusal.into())
                }
                // Perhaps the first try stored it and this is what came of that; or it is still under way, and will be
                // stored where the reason is gone by then. Whoever sends again under the key is told.
                Err(_) if tries > 1 => Err(unknown()),
                answer => answer.map_err(Error::from),
            });
            still_waiting.push(done);
        }
        self.committed(told, still_waiting, tries);
        held
    }

    /// Commits; repeats a batch whose outcome is unknown where repeating it does no more than doing it once, all within
    /// the time of one commit and a last try. Says how often it tried.
    async fn commit_surely(
        &self,
        changes: &[Change],
        waits: Waits,
    ) -> Result<(Vec<Result<Outcome, Refusal>>, u32), StoreError> {
        let tries = if changes.iter().all(Change::is_idempotent) { TRIES } else { 1 };
        let mut unknown = None;
        let ends = Instant::now() + self.limits.store_timeout;
        for tried in 1..=tries {
            let left = ends.saturating_duration_since(Instant::now());
            let time = left.max(LAST_TRY.min(self.limits.store_timeout));
            match self.commit_once(changes.to_vec(), waits, time).await {
                Ok(answers) => return Ok((answers, tried)),
                Err(error) if error.kind() == StoreErrorKind::Unknown => unknown = Some(error),
                // Not stored by this try; but perhaps by one before.
                Err(error) if unknown.is_none() => return Err(error),
                Err(_) => {}
            }
            if tried == tries || time > left {
                break;
            }
            tokio::time::sleep(RETRY).await;
        }
        Err(unknown.unwrap_or_else(|| StoreError::new(StoreErrorKind::Unknown, "commit")))
    }

    /// One commit, never dropped half-way: what is not done at once goes on in a task of its own.
    async fn commit_once(
        &self,
        changes: Vec<Change>,
        waits: Waits,
        time: Duration,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let store = Arc::clone(&self.store);
        let call = async move {
            match waits {
                Waits::No => store.commit(changes).await,
                Waits::Yes => store.commit_held(changes).await,
            }
        };
        // A panic says no more than a lost answer: and it must end neither the lane nor what waits for held rooms.
        let mut commit = Box::pin(async move {
            let panicked =
                |panicked| Err(StoreError::new(StoreErrorKind::Unknown, "commit").with_source(panicked));
            guarded::caught(guarded::STORE, call).await.unwrap_or_else(panicked)
        });
        let result = match poll!(commit.as_mut()) {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => {
                let task = self.spawn(commit);
                match tokio::time::timeout(time, task).await {
                    Ok(Ok(result)) => result,
                    Ok(Err(ended)) => {
                        Err(StoreError::new(StoreErrorKind::Unknown, "commit").with_source(ended))
                    }
                    Err(late) => Err(StoreError::new(StoreErrorKind::Unknown, "commit").with_source(late)),
                }
            }
        };
        if let Err(error) = &result {
            metrics::store_failed(error);
        }
        result
    }

    /// Makes what was committed visible, tells who waits, and tells other nodes.
    fn committed(self: &Arc<Self>, answers: Vec<Result<Outcome, Error>>, waiting: Vec<Done>, tries: u32) {
        let mut events: Vec<Arc<Event>> = Vec::with_capacity(answers.len());
        let mut replies = Replies::default();
        let mut heads: Vec<(RoomId, Seq)> = Vec::new();
        for (answer, done) in answers.into_iter().zip(waiting) {
            match &answer {
                Ok(Outcome::Applied(event)) => events.push(Arc::new(event.clone())),
                // Perhaps of this batch's first try, whose answer was lost: told by nobody as yet.
                Ok(Outcome::Repeat(event)) if tries > 1 => heads.push((event.room, event.seq)),
                _ => {}
            }
            replies.add(answer, done);
        }
        // Stable: the order within a room is the log's.
        events.sort_by_key(|event| event.room);
        for of_room in events.chunk_by(|a, b| a.room == b.room) {
            if let Some(room) = self.rooms.get(of_room[0].room) {
                room.hear_all(self, of_room);
            }
        }
        for (id, seq) in &heads {
            if let Some(room) = self.rooms.get(*id) {
                room.hear(self, Heard::Head(*seq));
            }
        }
        replies.tell();
        for (room, seq) in heads {
            self.link.bus.publish(Topic::Room(room), Payload::Head(room, seq));
        }
        for event in events {
            self.changed_rooms_of(&event);
            self.after(&event);
            self.link.bus.publish(Topic::Room(event.room), Payload::Event(event));
        }
    }

    /// Tells users that their set of rooms changed.
    pub(crate) fn changed_rooms_of(self: &Arc<Self>, event: &Event) {
        let tell = |user: &crate::model::UserId| {
            self.user_rooms_changed(user);
            self.link.bus.publish(Topic::User(user.clone()), Payload::RoomSet(user.clone()));
        };
        match &event.body {
            EventBody::RoomCreated { members, .. } => members.iter().for_each(|member| tell(&member.user)),
            EventBody::MemberJoined { member } => tell(&member.user),
            EventBody::MemberLeft { user, .. } => tell(user),
            _ => {}
        }
    }
}

/// Puts a change into the next batch, or behind those that wait for its room.
fn place(held: &HeldRooms, job: Job, batch: &mut Vec<Job>) {
    match held.place(job) {
        Place::Lane(job) => batch.push(job),
        Place::Waits => {}
        Place::Full(job) => {
            metrics::lane_full();
            job.done.tell(Err(Refusal::Held.into()));
        }
    }
}

impl Done {
    /// Tells one outcome by itself.
    pub(crate) fn tell(self, result: Result<Outcome, Error>) {
        let mut replies = Replies::default();
        replies.add(result, self);
        replies.tell();
    }
}

fn unknown() -> Error {
    StoreError::new(StoreErrorKind::Unknown, "commit").into()
}

/// The same failure for each change of a batch.
fn again(error: &StoreError) -> Error {
    StoreError::new(error.kind(), error.operation()).into()
}
