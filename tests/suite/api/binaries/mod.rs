//! `api`, `winserve-admin`, and what `make run` starts.

pub(crate) mod admin;
mod api;
pub(crate) mod demo;
pub(crate) mod election_tokens;
mod outages;
