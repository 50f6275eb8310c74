//! What is shown of users.

use async_trait::async_trait;
use chat_core::{
    model::{Profile, StoredProfile, Timestamp, UserId},
    store::{ProfileStore, StoreError},
};
use sqlx::sqlite::SqliteRow;

use crate::{
    SqliteStore,
    columns::Columns,
    error::{failed, unknown},
    rows::{Rows, list},
    sql::statements,
};

statements! {
    /// Reading and keeping profiles. Of several rows for one user the last counts, as in the list given.
    ProfileSql {
        put = "INSERT INTO {p}profiles (id, name, username, email, role, avatar, last_seen)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, NULL
            FROM json_each(?1) WHERE true
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, username = excluded.username,
                email = excluded.email, role = excluded.role, avatar = excluded.avatar";
        touch = "INSERT INTO {p}profiles (id, name, username, email, role, avatar, last_seen)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
            FROM json_each(?1) WHERE true
            ON CONFLICT (id) DO UPDATE SET
                last_seen = max(ifnull(last_seen, excluded.last_seen), excluded.last_seen)";
        read = "SELECT x.id, x.name, x.username, x.email, x.role, x.avatar, x.last_seen FROM json_each(?1) n
            CROSS JOIN {p}profiles x ON x.id = n.value ORDER BY n.key";
    }
}

#[async_trait]
impl ProfileStore for SqliteStore {
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError> {
        let rows = profiles.iter().map(|profile| (profile.clone(), None));
        self.keep("put_profiles", &self.sql().profile.put, rows).await
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
        const OPERATION: &str = "profiles";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().profile.read.clone())
            .bind(list(users))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        rows.iter().map(profile).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let rows = users.iter().map(|(user, at)| (Profile::unknown(user.clone()), Some(*at)));
        self.keep("touch", &self.sql().profile.touch, rows).await
    }
}

impl SqliteStore {
    async fn keep(
        &self,
        operation: &'static str,
        statement: &sqlx::SqlStr,
        profiles: impl Iterator<Item = (Profile, Option<Timestamp>)> + Send,
    ) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        for (profile, last_seen) in profiles {
            rows.push(|row| {
                row.put(&profile.id).put(&profile.name).put(&profile.username).put(&profile.email);
                row.put(&profile.role).put(&profile.avatar).put(last_seen.map(Timestamp::as_micros));
            });
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.write(operation).await?;
        sqlx::query(statement.clone())
            .bind(rows.into_json())
            .execute(&mut *tx)
            .await
            .map_err(failed(operation))?;
        tx.commit().await.map_err(unknown(operation))
    }
}

fn profile(row: &SqliteRow) -> sqlx::Result<StoredProfile> {
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
