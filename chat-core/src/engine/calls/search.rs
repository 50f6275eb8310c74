//! Searching for messages, for users and the host alike.

use super::{host::AsHost, user::AsUser};
use crate::{
    bus::QuotaKey,
    engine::{Inner, validate},
    error::Error,
    hooks::Principal,
    model::{Membership, MessageId, RoomId, Seq, UserId},
    store::{SearchPage, SearchQuery, SearchScope, SearchedRoom},
};

/// What to search for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Search {
    /// Words that must all occur, the last one perhaps as the beginning of a word.
    pub text: String,
    /// Only in this room.
    pub room: Option<RoomId>,
    /// Only messages of this user.
    pub sender: Option<UserId>,
    /// Only messages with an id below this: `next` of the page before.
    pub before: Option<MessageId>,
    /// At most this many.
    pub limit: Option<usize>,
}

impl Search {
    /// A search for words in all rooms.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), room: None, sender: None, before: None, limit: None }
    }

    /// In one room alone.
    #[must_use]
    pub const fn within(mut self, room: RoomId) -> Self {
        self.room = Some(room);
        self
    }

    /// Of one user alone.
    #[must_use]
    pub fn by(mut self, sender: UserId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// From where a page ended.
    #[must_use]
    pub const fn before(mut self, id: MessageId) -> Self {
        self.before = Some(id);
        self
    }

    /// At most so many messages a page.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }
}

impl AsUser<'_> {
    /// Messages that hold the words of a search, newest first: in one room, or in all that one is in (of more than
    /// [`crate::Limits::search_rooms_max`], in the latest active ones).
    ///
    /// # Errors
    /// `not_found` for a room that one is not in, `bad_field` for a text without a letter or digit, `too_large` for a
    /// long one, `rate_limited`.
    pub async fn search(&self, search: Search) -> Result<SearchPage, Error> {
        let (engine, principal) = (self.inner, self.principal);
        let room = search.room;
        let mut query = engine.search_query(search)?;
        engine.take(QuotaKey::Searches(principal.user.clone()), 1, engine.limits.searches)?;
        let memberships = match room {
            Some(room) => vec![engine.readable(principal, room).await?],
            None => engine.all_readable(principal).await?,
        };
        query.scope = SearchScope::These(memberships.iter().map(SearchedRoom::from).collect());
        let mut page = engine.read("search", engine.store.search(&query)).await?;
        engine.drop_unseen(&principal.user, &mut page).await?;
        Ok(page)
    }
}

impl AsHost<'_> {
    /// Messages that hold the words of a search, newest first: in one room, or in all.
    ///
    /// # Errors
    /// `bad_field` for a text without a letter or digit, `too_large` for a long one, `unavailable`.
    pub async fn search(&self, search: Search) -> Result<SearchPage, Error> {
        let room = search.room;
        let mut query = self.inner.search_query(search)?;
        if let Some(room) = room {
            query.scope = SearchScope::These(vec![SearchedRoom { room, visible_from: Seq::ZERO }]);
        }
        self.inner.read("search", self.inner.store.search(&query)).await
    }
}

impl Inner {
    /// A search within its bounds, everywhere as yet.
    fn search_query(&self, search: Search) -> Result<SearchQuery, Error> {
        let limit = validate::page(&self.limits, search.limit)?;
        Ok(SearchQuery {
            text: validate::search_text(&self.limits, &search.text)?,
            scope: SearchScope::Everywhere,
            sender: search.sender,
            before: search.before,
            limit: limit.min(self.limits.search_page_max),
        })
    }

    /// The rooms that a user is in and may read, the latest active ones.
    async fn all_readable(&self, principal: &Principal) -> Result<Vec<Membership>, Error> {
        let max = self.limits.search_rooms_max;
        let joined = self.read("memberships", self.store.memberships(&principal.user, None, max)).await?;
        self.those_readable(principal, joined).await
    }

    /// Drops what is not the user's to see any more. A removal between the look at the memberships and the search would
    /// else show what was said, or edited, after it.
    async fn drop_unseen(&self, user: &UserId, page: &mut SearchPage) -> Result<(), Error> {
        let mut rooms: Vec<RoomId> = page.messages.iter().map(|message| message.room_id).collect();
        rooms.sort_unstable();
        rooms.dedup();
        if rooms.is_empty() {
            return Ok(());
        }
        let now = self.read("memberships", self.store.memberships(user, Some(&rooms), rooms.len())).await?;
        page.messages.retain(|message| {
            let membership = now.iter().find(|membership| membership.room == message.room_id);
            membership.is_some_and(|membership| message.seq > membership.visible_from)
        });
        Ok(())
    }
}
