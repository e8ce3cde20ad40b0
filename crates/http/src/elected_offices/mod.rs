//! Elected offices (legacy contract §5.4).

pub(crate) mod get_by_id;
pub(crate) mod get_current;
pub(crate) mod get_list;
pub(crate) mod get_mine;
pub(crate) mod post_office;
pub(crate) mod put_by_id;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::{ElectedOfficeId, StoreError},
    offices::{ElectedOffice, ElectedOfficeError, OfficeAuthor, Term},
};

use crate::{
    auth::UserOrMachine,
    campaigns::milliseconds,
    error::{ApiError, ErrorCode},
    openapi::refuses,
    validation::{Rule, coerced_number, day},
};

/// An elected office as its holder sees it; unknown values are absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ElectedOffice)]
pub(crate) struct ElectedOfficeAnswer {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    elected_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sworn_in_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    term_start_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    term_end_date: Option<NaiveDate>,
    organization_id: Option<String>,
    clerk_organization_id: Option<String>,
    position_id: Option<String>,
}

impl From<ElectedOffice> for ElectedOfficeAnswer {
    fn from(office: ElectedOffice) -> Self {
        Self {
            id: office.id.0,
            elected_date: office.term.elected_date,
            sworn_in_date: office.term.sworn_in_date,
            term_start_date: office.term.term_start_date,
            term_end_date: office.term.term_end_date,
            organization_id: office.organization_id.map(|id| id.to_string()),
            clerk_organization_id: office.clerk_organization_id,
            position_id: office.position.map(|id| id.as_str().to_owned()),
        }
    }
}

/// An elected office as machines see it: the row, with dates as timestamps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MachineElectedOffice)]
pub(crate) struct MachineOfficeAnswer {
    id: String,
    elected_date: Option<String>,
    sworn_in_date: Option<String>,
    term_start_date: Option<String>,
    term_length_days: Option<i32>,
    term_end_date: Option<String>,
    is_active: bool,
    user_id: i32,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    campaign_id: Option<i32>,
    organization_id: Option<String>,
    clerk_organization_id: Option<String>,
    position_id: Option<String>,
}

impl From<ElectedOffice> for MachineOfficeAnswer {
    fn from(office: ElectedOffice) -> Self {
        let midnight = |day: Option<NaiveDate>| day.map(|day| format!("{day}T00:00:00.000Z"));
        Self {
            id: office.id.0,
            elected_date: midnight(office.term.elected_date),
            sworn_in_date: midnight(office.term.sworn_in_date),
            term_start_date: midnight(office.term.term_start_date),
            term_length_days: office.term.term_length_days,
            term_end_date: midnight(office.term.term_end_date),
            is_active: office.term.is_active,
            user_id: office.user_id.0,
            created_at: office.created_at,
            updated_at: office.updated_at,
            campaign_id: office.campaign.map(|id| id.0),
            organization_id: office.organization_id.map(|id| id.to_string()),
            clerk_organization_id: office.clerk_organization_id,
            position_id: office.position.map(|id| id.as_str().to_owned()),
        }
    }
}

/// An office, as the caller may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ElectedOfficeForCaller)]
pub(crate) enum OfficeFor {
    /// Its holder.
    User(ElectedOfficeAnswer),
    /// A machine.
    Machine(MachineOfficeAnswer),
}

impl OfficeFor {
    fn new(caller: &UserOrMachine, office: ElectedOffice) -> Self {
        match caller {
            UserOrMachine::User(_) => Self::User(office.into()),
            UserOrMachine::Machine => Self::Machine(office.into()),
        }
    }
}

impl From<&UserOrMachine> for OfficeAuthor {
    fn from(caller: &UserOrMachine) -> Self {
        match caller {
            UserOrMachine::User(user) => Self::User(*user),
            UserOrMachine::Machine => Self::Machine,
        }
    }
}

impl From<ElectedOfficeError> for ApiError {
    fn from(error: ElectedOfficeError) -> Self {
        match error {
            ElectedOfficeError::NotFound => {
                Self::client(ErrorCode::NotFound, "Elected office not found")
            }
            ElectedOfficeError::AnotherActive => {
                Self::client(ErrorCode::Conflict, "User already has an active elected office")
            }
            ElectedOfficeError::TermsOverlap(term) => terms_overlap(term),
            ElectedOfficeError::Store(error) => error.into(),
        }
    }
}

refuses!(ElectedOfficeError: NotFound, Conflict, TermsOverlap; StoreError);

/// The user holds the same office already.
fn terms_overlap(term: Term) -> ApiError {
    let day = |day: Option<NaiveDate>| day.map_or("an unknown day".to_owned(), |it| it.to_string());
    let (first_day, end) = (day(term.first_day()), day(term.end()));
    let message = format!(
        "You hold this office from {first_day} to {end} already: \
         change one of the terms so that they do not overlap"
    );
    ApiError::client(ErrorCode::TermsOverlap, message)
}

/// The id in a path: any text without the character that no id can have.
fn id_of(path: String) -> Result<ElectedOfficeId, ApiError> {
    if path.contains('\0') {
        return Err(ElectedOfficeError::NotFound.into());
    }
    Ok(ElectedOfficeId(path))
}

/// Rules for the members of the term; `null` clears where it is allowed.
const DAY: Rule = Rule::Day;
const NULLABLE_DAY: Rule = Rule::Nullable(&Rule::Day);

/// Reads a checked date.
pub(crate) fn read_day<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NaiveDate>, D::Error> {
    let text: Option<String> = serde::Deserialize::deserialize(deserializer)?;
    let Some(text) = text else { return Ok(None) };
    day(&text).map(Some).ok_or_else(|| serde::de::Error::custom("a day was not checked"))
}

/// [`read_day`], where `null` clears.
fn given_day<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<NaiveDate>>, D::Error> {
    read_day(deserializer).map(Some)
}

/// Reads a checked integer that may be given as a text.
fn read_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i32>, D::Error> {
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    // Already checked to be an integer within range, so its text is that of the integer.
    let number = value.as_ref().and_then(coerced_number).map(|number| format!("{number:.0}"));
    number.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// [`read_integer`], where `null` clears.
fn given_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<i32>>, D::Error> {
    read_integer(deserializer).map(Some)
}
