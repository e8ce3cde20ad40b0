//! Faults of the stand-in for people-api: those of any answer, and those of a file under way.

use serde::{Deserialize, Serialize};

use crate::Fault;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeopleCall {
    /// `POST /v1/people`
    List,
    /// `GET /v1/people/{id}`
    Person,
    /// `GET /v1/people/stats`
    Statistics,
    /// `POST /v1/people/sample` and `GET /v1/people/sample`
    Sample,
    /// `POST /v1/people/download`
    Download,
    /// `GET /v1/health`
    Health,
}

/// What goes wrong with a file after its head has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CsvFault {
    /// It pauses; after no rows, its first byte is late.
    Pause {
        /// After so many rows.
        rows: u64,
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// The connection breaks.
    Reset {
        /// After so many rows.
        rows: u64,
    },
    /// It ends as if it were whole: the database failed between two of its pages (upstreams §8).
    EndEarly {
        /// After so many pages of 5,000 rows.
        pages: u64,
    },
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PeopleFault {
    /// With the answer.
    Answer(Fault),
    /// With the file; other calls are answered as ever.
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
