//! Where office and district are stored.

/// Where office and district are stored. [`Tables`](Self::Tables) is the final layout; the others
/// belong to the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// In the JSON of the campaign. No other columns may exist.
    Json,
    /// In JSON and tables; they are read from the JSON.
    Both,
    /// In tables, and read from them.
    Tables,
}

impl Layout {
    /// Whether office and district are in tables, and organizations exist.
    #[must_use]
    pub fn has_tables(self) -> bool {
        self > Self::Json
    }

    /// Whether office and district are read from the tables.
    #[must_use]
    pub fn reads_tables(self) -> bool {
        self == Self::Tables
    }
}
