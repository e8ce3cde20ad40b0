//! Saved filters of voters, `/v1/voters/voter-file/filter(s)` (legacy contract §5.3, design §5).

pub(crate) mod delete_by_id;
pub(crate) mod get_all;
pub(crate) mod get_by_id;
pub(crate) mod post_copy;
pub(crate) mod post_filter;
pub(crate) mod put_by_id;
mod schema;

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use winserve_domain::{
    base::{SavedFilterId, StoreError},
    organizations::{ActiveOrganization, Holder},
    saved_filters::{
        FilterContent, FilterProblem, Flag, SavedFilter, SavedFilterError, UnknownValue,
    },
};

use crate::{
    body::typed,
    campaigns::milliseconds,
    error::{ApiError, ErrorCode},
    openapi::refuses,
    validation::{Issue, PathItem, Rule, Shape, Unknown, check, coerced_integer},
};

/// The flag that clients could never set.
const NOT_SETTABLE: &str = "registeredVoterUnknown";

const LIST: Rule =
    Rule::ListUpTo(&Rule::TextBetween(0, FilterContent::LONGEST_TEXT), FilterContent::LONGEST_LIST);

/// Every flag, and the other members.
static FIELDS: LazyLock<Vec<(&str, Rule)>> = LazyLock::new(|| {
    let flags = Flag::ALL.into_iter().map(Flag::key).filter(|key| *key != NOT_SETTABLE);
    let others = [
        ("name", Rule::TextBetween(1, FilterContent::LONGEST_TEXT)),
        ("voterCount", Rule::CoercedInteger),
        ("languageCodes", LIST),
        ("voterStatus", LIST),
        ("incomeRanges", LIST),
    ];
    flags.map(|key| (key, Rule::Boolean)).chain(others).collect()
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    name: Option<String>,
    voter_count: Option<Value>,
    language_codes: Option<Vec<String>>,
    voter_status: Option<Vec<String>>,
    income_ranges: Option<Vec<String>>,
    #[serde(flatten)]
    flags: BTreeMap<String, bool>,
}

/// The content of a filter, from a body. For an elected office, null for a political party is treated as
/// absent (design §5).
pub(crate) fn content(
    active: &ActiveOrganization,
    mut body: Option<Value>,
) -> Result<FilterContent, ApiError> {
    let is_null_of_party =
        |key: &str, value: &Value| value.is_null() && Flag::parse(key).is_some_and(Flag::is_party);
    if let (Holder::ElectedOffice(_), Some(Value::Object(members))) = (active.holder(), &mut body) {
        members.retain(|key, value| !is_null_of_party(key, value));
    }
    let shape = Shape { required: &[], fields: FIELDS.as_slice(), unknown: Unknown::Strip };
    let body: Body = typed(check(body, &shape)?)?;
    let flag = |(key, is_on): (String, bool)| Flag::parse(&key).map(|flag| (flag, is_on));
    Ok(FilterContent {
        name: body.name,
        voter_count: body.voter_count.as_ref().and_then(coerced_integer),
        language_codes: body.language_codes,
        voter_status: body.voter_status,
        income_ranges: body.income_ranges,
        flags: body.flags.into_iter().filter_map(flag).collect(),
    })
}

/// A saved filter. That of an elected office has no member on political party (design D8).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedFilterAnswer {
    id: i32,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    name: Option<String>,
    campaign_id: Option<i32>,
    voter_count: Option<i32>,
    language_codes: Option<Vec<String>>,
    voter_status: Option<Vec<String>>,
    income_ranges: Option<Vec<String>>,
    #[serde(flatten)]
    flags: BTreeMap<&'static str, Option<bool>>,
    /// Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<FilterProblemAnswer>,
}

/// Why a filter does not select what was saved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FilterProblem)]
pub(crate) struct FilterProblemAnswer {
    /// `unknown-values`: the voter file does not have (or no longer has) values that the filter selects by.
    code: &'static str,
    /// Whether the filter can be used, with the remaining values. Otherwise it is refused with
    /// `invalid-filter`, because without these values it would select more than was saved.
    usable: bool,
    /// The values.
    unknown_values: Vec<UnknownFilterValue>,
}

/// A value that the voter file does not have.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownFilterValue {
    /// The member of the filter, such as `audienceFirstTimeVoters` or `incomeRanges`.
    member: &'static str,
    /// For example `First Time`.
    value: String,
}

impl FilterProblemAnswer {
    /// `None` if there is none.
    pub(crate) fn of(content: &FilterContent) -> Option<Self> {
        let problem = FilterProblem::of(content)?;
        let named = |UnknownValue { member, value }| UnknownFilterValue { member, value };
        Some(Self {
            code: "unknown-values",
            usable: problem.is_usable,
            unknown_values: problem.unknown_values.into_iter().map(named).collect(),
        })
    }
}

impl From<SavedFilter> for SavedFilterAnswer {
    fn from(filter: SavedFilter) -> Self {
        let SavedFilter { id, created_at, updated_at, campaign, content } = filter;
        let flags = Flag::ALL.into_iter().filter(|flag| campaign.is_some() || !flag.is_party());
        Self {
            problem: FilterProblemAnswer::of(&content),
            id: id.0,
            created_at,
            updated_at,
            campaign_id: campaign.map(|id| id.0),
            flags: flags.map(|flag| (flag.key(), content.flags.get(&flag).copied())).collect(),
            name: content.name,
            voter_count: content.voter_count,
            language_codes: content.language_codes,
            voter_status: content.voter_status,
            income_ranges: content.income_ranges,
        }
    }
}

impl From<SavedFilterError> for ApiError {
    fn from(error: SavedFilterError) -> Self {
        match error {
            SavedFilterError::ProRequired => {
                Self::client(ErrorCode::ProRequired, "Campaign is not pro")
            }
            SavedFilterError::Party(flags) => {
                let issue = |flag: Flag| {
                    let path = [PathItem::Key(flag.key().to_owned())];
                    Issue::new("custom", &path, "There is no such filter".to_owned(), Value::Null)
                };
                Self::invalid_filter(
                    "There is no such filter",
                    flags.into_iter().map(issue).collect(),
                )
            }
            SavedFilterError::TooLarge => Self::client(
                ErrorCode::InvalidFilter,
                "The filter is too large to be copied: shorten its name and its lists, then try again",
            ),
            SavedFilterError::NotFound => not_found(),
            SavedFilterError::Store(error) => error.into(),
        }
    }
}

refuses!(SavedFilterError: ProRequired, InvalidFilter, NotMigrated, NotFound, LimitReached; StoreError);

pub(crate) fn not_found() -> ApiError {
    ApiError::client(ErrorCode::NotFound, "Voter file filter not found")
}

/// The filter in a path; a text that is not a number does not exist.
fn id_of(path: &str) -> Result<SavedFilterId, ApiError> {
    path.parse().map(SavedFilterId).map_err(|_no_number| not_found())
}
