//! Saved filters of voters, which the old API calls segments (legacy contract §5.3).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::base::{CampaignId, SavedFilterId};

/// A yes-or-no criterion of a filter, by its JSON key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(&'static str);

impl Flag {
    /// Every flag, in the order of answers.
    pub const ALL: [Self; 53] = [
        Self("audienceSuperVoters"),
        Self("audienceLikelyVoters"),
        Self("audienceUnreliableVoters"),
        Self("audienceUnlikelyVoters"),
        Self("audienceFirstTimeVoters"),
        Self("audienceUnknown"),
        Self("partyIndependent"),
        Self("partyDemocrat"),
        Self("partyRepublican"),
        Self("partyUnknown"),
        Self("age18_25"),
        Self("age25_35"),
        Self("age35_50"),
        Self("age50Plus"),
        Self("ageUnknown"),
        Self("genderMale"),
        Self("genderFemale"),
        Self("genderUnknown"),
        Self("hasCellPhone"),
        Self("hasLandline"),
        Self("likelyMarried"),
        Self("likelySingle"),
        Self("married"),
        Self("single"),
        Self("maritalUnknown"),
        Self("veteranYes"),
        Self("veteranUnknown"),
        Self("educationNone"),
        Self("educationHighSchoolDiploma"),
        Self("educationTechnicalSchool"),
        Self("educationSomeCollege"),
        Self("educationCollegeDegree"),
        Self("educationGraduateDegree"),
        Self("educationUnknown"),
        Self("incomeUnknown"),
        Self("ethnicityAsian"),
        Self("ethnicityEuropean"),
        Self("ethnicityHispanic"),
        Self("ethnicityAfricanAmerican"),
        Self("ethnicityOther"),
        Self("ethnicityUnknown"),
        Self("businessOwnerYes"),
        Self("businessOwnerUnknown"),
        Self("registeredVoterTrue"),
        Self("registeredVoterFalse"),
        Self("registeredVoterUnknown"),
        Self("hasChildrenYes"),
        Self("hasChildrenNo"),
        Self("hasChildrenUnknown"),
        Self("homeownerYes"),
        Self("homeownerLikely"),
        Self("homeownerNo"),
        Self("homeownerUnknown"),
    ];

    /// The key in JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.0
    }

    /// The flag with this key.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.0 == key)
    }

    /// Whether it selects voters by political party, which elected officials may not do (design
    /// D8).
    #[must_use]
    pub fn is_party(self) -> bool {
        self.0.starts_with("party")
    }
}

/// The content of a filter; in a stored filter `None` is NULL, in a change it keeps the stored
/// value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterContent {
    /// Its name.
    pub name: Option<String>,
    /// How many voters it selected when it was saved.
    pub voter_count: Option<i32>,
    /// Languages, by code.
    pub language_codes: Option<Vec<String>>,
    /// How often they vote, as worded in the voter file.
    pub voter_status: Option<Vec<String>>,
    /// Income ranges, as worded in the voter file.
    pub income_ranges: Option<Vec<String>>,
    /// The flags that are set, or were turned off.
    pub flags: BTreeMap<Flag, bool>,
}

impl FilterContent {
    /// Maximum length of a text, in UTF-16 units.
    pub const LONGEST_TEXT: usize = 256;
    /// Maximum number of texts in a list.
    pub const LONGEST_LIST: usize = 256;

    /// Whether it exceeds the size limits, which the old service did not have.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        let lists = [&self.language_codes, &self.voter_status, &self.income_ranges];
        let texts = self.name.iter().chain(lists.into_iter().flatten().flatten());
        lists.into_iter().flatten().any(|list| list.len() > Self::LONGEST_LIST)
            || texts.into_iter().any(|text| text.encode_utf16().count() > Self::LONGEST_TEXT)
    }

    /// The flags that select by political party.
    #[must_use]
    pub fn party(&self) -> Vec<Flag> {
        self.flags
            .iter()
            .filter(|(flag, is_on)| flag.is_party() && **is_on)
            .map(|(flag, _)| *flag)
            .collect()
    }

    /// The content without criteria on political party.
    #[must_use]
    pub fn without_party(mut self) -> Self {
        self.flags.retain(|flag, _| !flag.is_party());
        self
    }
}

/// A saved filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Key.
    pub id: SavedFilterId,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The campaign it belongs to; `None` for an elected office's.
    pub campaign: Option<CampaignId>,
    /// Its content.
    pub content: FilterContent,
}
