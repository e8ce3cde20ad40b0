//! A new campaign: choose the office, look at what it brings, start.

pub(crate) mod choose;
pub(crate) mod custom;
pub(crate) mod preview;
mod wish;

use crate::ROOT;

/// The address of the search for the office of a new campaign.
fn address() -> String {
    format!("{ROOT}/new-campaign")
}

/// The address of the page where a new campaign is looked at before it is started.
fn preview_address() -> String {
    format!("{ROOT}/new-campaign/preview")
}
