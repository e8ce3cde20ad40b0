//! Faults of the people-api emulator: those for any answer, and those for a running download.

use serde::{Deserialize, Serialize};

use crate::Fault;

/// Kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeopleCall {
    /// `POST /v1/people`
    List,
    /// `GET /v1/people/{id}`
    Person,
    /// `GET /v1/people/stats`
    Statistics,
    /// `POST /v1/people/download`
    Download,
    /// `GET /v1/health`
    Health,
}

/// What goes wrong with a download after its head was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CsvFault {
    /// It pauses; after 0 rows, its first byte is late.
    Pause {
        /// After this many rows.
        rows: u64,
        /// Duration in milliseconds.
        ms: u64,
    },
    /// The connection breaks.
    Reset {
        /// After this many rows.
        rows: u64,
    },
    /// It ends as if it were complete: the database failed between two pages (upstreams §8).
    EndEarly {
        /// After this many pages of 5,000 rows.
        pages: u64,
    },
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PeopleFault {
    /// Affects the answer.
    Answer(Fault),
    /// Affects a download; other calls are answered normally.
    Csv(CsvFault),
}

impl From<Fault> for PeopleFault {
    fn from(fault: Fault) -> Self {
        Self::Answer(fault)
    }
}

impl From<CsvFault> for PeopleFault {
    fn from(fault: CsvFault) -> Self {
        Self::Csv(fault)
    }
}
