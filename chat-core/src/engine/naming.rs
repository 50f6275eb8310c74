//! What is known of users, kept at hand for wire formats that show it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::{Inner, metrics};
use crate::{
    bus::Topic,
    event::Event,
    hooks::Principal,
    model::{Profile, UserId},
    people::Knowledge,
    signal::Signal,
};

/// How long users are shown as last seen, or by their ids, who could not be looked up: then they are asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Signals about one user that wait for the name; of more, the oldest go.
const SIGNALS_MAX: usize = 1_000;

/// Signals that wait for whom they are about to be known, by user.
#[derive(Debug, Default)]
pub(crate) struct Nameless(Mutex<BTreeMap<UserId, VecDeque<(Topic, Signal)>>>);

/// Claims on their way into the store, by user.
#[derive(Debug, Default)]
pub(crate) struct ClaimsUnderWay(Mutex<BTreeMap<UserId, watch::Receiver<()>>>);

/// What came of a look for users.
struct LookedUp {
    /// Those found, in no order.
    found: Vec<Profile>,
    /// Everyone who knows users answered.
    is_sure: bool,
}

impl Inner {
    /// What is shown of users, in their order: as the host's directory says, else as last kept, else as claimed here
    /// of late.
    pub(crate) async fn profiles_of(&self, users: &[UserId]) -> Vec<Profile> {
        let found = self.look_up(users).await.found;
        let shown = |user: &UserId| {
            let known = found.iter().find(|known| known.id == *user).cloned();
            known.unwrap_or_else(|| Profile::unknown(user.clone()))
        };
        users.iter().map(shown).collect()
    }

    async fn look_up(&self, users: &[UserId]) -> LookedUp {
        let (mut found, mut is_sure) = (Vec::with_capacity(users.len()), true);
        if let Some(directory) = &self.host.directory {
            match tokio::time::timeout(self.limits.hook_timeout, directory.profiles(users)).await {
                Ok(Ok(told)) => found = told,
                Ok(Err(error)) => {
                    tracing::warn!(error = &*error as &dyn std::error::Error, "the host's directory failed");
                    is_sure = false;
                }
                Err(_) => {
                    metrics::hook_timed_out("profiles");
                    is_sure = false;
                }
            }
        }
        let missing: Vec<_> =
            users.iter().filter(|user| found.iter().all(|known| known.id != **user)).cloned().collect();
        if missing.is_empty() {
            return LookedUp { found, is_sure };
        }
        let kept = self.read("profiles", self.store.profiles(&missing));
        match tokio::time::timeout(self.limits.hook_timeout, kept).await {
            Ok(Ok(kept)) => found.extend(kept.into_iter().map(|kept| kept.profile)),
            Ok(Err(_)) | Err(_) => is_sure = false,
        }
        for user in missing {
            let claimed = || {
                let connections = self.users.of(&user);
                let connected =
                    connections.iter().find_map(|connection| connection.principal.lock().profile.clone());
                connected.or_else(|| self.people.claimed(&user))
            };
            if found.iter().all(|known| known.id != user) {
                found.extend(claimed());
            }
        }
        LookedUp { found, is_sure }
    }

    /// Looks for users' profiles, a hook's time each at the host and at the store, so that encoders find them. Whose
    /// profile is not found then is shown as last seen, else by the id.
    pub(crate) async fn learn(&self, users: &[UserId]) {
        let LookedUp { found, is_sure } = self.look_up(users).await;
        let missing = users.iter().filter(|user| found.iter().all(|known| known.id != **user)).cloned();
        let missing: Vec<_> = missing.collect();
        if is_sure {
            self.people.put(found);
            self.people.put_unknown(missing);
        } else {
            let guesses = found.into_iter().chain(missing.into_iter().map(Profile::unknown));
            self.people.put_guesses(guesses, Instant::now() + ASK_AGAIN);
        }
    }

    /// Keeps what a token claims as what is shown of its user, where the host has no directory: at hand at once, and
    /// in the store where it differs, which a user causes at most once a minute, or at `always`. Who waits for it asks
    /// [`Inner::claims_kept`].
    pub(crate) fn keep_claims(self: &Arc<Self>, principal: &Principal, always: bool) {
        let Some(profile) = &principal.profile else { return };
        if self.host.directory.is_some() || !self.people.claim(profile, always) {
            return;
        }
        let (engine, profile) = (Arc::clone(self), profile.clone());
        let (under_way, kept) = watch::channel(());
        self.claims.0.lock().insert(profile.id.clone(), kept);
        self.spawn(async move {
            let users = [profile.id.clone()];
            let kept = engine.read("profiles", engine.store.profiles(&users)).await;
            if matches!(kept, Ok(kept) if kept.first().is_none_or(|kept| kept.profile != profile)) {
                drop(engine.put("put_profiles", engine.store.put_profiles(&[profile])).await);
            }
            let [user] = users;
            let mut claims = engine.claims.0.lock();
            if claims.get(&user).is_some_and(|kept| under_way.subscribe().same_channel(kept)) {
                claims.remove(&user);
            }
        });
    }

    /// Waits, for a hook's time, until what a user's token claims is in the store: whoever writes for the user then is
    /// known by name to other nodes too.
    pub(crate) async fn claims_kept(&self, user: &UserId) {
        let kept = self.claims.0.lock().get(user).cloned();
        if let Some(mut kept) = kept {
            // It never changes: it ends.
            drop(tokio::time::timeout(self.limits.hook_timeout, kept.changed()).await);
        }
    }

    /// Learns whom signals are about, where a format here shows names.
    pub(crate) async fn learn_strangers(self: &Arc<Self>, users: impl Iterator<Item = &UserId>) {
        if !self.people.is_wanted() {
            return;
        }
        let strangers = self.unknown_of(users);
        if !strangers.is_empty() {
            self.learn(&strangers).await;
        }
    }

    /// Shows a signal: at once, or once it is known whom it is about, behind what waits for that already.
    pub(crate) fn show_named(self: &Arc<Self>, topic: Topic, signal: Signal) {
        let (Signal::Typing { user, .. } | Signal::Presence { user, .. }) = &signal else {
            return self.show_signal(&topic, &signal);
        };
        if !self.people.is_wanted() {
            return self.show_signal(&topic, &signal);
        }
        let user = user.clone();
        {
            let mut nameless = self.nameless.0.lock();
            if let Some(waiting) = nameless.get_mut(&user) {
                if waiting.len() >= SIGNALS_MAX {
                    waiting.pop_front();
                }
                waiting.push_back((topic, signal));
                return;
            }
            if self.unknown_of(std::iter::once(&user)).is_empty() {
                drop(nameless);
                return self.show_signal(&topic, &signal);
            }
            nameless.insert(user.clone(), VecDeque::from([(topic, signal)]));
        }
        let engine = Arc::clone(self);
        self.spawn(async move {
            engine.learn(std::slice::from_ref(&user)).await;
            while let Some((topic, signal)) = engine.nameless.next(&user) {
                engine.show_signal(&topic, &signal);
            }
        });
    }

    /// Those who did what the events say and of whom nothing is known yet.
    pub(crate) fn strangers<'a>(self: &Arc<Self>, events: impl Iterator<Item = &'a Event>) -> Vec<UserId> {
        self.unknown_of(events.filter_map(|event| event.actor.as_ref()))
    }

    /// Those of whom nothing is known yet. Of whom something is known that is not fresh any more, that is shown, and
    /// asked for anew in passing.
    fn unknown_of<'a>(self: &Arc<Self>, users: impl Iterator<Item = &'a UserId>) -> Vec<UserId> {
        let (mut missing, mut stale) = (Vec::new(), Vec::new());
        for user in users {
            let list = match self.people.knowledge(user) {
                Knowledge::Fresh => continue,
                Knowledge::Stale => &mut stale,
                Knowledge::Missing => &mut missing,
            };
            if !list.contains(user) {
                list.push(user.clone());
            }
        }
        if !stale.is_empty() {
            let engine = Arc::clone(self);
            self.spawn(async move { engine.learn(&stale).await });
        }
        missing
    }
}

impl Nameless {
    /// The next signal about a user who is known now; `None`: nothing waits any more.
    fn next(&self, user: &UserId) -> Option<(Topic, Signal)> {
        let mut nameless = self.0.lock();
        let next = nameless.get_mut(user).and_then(VecDeque::pop_front);
        if next.is_none() {
            nameless.remove(user);
        }
        next
    }
}
