//! Rooms of a lane that someone else holds: another node, or a transaction of the host.
//!
//! Their changes leave the lane, so that its other rooms go on, and wait by themselves; what is asked of such a room
//! meanwhile waits behind them, so that a connection's commands stay in order.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;

use super::writer::Job;
use crate::model::RoomId;

/// The held rooms of one lane.
#[derive(Clone, Debug)]
pub(crate) struct HeldRooms {
    rooms: Arc<Mutex<Rooms>>,
    jobs_max: usize,
}

#[derive(Debug, Default)]
struct Rooms {
    /// What waits for each; an entry stands as long as a task works on it.
    waiting: HashMap<RoomId, VecDeque<Job>>,
    jobs: usize,
}

/// Where a change belongs.
#[derive(Debug)]
pub(crate) enum Place {
    /// Into the lane's next batch.
    Lane(Job),
    /// It waits behind those of its room.
    Waits,
    /// Too many wait already.
    Full(Job),
}

impl HeldRooms {
    /// No room is held; at most `jobs_max` changes may come to wait.
    pub(crate) fn new(jobs_max: usize) -> Self {
        Self { rooms: Arc::default(), jobs_max }
    }

    /// Puts a change behind those of its room that wait, if any do.
    pub(crate) fn place(&self, job: Job) -> Place {
        let mut rooms = self.rooms.lock();
        let full = rooms.jobs >= self.jobs_max;
        match job.change.room.and_then(|room| rooms.waiting.get_mut(&room)) {
            None => Place::Lane(job),
            Some(_) if full => Place::Full(job),
            Some(waiting) => {
                waiting.push_back(job);
                rooms.jobs += 1;
                Place::Waits
            }
        }
    }

    /// Keeps changes of one batch that were held, in order. Gives the rooms for which a task is to be started.
    pub(crate) fn keep(&self, held: impl IntoIterator<Item = (RoomId, Job)>) -> Vec<RoomId> {
        let mut rooms = self.rooms.lock();
        let mut new = Vec::new();
        for (room, job) in held {
            rooms.jobs += 1;
            match rooms.waiting.entry(room) {
                Entry::Occupied(mut waiting) => waiting.get_mut().push_back(job),
                Entry::Vacant(entry) => {
                    entry.insert(VecDeque::new()).push_back(job);
                    new.push(room);
                }
            }
        }
        new
    }

    /// The next changes of a held room, at most `max`; none: the room is the lane's again.
    pub(crate) fn take(&self, room: RoomId, max: usize) -> Vec<Job> {
        let mut rooms = self.rooms.lock();
        let Some(waiting) = rooms.waiting.get_mut(&room) else { return Vec::new() };
        let count = waiting.len().min(max.max(1));
        let jobs: Vec<Job> = waiting.drain(..count).collect();
        if jobs.is_empty() {
            rooms.waiting.remove(&room);
        }
        rooms.jobs -= jobs.len();
        jobs
    }
}
