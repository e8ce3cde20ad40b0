//! Elected offices (legacy contract §5.4).

pub(crate) mod create;
pub(crate) mod get_by_id;
pub(crate) mod get_current;
pub(crate) mod get_list;
pub(crate) mod put_by_id;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use serde::Serialize;
use winserve_domain::{
    elected_office::ElectedOffice,
    id::ElectedOfficeId,
    use_cases::{ElectedOfficeError, OfficeAuthor},
};

use crate::{
    auth::UserOrMachine,
    campaigns::milliseconds,
    error::{ApiError, ErrorCode},
    validation::{Rule, coerced_number},
};

/// An elected office as its holder sees it; what is not known is absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ElectedOfficeAnswer {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    elected_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sworn_in_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term_start_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term_end_date: Option<NaiveDate>,
    organization_id: Option<String>,
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
        }
    }
}

/// An elected office as machines see it: the row, with days as moments.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
            campaign_id: office.campaign_id.map(|id| id.0),
            organization_id: office.organization_id.map(|id| id.to_string()),
        }
    }
}

/// An office as whoever asks sees it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
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
            ElectedOfficeError::Foreign => {
                Self::client(ErrorCode::Forbidden, "Not allowed to access this elected office")
            }
            ElectedOfficeError::AnotherActive => {
                Self::client(ErrorCode::Conflict, "User already has an active elected office")
            }
            ElectedOfficeError::Store(error) => error.into(),
        }
    }
}

/// The id of a path: any text, but for the character that no id can have.
fn id_of(path: String) -> Result<ElectedOfficeId, ApiError> {
    if path.contains('\0') {
        return Err(ElectedOfficeError::NotFound.into());
    }
    Ok(ElectedOfficeId(path))
}

/// Rules of the term's members; `null` clears where it is allowed.
const DAY: Rule = Rule::Day;
const NULLABLE_DAY: Rule = Rule::Nullable(&Rule::Day);

/// A day that was checked, as the old service read it: months and days beyond the calendar roll
/// over (`2025-13-45` is 2026-02-14).
fn day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
    // Month and day 00 lie one before the first.
    let month = match month.checked_sub(1) {
        Some(months) => first.checked_add_months(Months::new(months))?,
        None => first.checked_sub_months(Months::new(1))?,
    };
    match day.checked_sub(1) {
        Some(days) => month.checked_add_days(Days::new(days.into())),
        None => month.checked_sub_days(Days::new(1)),
    }
}

/// Reads a checked day.
fn read_day<'de, D: serde::Deserializer<'de>>(
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

/// Reads a checked whole number that may come as a text.
fn read_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i32>, D::Error> {
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    // Checked to be whole and in range, so that its text is the integer's.
    let number = value.as_ref().and_then(coerced_number).map(|number| format!("{number:.0}"));
    number.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// [`read_integer`], where `null` clears.
fn given_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<i32>>, D::Error> {
    read_integer(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_beyond_the_calendar_roll_over() {
        for (text, expected) in [
            ("2025-01-06", "2025-01-06"),
            ("2025-13-45", "2026-02-14"),
            ("2025-02-30", "2025-03-02"),
            ("2025-00-01", "2024-12-01"),
            ("2025-01-00", "2024-12-31"),
        ] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some(expected), "{text}");
        }
    }
}
