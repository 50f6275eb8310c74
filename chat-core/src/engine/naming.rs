//! What is known of users, kept at hand for wire formats that show it.

use std::sync::Arc;

use super::Inner;
use crate::{
    event::Event,
    model::{Profile, UserId},
    people::Knowledge,
};

impl Inner {
    /// What is shown of users, in their order: as the host's directory says, else as last kept, else as claimed by a
    /// connection here.
    pub(crate) async fn profiles_of(&self, users: &[UserId]) -> Vec<Profile> {
        let mut found = Vec::with_capacity(users.len());
        if let Some(directory) = &self.host.directory
            && let Ok(Ok(told)) =
                tokio::time::timeout(self.limits.hook_timeout, directory.profiles(users)).await
        {
            found = told;
        }
        let missing: Vec<_> =
            users.iter().filter(|user| found.iter().all(|known| known.id != **user)).cloned().collect();
        if !missing.is_empty()
            && let Ok(kept) = self.read("profiles", self.store.profiles(&missing)).await
        {
            found.extend(kept.into_iter().map(|kept| kept.profile));
        }
        let claimed = |user: &UserId| {
            self.users.of(user).iter().find_map(|connection| connection.principal.lock().profile.clone())
        };
        let shown = |user: &UserId| {
            let known = found.iter().find(|known| known.id == *user).cloned();
            known.or_else(|| claimed(user)).unwrap_or_else(|| Profile::unknown(user.clone()))
        };
        users.iter().map(shown).collect()
    }

    /// Looks for users' profiles, a hook's time at most, so that encoders find them; whose profile is not found then
    /// is shown by the id.
    pub(crate) async fn learn(&self, users: &[UserId]) {
        let looked = tokio::time::timeout(self.limits.hook_timeout, self.profiles_of(users)).await;
        match looked {
            Ok(profiles) => self.people.put(profiles),
            Err(_) => self.people.put_unknown(users),
        }
    }

    /// Those who did what the events say and of whom nothing is known yet. Of whom something is known that is not
    /// fresh any more, that is shown, and asked for anew in passing.
    pub(crate) fn strangers<'a>(self: &Arc<Self>, events: impl Iterator<Item = &'a Event>) -> Vec<UserId> {
        let (mut missing, mut stale) = (Vec::new(), Vec::new());
        for user in events.filter_map(|event| event.actor.as_ref()) {
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
