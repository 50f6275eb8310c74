//! What is shown of users.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::{
    model::{Profile, StoredProfile, Timestamp, UserId},
    store::{ProfileStore, StoreError},
};
use sqlx::{SqlStr, postgres::PgRow};

use crate::{PostgresStore, columns::Columns, error::failed, sql::statements};

/// Rows of profiles, in the order of their ids: so all who write some take them in one order.
macro_rules! keep {
    ($conflict:literal) => {
        concat!(
            "INSERT INTO {s}profiles AS p (id, name, username, email, role, avatar, last_seen)
             SELECT n.id, n.name, n.username, n.email, n.role, n.avatar, n.last_seen
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
                 WITH ORDINALITY AS n (id, name, username, email, role, avatar, last_seen, ord) ORDER BY n.ord
             ON CONFLICT (id) DO UPDATE SET ",
            $conflict
        )
    };
}

statements! {
    /// Reading and keeping profiles.
    ProfileSql {
        put = keep!("name = excluded.name, username = excluded.username, email = excluded.email,
            role = excluded.role, avatar = excluded.avatar");
        touch = keep!("last_seen = greatest(p.last_seen, excluded.last_seen)");
        read = "SELECT x.id, x.name, x.username, x.email, x.role, x.avatar, x.last_seen
            FROM unnest($1::text[]) WITH ORDINALITY AS n (id, ord)
            JOIN {s}profiles x ON x.id = n.id ORDER BY n.ord";
    }
}

#[async_trait]
impl ProfileStore for PostgresStore {
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError> {
        // Of several for one user the last counts.
        let last: BTreeMap<_, _> =
            profiles.iter().map(|profile| (&profile.id, (profile.clone(), None))).collect();
        self.keep("put_profiles", &self.sql().profile.put, last.into_values().collect()).await
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
        const OPERATION: &str = "profiles";
        let ids: Vec<String> = users.iter().map(|user| user.as_str().to_owned()).collect();
        let rows = self.read(OPERATION, self.ask(&self.sql().profile.read).bind(ids)).await?;
        rows.iter().map(profile).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let mut latest: BTreeMap<&UserId, Timestamp> = BTreeMap::new();
        for (user, at) in users {
            let seen = latest.entry(user).or_insert(*at);
            *seen = (*seen).max(*at);
        }
        let rows = latest.into_iter().map(|(user, at)| (Profile::unknown(user.clone()), Some(at)));
        self.keep("touch", &self.sql().profile.touch, rows.collect()).await
    }
}

impl PostgresStore {
    async fn keep(
        &self,
        operation: &'static str,
        statement: &SqlStr,
        profiles: Vec<(Profile, Option<Timestamp>)>,
    ) -> Result<(), StoreError> {
        if profiles.is_empty() {
            return Ok(());
        }
        let texts = |of: fn(&Profile) -> &str| {
            profiles.iter().map(|(profile, _)| of(profile).to_owned()).collect::<Vec<String>>()
        };
        let ask = || {
            self.ask(statement)
                .bind(texts(|profile| profile.id.as_str()))
                .bind(texts(|profile| &profile.name))
                .bind(texts(|profile| &profile.username))
                .bind(texts(|profile| &profile.email))
                .bind(texts(|profile| &profile.role))
                .bind(profiles.iter().map(|(profile, _)| profile.avatar.clone()).collect::<Vec<_>>())
                .bind(profiles.iter().map(|(_, seen)| seen.map(Timestamp::as_micros)).collect::<Vec<_>>())
        };
        self.write(operation, ask).await.map(drop)
    }
}

fn profile(row: &PgRow) -> sqlx::Result<StoredProfile> {
    let mut columns = Columns::of(row);
    let profile = Profile {
        id: columns.user()?,
        name: columns.take()?,
        username: columns.take()?,
        email: columns.take()?,
        role: columns.take()?,
        avatar: columns.take()?,
    };
    Ok(StoredProfile { profile, last_seen: columns.time_opt()? })
}
