//! `api` and what `make run` starts.

mod api;
pub(crate) mod demo;
pub(crate) mod election_tokens;
mod outages;
