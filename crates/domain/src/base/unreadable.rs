//! Unreadable parts of stored JSON values: PostgreSQL accepts numbers of any size and any nesting
//! depth. They are named, kept, and written back unchanged.

/// A JSON column of the old tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonColumn {
    /// `campaign.details`
    Details,
    /// `campaign.data`
    Data,
    /// `campaign.ai_content`
    AiContent,
    /// `campaign.vendor_ts_data`
    VendorTsData,
    /// `path_to_victory.data`
    PathToVictory,
    /// `user.meta_data`
    MetaData,
}

impl JsonColumn {
    /// Every column.
    pub const ALL: [Self; 6] = [
        Self::Details,
        Self::Data,
        Self::AiContent,
        Self::VendorTsData,
        Self::PathToVictory,
        Self::MetaData,
    ];

    /// Its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Details | Self::Data | Self::AiContent | Self::VendorTsData => "campaign",
            Self::PathToVictory => "path_to_victory",
            Self::MetaData => "user",
        }
    }

    /// Its name within the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Data | Self::PathToVictory => "data",
            Self::AiContent => "ai_content",
            Self::VendorTsData => "vendor_ts_data",
            Self::MetaData => "meta_data",
        }
    }

    /// Code of a value of the column that cannot be read completely, for clients and reports.
    #[must_use]
    pub const fn problem(self) -> &'static str {
        match self {
            Self::Details => "details-unreadable",
            Self::Data => "data-unreadable",
            Self::AiContent => "ai-content-unreadable",
            Self::VendorTsData => "vendor-ts-data-unreadable",
            Self::PathToVictory => "path-to-victory-unreadable",
            Self::MetaData => "meta-data-unreadable",
        }
    }
}

/// A part of a stored JSON value that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub column: JsonColumn,
    /// The member of the object; `None` when there is no object.
    pub key: Option<String>,
    /// The stored text.
    pub text: String,
}

impl Unreadable {
    /// Whether it is the whole column.
    #[must_use]
    pub fn is_whole(&self, column: JsonColumn) -> bool {
        self.column == column && self.key.is_none()
    }

    /// Where, such as `details.winNumber`.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.key {
            Some(key) => format!("{}.{key}", self.column.name()),
            None => self.column.name().to_owned(),
        }
    }
}

/// The code to show for something with such parts.
#[must_use]
pub fn problem(unreadable: &[Unreadable]) -> Option<&'static str> {
    unreadable.first().map(|part| part.column.problem())
}
