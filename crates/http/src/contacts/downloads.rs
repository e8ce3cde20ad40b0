//! How many files a user downloads at once.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use winserve_domain::base::UserId;

use crate::{
    error::{ApiError, ErrorCode},
    openapi::refuses,
};

/// The files that users of this process are downloading. The readers of people-api's files are few, and
/// one user must not take them all.
#[derive(Debug, Clone)]
pub struct Downloads {
    at_most: u32,
    by_user: Arc<Mutex<HashMap<UserId, u32>>>,
}

impl Downloads {
    /// So many at once for each user.
    #[must_use]
    pub fn new(at_most: NonZeroU32) -> Self {
        Self { at_most: at_most.get(), by_user: Arc::default() }
    }

    /// A download begins; it ends when the result is dropped.
    pub(super) fn begin(&self, user: UserId) -> Result<RunningDownload, TooManyDownloads> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let running = by_user.entry(user).or_default();
        if *running >= self.at_most {
            return Err(TooManyDownloads { at_most: self.at_most });
        }
        *running += 1;
        Ok(RunningDownload { of: self.clone(), user })
    }
}

/// A file that is on its way to a user.
pub(super) struct RunningDownload {
    of: Downloads,
    user: UserId,
}

impl Drop for RunningDownload {
    fn drop(&mut self) {
        let mut by_user = self.of.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = by_user.get_mut(&self.user) {
            *running -= 1;
            if *running == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

/// The user downloads as many files as they may.
pub(super) struct TooManyDownloads {
    at_most: u32,
}

impl From<TooManyDownloads> for ApiError {
    fn from(TooManyDownloads { at_most }: TooManyDownloads) -> Self {
        let message = format!(
            "You are downloading {at_most} files already: wait for one to finish, then try again"
        );
        Self::client(ErrorCode::TooManyDownloads, message)
    }
}

refuses!(TooManyDownloads: TooManyDownloads);
