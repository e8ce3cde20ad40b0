//! Databases and servers with the final schema: `make prove-deletable` compiles this instead of `with_migration`.

use std::{fmt, sync::Arc};

use winserve_persistence::{Composition, Tables};

use crate::app::Followed;

/// The phases, as tests name them. Only one is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Gone.
    Legacy,
    /// Gone.
    One,
    /// Gone.
    Two,
    /// Office and district are in tables.
    Three,
}

impl Phase {
    /// The phase's name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        "phase-3"
    }

    /// Whether office and district are in tables.
    #[must_use]
    pub const fn has_tables(self) -> bool {
        true
    }

    /// Whether office and district are read from the tables.
    #[must_use]
    pub const fn reads_tables(self) -> bool {
        true
    }

    /// Whether JSON and tables are both written.
    #[must_use]
    pub const fn writes_both(self) -> bool {
        false
    }

    /// Whether rows may exist that the old service cannot read.
    #[must_use]
    pub const fn is_free_of_the_old_service(self) -> bool {
        true
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The phase in which a database is created, whatever a test requests.
pub(crate) const fn made_in(_asked: Phase) -> Phase {
    Phase::Three
}

/// Whether a database in the last phase has the final schema unless a test requests it.
pub(crate) const IS_FINAL: bool = true;

/// The composition that serves a database.
#[must_use]
pub fn composition(_phase: Phase) -> Arc<dyn Composition> {
    Arc::new(Tables)
}

/// The composition that serves any database.
#[must_use]
pub fn pinned(_phase: Phase) -> Arc<dyn Composition> {
    Arc::new(Tables)
}

/// Does nothing: there is no old service to follow.
pub(crate) struct Following;

impl Following {
    pub(crate) fn start(_: Followed) -> Self {
        Self
    }

    pub(crate) async fn stop(self) {}
}
