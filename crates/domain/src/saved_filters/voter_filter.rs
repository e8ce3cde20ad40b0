//! Selects voters of a district: segments, and the people-api filters built from them (legacy contract
//! §8, upstreams §7).
//!
//! An elected official's filter has no field for a political party (design D8):
//!
//! ```
//! use winserve_domain::saved_filters::WinFilter;
//! let filter = WinFilter { political_party: vec!["Republican"], ..WinFilter::default() };
//! ```
//!
//! ```compile_fail
//! use winserve_domain::saved_filters::ServeFilter;
//! let filter = ServeFilter { political_party: vec!["Republican"], ..ServeFilter::default() };
//! ```
//!
//! This is the complete list of members:
//!
//! ```
//! use winserve_domain::saved_filters::{Criteria, ServeFilter, TextCriterion};
//! let ServeFilter { criteria } = ServeFilter::default();
//! let Criteria { texts, age, income, has_cell_phone, has_landline } = criteria;
//! fn is_known(criterion: TextCriterion) -> bool {
//!     use TextCriterion as It;
//!     match criterion {
//!         It::VoterStatus | It::Gender | It::MaritalStatus | It::VeteranStatus | It::EducationLevel
//!         | It::Ethnicity | It::BusinessOwner | It::PresenceOfChildren | It::Homeowner
//!         | It::Language => true,
//!     }
//! }
//! ```

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    base::SavedFilterId,
    saved_filters::{FilterContent, Flag},
};

/// The `segment` of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Everybody: `all`, `doorKnocking`, `directMail`, or no segment.
    All,
    /// Voters with a cell phone: `texting`, `digitalAds`.
    CellPhone,
    /// Voters with a landline: `phoneBanking`.
    Landline,
    /// A saved filter.
    Saved(SavedFilterId),
}

impl Segment {
    /// Parses a segment strictly: a valid prefix is not enough (upstreams §7.1).
    ///
    /// ```
    /// use winserve_domain::{base::SavedFilterId, saved_filters::Segment};
    /// assert_eq!(Segment::parse("texting"), Some(Segment::CellPhone));
    /// assert_eq!(Segment::parse("12"), Some(Segment::Saved(SavedFilterId(12))));
    /// assert_eq!(Segment::parse("12abc"), None);
    /// assert_eq!(Segment::parse("Texting"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "all" | "doorKnocking" | "directMail" => Some(Self::All),
            "texting" | "digitalAds" => Some(Self::CellPhone),
            "phoneBanking" => Some(Self::Landline),
            id if id.bytes().all(|digit| digit.is_ascii_digit()) && !id.starts_with('0') => {
                id.parse().ok().map(|id| Self::Saved(SavedFilterId(id)))
            }
            _ => None,
        }
    }
}

/// Text criteria; political party is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextCriterion {
    /// How often a voter votes.
    VoterStatus,
    /// Gender.
    Gender,
    /// Marital status.
    MaritalStatus,
    /// Whether a veteran.
    VeteranStatus,
    /// Education.
    EducationLevel,
    /// Ethnicity.
    Ethnicity,
    /// Whether a business owner.
    BusinessOwner,
    /// Whether there are children.
    PresenceOfChildren,
    /// Whether a homeowner.
    Homeowner,
    /// Language.
    Language,
}

/// Criteria that both products may use. All must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Criteria {
    /// One of these texts.
    pub texts: BTreeMap<TextCriterion, Vec<Cow<'static, str>>>,
    /// Age in years.
    pub age: Option<NumberCriterion>,
    /// Income, dollars a year.
    pub income: Option<NumberCriterion>,
    /// Voters with a cell phone.
    pub has_cell_phone: bool,
    /// Voters with a landline.
    pub has_landline: bool,
}

/// A comparison of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberCriterion {
    /// One of these ranges, with gaps between several of them; optionally also unknown values.
    Ranges {
        /// In ascending order, not empty.
        ranges: Vec<Range>,
        /// Whether unknown values match too.
        or_unknown: bool,
    },
    /// One of these values; optionally also unknown values.
    Each {
        /// In ascending order.
        values: Vec<u32>,
        /// Whether unknown values match too.
        or_unknown: bool,
    },
    /// Unknown values.
    Unknown,
}

/// A range of numbers, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The minimum.
    pub from: u32,
    /// The maximum, if there is one.
    pub to: Option<u32>,
}

/// Criteria that a candidate may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WinFilter {
    /// Criteria that both products may use.
    pub criteria: Criteria,
    /// One of these parties; any, if empty.
    pub political_party: Vec<&'static str>,
}

/// Criteria that an elected official may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeFilter {
    /// Criteria that both products may use; nothing else.
    pub criteria: Criteria,
}

/// A value of a saved filter that the voter file does not have, or no longer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    /// The member of the filter that names it, such as `audienceFirstTimeVoters` or `incomeRanges`.
    pub member: &'static str,
    /// The value, such as `First Time`.
    pub value: String,
}

/// Why people-api is not called for a saved filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableFilter {
    /// It uses a criterion that the product may not use. (No row does, because of a constraint.
    /// Ignoring the criterion would select more than was saved.)
    #[error("the filter selects by political party")]
    Party,
    /// One of its groups has only values that are not in the voter file.
    #[error("the voter file has none of the values that the filter selects by")]
    UnknownValues(Vec<UnknownValue>),
}

/// A filter of a product.
pub trait VoterFilter: From<Criteria> + Clone + Send + Sync + 'static {
    /// What a saved filter selects, by the values in the voter file.
    ///
    /// The values of a group, such as those of voter status, are alternatives, and a voter must
    /// match every group. A value that is not in the voter file selects nobody, so it can be
    /// dropped without changing the selection **as long as another value of the group is left**. A
    /// group without remaining values selects nobody, and dropping it would select more than was
    /// saved: such a filter is refused. [`FilterProblem`] lists the dropped values in both cases.
    ///
    /// [`FilterProblem`]: crate::saved_filters::FilterProblem
    ///
    /// # Errors
    /// [`UnusableFilter`].
    fn saved(content: &FilterContent) -> Result<Self, UnusableFilter>;

    /// Criteria that both products may use.
    fn criteria(&self) -> &Criteria;
}

impl From<Criteria> for WinFilter {
    fn from(criteria: Criteria) -> Self {
        Self { criteria, political_party: Vec::new() }
    }
}

impl From<Criteria> for ServeFilter {
    fn from(criteria: Criteria) -> Self {
        Self { criteria }
    }
}

impl VoterFilter for WinFilter {
    fn saved(content: &FilterContent) -> Result<Self, UnusableFilter> {
        Ok(Self {
            criteria: Criteria::saved(content)?,
            political_party: selected(content, &PARTIES).collect(),
        })
    }

    fn criteria(&self) -> &Criteria {
        &self.criteria
    }
}

impl VoterFilter for ServeFilter {
    fn saved(content: &FilterContent) -> Result<Self, UnusableFilter> {
        if !content.party().is_empty() {
            return Err(UnusableFilter::Party);
        }
        Ok(Self { criteria: Criteria::saved(content)? })
    }

    fn criteria(&self) -> &Criteria {
        &self.criteria
    }
}

/// A flag of a saved filter, with people-api's name for its value.
type Value = (&'static str, &'static str);

const PARTIES: [Value; 4] = [
    ("partyIndependent", "Independent"),
    ("partyDemocrat", "Democratic"),
    ("partyRepublican", "Republican"),
    ("partyUnknown", "Unknown"),
];

const TEXTS: [(TextCriterion, &[Value]); 9] = [
    (
        TextCriterion::VoterStatus,
        &[
            ("audienceSuperVoters", "Super"),
            ("audienceLikelyVoters", "Likely"),
            ("audienceUnreliableVoters", "Unreliable"),
            ("audienceUnlikelyVoters", "Unlikely"),
            ("audienceFirstTimeVoters", "First Time"),
            ("audienceUnknown", "Unknown"),
        ],
    ),
    (
        TextCriterion::Gender,
        &[("genderMale", "M"), ("genderFemale", "F"), ("genderUnknown", "Unknown")],
    ),
    (
        TextCriterion::MaritalStatus,
        &[
            ("likelyMarried", "Inferred Married"),
            ("likelySingle", "Inferred Single"),
            ("married", "Married"),
            ("single", "Single"),
            ("maritalUnknown", "Unknown"),
        ],
    ),
    (TextCriterion::VeteranStatus, &[("veteranYes", "Yes"), ("veteranUnknown", "Unknown")]),
    (
        TextCriterion::EducationLevel,
        &[
            ("educationNone", "None"),
            ("educationHighSchoolDiploma", "High School Diploma"),
            ("educationTechnicalSchool", "Technical School"),
            ("educationSomeCollege", "Some College"),
            ("educationCollegeDegree", "College Degree"),
            ("educationGraduateDegree", "Graduate Degree"),
            ("educationUnknown", "Unknown"),
        ],
    ),
    (
        TextCriterion::Ethnicity,
        &[
            ("ethnicityAsian", "Asian"),
            ("ethnicityEuropean", "European"),
            ("ethnicityHispanic", "Hispanic"),
            ("ethnicityAfricanAmerican", "African American"),
            ("ethnicityOther", "Other"),
            ("ethnicityUnknown", "Unknown"),
        ],
    ),
    (
        TextCriterion::BusinessOwner,
        &[("businessOwnerYes", "Yes"), ("businessOwnerUnknown", "Unknown")],
    ),
    (
        TextCriterion::PresenceOfChildren,
        &[("hasChildrenYes", "Yes"), ("hasChildrenNo", "No"), ("hasChildrenUnknown", "Unknown")],
    ),
    (
        TextCriterion::Homeowner,
        &[
            ("homeownerYes", "Yes"),
            ("homeownerLikely", "Likely"),
            ("homeownerNo", "No"),
            ("homeownerUnknown", "Unknown"),
        ],
    ),
];

/// A former value of the voter file that filters still use: people-api's voter status has had no
/// such value since June 2026.
const NO_MORE: [(TextCriterion, &str); 1] = [(TextCriterion::VoterStatus, "First Time")];

const LANGUAGES: [Value; 3] = [("en", "English"), ("es", "Spanish"), ("other", "Other")];

const AGES: [(&str, Range); 4] = [
    ("age18_25", Range { from: 18, to: Some(25) }),
    ("age25_35", Range { from: 25, to: Some(35) }),
    ("age35_50", Range { from: 35, to: Some(50) }),
    ("age50Plus", Range { from: 50, to: None }),
];

/// The maximum age, where each is listed.
const OLDEST: u32 = 120;

const INCOMES: [(&str, Range); 9] = [
    ("Under $25k", Range { from: 0, to: Some(24_999) }),
    ("$25k - $35k", Range { from: 25_000, to: Some(34_999) }),
    ("$35k - $50k", Range { from: 35_000, to: Some(49_999) }),
    ("$50k - $75k", Range { from: 50_000, to: Some(74_999) }),
    ("$75k - $100k", Range { from: 75_000, to: Some(99_999) }),
    ("$100k - $125k", Range { from: 100_000, to: Some(124_999) }),
    ("$125k - $150k", Range { from: 125_000, to: Some(149_999) }),
    ("$150k - $200k", Range { from: 150_000, to: Some(199_999) }),
    ("$200k+", Range { from: 200_000, to: None }),
];

impl Criteria {
    /// What a built-in segment selects; `None` for a saved filter.
    #[must_use]
    pub fn built_in(segment: Segment) -> Option<Self> {
        match segment {
            Segment::All => Some(Self::default()),
            Segment::CellPhone => Some(Self { has_cell_phone: true, ..Self::default() }),
            Segment::Landline => Some(Self { has_landline: true, ..Self::default() }),
            Segment::Saved(_) => None,
        }
    }

    /// What a saved filter selects, without political party. Registration is ignored, because
    /// everyone in the file is registered.
    fn saved(content: &FilterContent) -> Result<Self, UnusableFilter> {
        let mut texts: BTreeMap<TextCriterion, Vec<Cow<'static, str>>> = BTreeMap::new();
        for (criterion, values) in TEXTS {
            let known = selected(content, values).filter(|value| is_there(criterion, value));
            let known: Vec<_> = known.map(Cow::Borrowed).collect();
            if !known.is_empty() {
                texts.insert(criterion, known);
            }
        }
        if let Some(statuses) = listed(content.voter_status.as_ref()) {
            let statuses = statuses.iter().filter(|status| is_status(status)).cloned();
            texts.insert(TextCriterion::VoterStatus, statuses.map(Cow::Owned).collect());
        }
        if let Some(codes) = listed(content.language_codes.as_ref()) {
            texts.insert(TextCriterion::Language, languages(codes));
        }
        let income = income(content);
        let unknown = unknown_values(content);
        let is_left = |group: Group| match group {
            Group::Text(criterion) => texts.get(&criterion).is_some_and(|left| !left.is_empty()),
            Group::Income => income.is_some(),
        };
        let without_rest = unknown.into_iter().filter(|(group, _)| !is_left(*group));
        let without_rest: Vec<_> = without_rest.map(|(_, unknown)| unknown).collect();
        if !without_rest.is_empty() {
            return Err(UnusableFilter::UnknownValues(without_rest));
        }
        Ok(Self {
            texts,
            age: age(content),
            income,
            has_cell_phone: is_on(content, "hasCellPhone"),
            has_landline: is_on(content, "hasLandline"),
        })
    }
}

/// Values that are alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Text(TextCriterion),
    Income,
}

/// The values of a saved filter that the voter file does not have, or no longer has.
#[must_use]
pub(super) fn values_not_in_the_file(content: &FilterContent) -> Vec<UnknownValue> {
    unknown_values(content).into_iter().map(|(_, unknown)| unknown).collect()
}

fn unknown_values(content: &FilterContent) -> Vec<(Group, UnknownValue)> {
    let mut unknown = Vec::new();
    let mut add = |group, member, value: &str| {
        unknown.push((group, UnknownValue { member, value: value.to_owned() }));
    };
    // A list of statuses takes precedence over the flags.
    let statuses = listed(content.voter_status.as_ref());
    for (criterion, values) in TEXTS {
        if criterion == TextCriterion::VoterStatus && statuses.is_some() {
            continue;
        }
        for (member, value) in values {
            if is_on(content, member) && !is_there(criterion, value) {
                add(Group::Text(criterion), member, value);
            }
        }
    }
    for status in statuses.into_iter().flatten().filter(|status| !is_status(status)) {
        add(Group::Text(TextCriterion::VoterStatus), "voterStatus", status);
    }
    for code in content.language_codes.iter().flatten() {
        if !LANGUAGES.iter().any(|(known, _)| known == code) {
            add(Group::Text(TextCriterion::Language), "languageCodes", code);
        }
    }
    for label in content.income_ranges.iter().flatten() {
        if !INCOMES.iter().any(|(known, _)| known == label) {
            add(Group::Income, "incomeRanges", label);
        }
    }
    unknown
}

fn is_there(criterion: TextCriterion, value: &str) -> bool {
    !NO_MORE.contains(&(criterion, value))
}

/// Whether the voter file has such a voter status.
fn is_status(text: &str) -> bool {
    let mut statuses =
        TEXTS.iter().filter(|(criterion, _)| *criterion == TextCriterion::VoterStatus);
    statuses.any(|(criterion, values)| {
        values.iter().any(|(_, value)| *value == text && is_there(*criterion, value))
    })
}

fn listed(texts: Option<&Vec<String>>) -> Option<&Vec<String>> {
    texts.filter(|texts| !texts.is_empty())
}

fn is_on(content: &FilterContent, key: &str) -> bool {
    Flag::parse(key).is_some_and(|flag| content.flags.get(&flag) == Some(&true))
}

fn selected(content: &FilterContent, values: &[Value]) -> impl Iterator<Item = &'static str> {
    values.iter().filter(|(key, _)| is_on(content, key)).map(|(_, value)| *value)
}

fn languages(codes: &[String]) -> Vec<Cow<'static, str>> {
    let known = LANGUAGES.into_iter().filter(|(code, _)| codes.iter().any(|it| it == code));
    known.map(|(_, language)| Cow::Borrowed(language)).collect()
}

fn age(content: &FilterContent) -> Option<NumberCriterion> {
    let ranges = AGES.into_iter().filter(|(key, _)| is_on(content, key)).map(|(_, range)| range);
    let ranges: Vec<Range> = ranges.collect();
    let or_unknown = is_on(content, "ageUnknown");
    match joined(&ranges) {
        Some(one) => Some(NumberCriterion::Ranges { ranges: vec![one], or_unknown }),
        None if ranges.is_empty() => or_unknown.then_some(NumberCriterion::Unknown),
        None => {
            let ages = |range: &Range| range.from..=range.to.unwrap_or(OLDEST);
            let mut values: Vec<u32> = ranges.iter().flat_map(ages).collect();
            values.sort_unstable();
            values.dedup();
            Some(NumberCriterion::Each { values, or_unknown })
        }
    }
}

fn income(content: &FilterContent) -> Option<NumberCriterion> {
    let labels = content.income_ranges.as_deref().unwrap_or_default();
    // Unknown labels are dropped.
    let known = INCOMES.into_iter().filter(|(label, _)| labels.iter().any(|it| it == label));
    let ranges: Vec<Range> = known.map(|(_, range)| range).collect();
    let or_unknown = is_on(content, "incomeUnknown");
    match joined(&ranges) {
        Some(one) => Some(NumberCriterion::Ranges { ranges: vec![one], or_unknown }),
        None if ranges.is_empty() => or_unknown.then_some(NumberCriterion::Unknown),
        None => Some(NumberCriterion::Ranges { ranges, or_unknown }),
    }
}

/// Merges ascending ranges that overlap or are adjacent.
fn joined(ranges: &[Range]) -> Option<Range> {
    let (first, rest) = ranges.split_first()?;
    rest.iter().try_fold(*first, |before, next| {
        let follows = before.to.is_some_and(|to| next.from == to || next.from == to + 1);
        follows.then_some(Range { from: before.from, to: next.to })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(flags: &[&str]) -> FilterContent {
        let flags = flags.iter().map(|key| (Flag::parse(key).unwrap(), true)).collect();
        FilterContent { flags, ..FilterContent::default() }
    }

    fn ranges(ranges: &[(u32, Option<u32>)], or_unknown: bool) -> NumberCriterion {
        let ranges = ranges.iter().map(|&(from, to)| Range { from, to }).collect();
        NumberCriterion::Ranges { ranges, or_unknown }
    }

    #[test]
    fn every_flag_selects_something_but_those_of_registration() {
        let mut without: Vec<_> = Flag::ALL
            .into_iter()
            .filter(|flag| {
                let content = content(&[flag.key()]);
                WinFilter::saved(&content) == Ok(WinFilter::default())
            })
            .map(Flag::key)
            .collect();
        without.sort_unstable();
        assert_eq!(
            without,
            ["registeredVoterFalse", "registeredVoterTrue", "registeredVoterUnknown"]
        );
    }

    #[test]
    fn ages_are_one_range_where_they_adjoin_and_listed_where_they_do_not() {
        let age = |flags: &[&str]| age(&content(flags));
        assert_eq!(age(&["age18_25"]), Some(ranges(&[(18, Some(25))], false)));
        assert_eq!(age(&["age18_25", "age25_35"]), Some(ranges(&[(18, Some(35))], false)));
        assert_eq!(
            age(&["age35_50", "age50Plus", "ageUnknown"]),
            Some(ranges(&[(35, None)], true))
        );
        assert_eq!(age(&["ageUnknown"]), Some(NumberCriterion::Unknown));
        assert_eq!(age(&[]), None);
        let Some(NumberCriterion::Each { values, or_unknown: false }) =
            age(&["age18_25", "age50Plus"])
        else {
            panic!("a list");
        };
        let expected: Vec<u32> = (18..=25).chain(50..=120).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn incomes_are_one_range_where_they_adjoin_and_several_where_they_do_not() {
        let income = |labels: &[&str], flags: &[&str]| {
            let income_ranges = Some(labels.iter().map(|&label| label.to_owned()).collect());
            income(&FilterContent { income_ranges, ..content(flags) })
        };
        assert_eq!(income(&["$200k+"], &[]), Some(ranges(&[(200_000, None)], false)));
        assert_eq!(
            income(&["$25k - $35k", "Under $25k"], &[]),
            Some(ranges(&[(0, Some(34_999))], false))
        );
        assert_eq!(
            income(&["$200k+", "Under $25k", "a lot"], &["incomeUnknown"]),
            Some(ranges(&[(0, Some(24_999)), (200_000, None)], true))
        );
        assert_eq!(income(&["a lot"], &[]), None);
        assert_eq!(income(&[], &["incomeUnknown"]), Some(NumberCriterion::Unknown));
    }

    #[test]
    fn a_list_of_statuses_wins_over_the_flags_and_unknown_languages_are_dropped() {
        let content = FilterContent {
            voter_status: Some(vec!["Likely".to_owned()]),
            language_codes: Some(vec!["fr".to_owned(), "es".to_owned()]),
            ..content(&["audienceSuperVoters"])
        };
        let criteria = Criteria::saved(&content).unwrap();
        assert_eq!(criteria.texts[&TextCriterion::VoterStatus], ["Likely"]);
        assert_eq!(criteria.texts[&TextCriterion::Language], ["Spanish"]);
    }

    #[test]
    fn only_a_candidate_can_select_by_party() {
        let content = content(&["partyDemocrat", "partyUnknown", "genderFemale"]);
        let win = WinFilter::saved(&content).unwrap();
        assert_eq!(win.political_party, ["Democratic", "Unknown"]);
        assert_eq!(win.criteria.texts[&TextCriterion::Gender], ["F"]);
        assert_eq!(ServeFilter::saved(&content), Err(UnusableFilter::Party));
    }

    fn listing(statuses: &[&str], languages: &[&str], incomes: &[&str]) -> FilterContent {
        let list = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        FilterContent {
            voter_status: list(statuses),
            language_codes: list(languages),
            income_ranges: list(incomes),
            ..FilterContent::default()
        }
    }

    fn unknown(member: &'static str, value: &str) -> UnknownValue {
        UnknownValue { member, value: value.to_owned() }
    }

    #[test]
    fn a_value_that_the_file_has_no_more_is_left_out_of_a_group_that_has_others() {
        let content = content(&["audienceFirstTimeVoters", "audienceLikelyVoters", "genderMale"]);
        let criteria = Criteria::saved(&content).unwrap();
        assert_eq!(criteria.texts[&TextCriterion::VoterStatus], ["Likely"]);
        assert_eq!(criteria.texts[&TextCriterion::Gender], ["M"]);
        let first_time = [unknown("audienceFirstTimeVoters", "First Time")];
        assert_eq!(values_not_in_the_file(&content), first_time);

        let content = listing(&["Super", "First Time"], &["xx", "es"], &["a lot", "$200k+"]);
        let criteria = Criteria::saved(&content).unwrap();
        assert_eq!(criteria.texts[&TextCriterion::VoterStatus], ["Super"]);
        assert_eq!(criteria.texts[&TextCriterion::Language], ["Spanish"]);
        assert_eq!(criteria.income, Some(ranges(&[(200_000, None)], false)));
        let left_out = [
            unknown("voterStatus", "First Time"),
            unknown("languageCodes", "xx"),
            unknown("incomeRanges", "a lot"),
        ];
        assert_eq!(values_not_in_the_file(&content), left_out);
    }

    #[test]
    fn a_group_in_which_no_value_is_left_is_refused_for_without_it_everybody_would_be_selected() {
        let refused = |content: &FilterContent| match WinFilter::saved(content) {
            Err(UnusableFilter::UnknownValues(values)) => values,
            other => panic!("{other:?}"),
        };
        let first_time = content(&["audienceFirstTimeVoters", "genderMale"]);
        assert_eq!(refused(&first_time), [unknown("audienceFirstTimeVoters", "First Time")]);
        // The list takes precedence over the flags, so theirs are not alternatives.
        let listed = FilterContent {
            voter_status: Some(vec!["Often".to_owned()]),
            ..content(&["audienceSuperVoters"])
        };
        assert_eq!(refused(&listed), [unknown("voterStatus", "Often")]);
        assert_eq!(refused(&listing(&[], &["xx"], &[])), [unknown("languageCodes", "xx")]);
        assert_eq!(refused(&listing(&[], &[], &["a lot"])), [unknown("incomeRanges", "a lot")]);
        // Unknown income is another value of the same group.
        let unknown_income = FilterContent {
            income_ranges: Some(vec!["a lot".to_owned()]),
            ..content(&["incomeUnknown"])
        };
        let criteria = Criteria::saved(&unknown_income).unwrap();
        assert_eq!(criteria.income, Some(NumberCriterion::Unknown));
    }
}
