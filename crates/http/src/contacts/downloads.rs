//! Limits how many files a user downloads at the same time.

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

/// The files that users of this process are downloading. people-api can serve only a few files, and one user
/// must not take them all.
#[derive(Debug, Clone)]
pub struct Downloads {
    at_most: u32,
    by_user: Arc<Mutex<HashMap<UserId, u32>>>,
}

impl Downloads {
    /// This many per user.
    #[must_use]
    pub fn new(at_most: NonZeroU32) -> Self {
        Self { at_most: at_most.get(), by_user: Arc::default() }
    }

    /// Starts a download; dropping the result ends it.
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

/// A running download of a user.
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

/// The user has reached the maximum number of downloads.
pub(super) struct TooManyDownloads {
    at_most: u32,
}

impl From<TooManyDownloads> for ApiError {
    fn from(TooManyDownloads { at_most }: TooManyDownloads) -> Self {
        let message = format!(
            "You are already downloading {at_most} files: wait for one to finish, then try again"
        );
        Self::client(ErrorCode::TooManyDownloads, message)
    }
}

refuses!(TooManyDownloads: TooManyDownloads);
