//! The people of an organization's district: voters of a campaign, constituents of an office.

pub(crate) mod download;
mod facts;
pub(crate) mod list;
mod notices;
pub(crate) mod person;
pub(crate) mod statistics;

pub(crate) use notices::{away, of_list, pro};
