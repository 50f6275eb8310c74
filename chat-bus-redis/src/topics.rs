//! What a node is subscribed to, and what it has to do about it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use chat_core::bus::Topic;
use tokio::time::Instant;

use crate::names::Names;

/// Subscriptions ended in one round.
const RELEASED_MAX: usize = 4_096;

/// The subscriptions of a node. Bounded by what the engine subscribes to, and what it ended within the grace.
#[derive(Debug)]
pub(crate) struct Topics {
    names: Arc<Names>,
    entries: HashMap<Arc<str>, Entry>,
    /// Channels that Redis has not been asked for, each once.
    missing: HashSet<Arc<str>>,
    /// Ended subscriptions, the first first; some may have been made again.
    released: VecDeque<(Instant, Arc<str>)>,
    /// Goes up with each call that has to wait.
    ticket: u64,
}

#[derive(Debug)]
struct Entry {
    topic: Topic,
    /// When it was ended, where it was: nothing is delivered then.
    released_at: Option<Instant>,
    is_confirmed: bool,
    /// Whoever subscribed was told that it failed.
    is_late: bool,
}

impl Topics {
    pub(crate) fn new(names: Arc<Names>) -> Self {
        let (entries, missing) = (HashMap::new(), HashSet::new());
        Self { names, entries, missing, released: VecDeque::new(), ticket: 0 }
    }

    /// Wants topics; the ticket to wait for, where there is anything to wait for.
    pub(crate) fn want(&mut self, topics: &[Topic]) -> Option<u64> {
        let mut waits = false;
        for topic in topics {
            let channel: Arc<str> = self.names.channel(topic).into();
            match self.entries.get_mut(&channel) {
                Some(entry) => {
                    entry.released_at = None;
                    waits |= !entry.is_confirmed;
                }
                None => {
                    let entry = Entry {
                        topic: topic.clone(),
                        released_at: None,
                        is_confirmed: false,
                        is_late: false,
                    };
                    self.entries.insert(Arc::clone(&channel), entry);
                    self.missing.insert(channel);
                    waits = true;
                }
            }
        }
        if !waits {
            return None;
        }
        self.ticket += 1;
        Some(self.ticket)
    }

    /// Wants topics no more. Redis is told when the grace is over.
    pub(crate) fn release(&mut self, topics: &[Topic], now: Instant) {
        for topic in topics {
            let channel: Arc<str> = self.names.channel(topic).into();
            if let Some(entry) = self.entries.get_mut(&channel)
                && entry.released_at.is_none()
            {
                entry.released_at = Some(now);
                self.released.push_back((now, channel));
            }
        }
    }

    /// The topic of a channel, where messages on it are wanted.
    pub(crate) fn wanted(&self, channel: &str) -> Option<Topic> {
        let entry = self.entries.get(channel)?;
        entry.released_at.is_none().then(|| entry.topic.clone())
    }

    /// What Redis is to be asked for now, and the ticket that this settles once confirmed; none under other names.
    pub(crate) fn take_missing(&mut self, names: &Arc<Names>) -> Option<(Vec<Arc<str>>, u64)> {
        Arc::ptr_eq(names, &self.names).then(|| (self.missing.drain().collect(), self.ticket))
    }

    /// Redis has confirmed; those topics whose subscriber did not wait for it.
    pub(crate) fn confirm(&mut self, channels: &[Arc<str>]) -> Vec<Topic> {
        let mut late = Vec::new();
        for channel in channels {
            if let Some(entry) = self.entries.get_mut(channel) {
                entry.is_confirmed = true;
                if mem::take(&mut entry.is_late) {
                    late.push(entry.topic.clone());
                }
            }
        }
        late
    }

    /// Whoever subscribed waits no more; whether it would have had to, and is to be told later.
    pub(crate) fn give_up(&mut self, topics: &[Topic]) -> bool {
        let mut gave_up = false;
        for topic in topics {
            if let Some(entry) = self.entries.get_mut(self.names.channel(topic).as_str())
                && !entry.is_confirmed
            {
                entry.is_late = true;
                gave_up = true;
            }
        }
        gave_up
    }

    /// What Redis is to be told to end, for nobody wanted it for the whole grace.
    pub(crate) fn take_released(&mut self, grace: Duration, now: Instant) -> Vec<Arc<str>> {
        let mut ended = Vec::new();
        while ended.len() < RELEASED_MAX
            && let Some((at, _)) = self.released.front()
            && now.saturating_duration_since(*at) >= grace
            && let Some((at, channel)) = self.released.pop_front()
        {
            // Made again and perhaps ended again since: then another line stands for that.
            if self.entries.get(&channel).is_some_and(|entry| entry.released_at == Some(at)) {
                self.entries.remove(&channel);
                if !self.missing.remove(&channel) {
                    ended.push(channel);
                }
            }
        }
        ended
    }

    /// Wants the same under other names, for which there must be a new connection; the ticket to wait for.
    pub(crate) fn rename(&mut self, names: Arc<Names>) -> u64 {
        self.names = names;
        for (_, entry) in mem::take(&mut self.entries) {
            self.entries.insert(self.names.channel(&entry.topic).into(), entry);
        }
        self.restart();
        self.ticket += 1;
        self.ticket
    }

    /// The connection is a new one: nothing is subscribed to, and what nobody wants is forgotten.
    pub(crate) fn restart(&mut self) {
        self.released.clear();
        self.entries.retain(|_, entry| {
            entry.is_confirmed = false;
            // Everything is told as lost then.
            entry.is_late = false;
            entry.released_at.is_none()
        });
        self.missing = self.entries.keys().cloned().collect();
    }
}

#[cfg(test)]
mod tests;
