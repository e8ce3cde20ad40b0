//! The phases of the migration (design §3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where office and district are written and read.
///
/// Only the phases that this build can run exist here; the next ones come with their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Written to and read from the JSON of the campaign.
    #[default]
    Legacy,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => formatter.write_str("legacy"),
        }
    }
}
