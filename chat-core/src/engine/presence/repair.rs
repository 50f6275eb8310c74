//! What was told of users' presence, held against their leases: whatever the bus lost is told at last.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{RENEW_CHUNK, edges::Whom};
use crate::{bus::Edge, engine::Inner, model::UserId, signal::PresenceStatus};

/// What those here were last told of users who are shown to them, be it that they are not there.
pub(super) type ToldPresence = BTreeMap<UserId, PresenceStatus>;

impl Inner {
    /// A connection is about to be told how these users are. Where others here were told otherwise, an edge is on its
    /// way or was lost: which of the two, shows after the grace.
    pub(super) fn look_again(self: &Arc<Self>, users: &[UserId], statuses: &[PresenceStatus]) {
        let mut otherwise = BTreeSet::new();
        {
            let mut told = self.presence.told.lock();
            for (user, status) in users.iter().zip(statuses) {
                if *told.entry(user.clone()).or_insert(*status) != *status {
                    otherwise.insert(user.clone());
                }
            }
        }
        self.repair_after_grace(otherwise);
    }

    /// Holds what was told of users against their leases, and tells the differences here. Other nodes do it themselves.
    ///
    /// Whoever is gone has the grace: where leases were lost, those who are there renew them.
    pub(crate) async fn repair_presence(self: &Arc<Self>, shown: &BTreeSet<UserId>) {
        let (gone, there): (Vec<_>, Vec<_>) =
            self.untold(shown).await.into_iter().partition(|edge| edge.status == PresenceStatus::Offline);
        self.tell_here(there).await;
        self.repair_after_grace(gone.into_iter().map(|edge| edge.user).collect());
    }

    /// Forgets what was told of users who are shown to nobody here any more.
    pub(crate) fn forget_presence(&self, shown: &BTreeSet<UserId>) {
        self.presence.told.lock().retain(|user, _| shown.contains(user));
    }

    fn repair_after_grace(self: &Arc<Self>, users: BTreeSet<UserId>) {
        if users.is_empty() {
            return;
        }
        let engine = Arc::clone(self);
        self.spawn(async move {
            tokio::select! {
                biased;
                () = engine.cancel.cancelled() => return,
                () = tokio::time::sleep(engine.limits.offline_grace) => {}
            }
            let edges = engine.untold(&users).await;
            engine.tell_here(edges).await;
        });
    }

    /// How those users are whose status differs from what was told. Of whom nothing was told is taken to be offline.
    async fn untold(&self, users: &BTreeSet<UserId>) -> Vec<Edge> {
        let mut edges = Vec::new();
        let users: Vec<UserId> = users.iter().cloned().collect();
        for chunk in users.chunks(RENEW_CHUNK) {
            let told_of = |told: &ToldPresence, user| told.get(user).copied();
            let before: Vec<_> = {
                let told = self.presence.told.lock();
                chunk.iter().map(|user| told_of(&told, user)).collect()
            };
            let Ok(now) = self.link.leases.read(chunk).await else { break };
            let told = self.presence.told.lock();
            for ((user, before), status) in chunk.iter().zip(before).zip(now) {
                // An edge that came meanwhile is newer than what was read.
                let still = told_of(&told, user) == before;
                if still && before.unwrap_or(PresenceStatus::Offline) != status {
                    edges.push(Edge { user: user.clone(), status });
                }
            }
        }
        edges
    }

    async fn tell_here(self: &Arc<Self>, edges: Vec<Edge>) {
        let mut seen = self.last_seen(&edges).await;
        self.learn_strangers(edges.iter().map(|edge| &edge.user)).await;
        for Edge { user, status } in edges {
            let last_seen = seen.remove(&user);
            self.tell_edge(user, status, last_seen, Whom::Here).await;
        }
    }
}
