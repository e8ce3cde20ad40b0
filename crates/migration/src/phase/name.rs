//! The phases of the migration (design §3).

use std::fmt;

use serde::{Deserialize, Serialize};
use winserve_domain::database::{Database, UnitOfWork};

/// Where office and district are written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Written to and read from the JSON of the campaign.
    #[default]
    #[serde(rename = "legacy")]
    Legacy,
    /// Written to the JSON and the tables in one transaction, read from the JSON.
    #[serde(rename = "phase-1")]
    One,
    /// Written to the JSON and the tables in one transaction, read from the tables.
    #[serde(rename = "phase-2")]
    Two,
    /// Written to the tables only. The JSON keeps what other services once wrote there until
    /// `clean` removes it. No other service reads the old tables in the old way.
    #[serde(rename = "phase-3")]
    Three,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 4] = [Self::Legacy, Self::One, Self::Two, Self::Three];

    /// The phase's name in the database, the configuration and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::One => "phase-1",
            Self::Two => "phase-2",
            Self::Three => "phase-3",
        }
    }

    /// Whether office and district are in tables, and organizations exist.
    #[must_use]
    pub fn has_tables(self) -> bool {
        self >= Self::One
    }

    /// Whether office and district are read from the tables.
    #[must_use]
    pub fn reads_tables(self) -> bool {
        self >= Self::Two
    }

    /// Whether both JSON and tables are written. The JSON is authoritative, because the old service
    /// and the way back rely on it.
    #[must_use]
    pub fn writes_both(self) -> bool {
        matches!(self, Self::One | Self::Two)
    }

    /// Whether rows may exist that the old service cannot read or does not expect: an office
    /// without a campaign (also after its campaign was deleted), and additional campaigns of a user
    /// (design §3, "Neighbours").
    #[must_use]
    pub fn is_free_of_the_old_service(self) -> bool {
        self >= Self::Three
    }

    /// The phase after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| *phase > self)
    }

    /// The phase before this one.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|phase| *phase < self)
    }

    /// The phase in which the unit of work was opened; it does not change within it.
    #[must_use]
    pub fn of(uow: &dyn UnitOfWork) -> Self {
        Self::parse(uow.composition()).unwrap_or_default()
    }

    /// The phase that the last unit of work saw; does not query the database.
    #[must_use]
    pub fn last_seen(database: &dyn Database) -> Self {
        Self::parse(database.composition_seen()).unwrap_or_default()
    }

    /// Reads a phase's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
