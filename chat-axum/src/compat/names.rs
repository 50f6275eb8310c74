//! What lists show of users.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use chat_core::{
    Engine, Principal,
    model::{Profile, UserId},
};

/// Profiles by user.
#[derive(Debug)]
pub(super) struct Names(BTreeMap<UserId, Profile>);

impl Names {
    /// What is known of those users to one of them, or to somebody else.
    pub(super) async fn of<'a>(
        engine: &Engine,
        me: &Principal,
        users: impl IntoIterator<Item = &'a UserId>,
    ) -> Self {
        let users: BTreeSet<&UserId> = users.into_iter().collect();
        let users: Vec<UserId> = users.into_iter().cloned().collect();
        let mut names = BTreeMap::new();
        for chunk in users.chunks(engine.limits().page_max) {
            // Of whom nothing can be found out, the id is shown.
            let profiles = engine.profiles(chunk).await.unwrap_or_default();
            names.extend(profiles.into_iter().map(|profile| (profile.id.clone(), profile)));
        }
        // The own claims may not have been kept yet.
        if let Some(claims) = &me.profile
            && names.get(&me.user).is_some_and(|known| *known == Profile::unknown(me.user.clone()))
        {
            names.insert(me.user.clone(), claims.clone());
        }
        Self(names)
    }

    /// What is shown of a user.
    pub(super) fn profile(&self, user: &UserId) -> Cow<'_, Profile> {
        self.0.get(user).map_or_else(|| Cow::Owned(Profile::unknown(user.clone())), Cow::Borrowed)
    }
}
