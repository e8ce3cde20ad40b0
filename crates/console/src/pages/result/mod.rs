//! How a campaign ended, and what comes along to the organization that begins with it.

pub(crate) mod arrival;
pub(crate) mod election;
