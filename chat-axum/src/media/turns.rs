//! Who may send a file now.

use std::{collections::HashMap, sync::Arc};

use chat_core::{ErrorCode, Limits, model::UserId};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Places for the files that come in at once: so many in all, and so many of one user, who would otherwise hold all of
/// them by sending slowly.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    places: Arc<Semaphore>,
    of_one_max: usize,
    by_user: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// A place, given back where it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    user: UserId,
    by_user: Arc<Mutex<HashMap<UserId, usize>>>,
    _place: OwnedSemaphorePermit,
}

impl Turns {
    /// No place at all.
    pub(super) fn none() -> Self {
        Self { places: Arc::new(Semaphore::new(0)), of_one_max: 0, by_user: Arc::default() }
    }

    pub(super) fn of(limits: &Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.uploads_at_once_max));
        Self { places, of_one_max: limits.uploads_at_once_per_user_max, by_user: Arc::default() }
    }

    /// A place for a file of `user`'s.
    ///
    /// # Errors
    /// 429 where all of the user's are taken, 503 where all are.
    pub(super) fn take(&self, user: &UserId) -> Result<Turn, Problem> {
        let mut by_user = self.by_user.lock();
        let taken = by_user.get(user).copied().unwrap_or_default();
        if taken >= self.of_one_max {
            return Err(Problem::new(ErrorCode::RateLimited, "too many uploads of yours at once"));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Problem::unavailable("too many uploads at once"))?;
        by_user.insert(user.clone(), taken + 1);
        drop(by_user);
        Ok(Turn { user: user.clone(), by_user: Arc::clone(&self.by_user), _place: place })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut by_user = self.by_user.lock();
        if let Some(taken) = by_user.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}
