//! Records how the general election of a campaign ended.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::win::{prepare_win, won_office, write_win};
use crate::{
    Ports,
    base::{OrganizationId, StoreError},
    campaigns::{
        CampaignChange,
        adopt::adopted,
        draft::{Draft, as_clients_see},
    },
    database::UnitOfWork,
    offices::{NewOffice, NewOfficeError, Term},
    organizations::ActiveCampaign,
    positions::{Facts, election_lookup},
};

/// The member of `details` that says whether the general election was won.
const WON: &str = "wonGeneral";
/// The members of `details` with the day of the election and the length of the term.
const ELECTION_DATE: &str = "electionDate";
const TERM_LENGTH: &str = "officeTermLength";

/// How the general election ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ElectionResult {
    /// The candidate holds the office, for this term.
    Won(Term),
    /// Somebody else does.
    Lost,
}

/// Why a result was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordResultError {
    /// An office was won with the campaign: it was not lost.
    #[error("an office was won with the campaign")]
    AlreadyWon,
    /// There is no such campaign, or its office could not be created.
    #[error(transparent)]
    Office(#[from] NewOfficeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Records the result in the campaign and, if it was won, creates the office as [`win`] does, in
/// one transaction. A repeat finds the office that the first request created.
///
/// [`win`]: crate::offices::win()
///
/// # Errors
/// See [`RecordResultError`].
pub async fn record_result(
    ports: &Ports,
    active: ActiveCampaign,
    result: ElectionResult,
) -> Result<Option<NewOffice>, RecordResultError> {
    let position = match result {
        ElectionResult::Won(_) => {
            let read = move |uow: &mut dyn UnitOfWork| prepare_win(uow, active);
            ports.database.read("elected_office.ask_before_win", read).await?
        }
        ElectionResult::Lost => None,
    };
    let facts = election_lookup::facts(ports.election.as_ref(), position.as_ref()).await;
    let now = ports.now();
    ports
        .database
        .transaction("campaign.result", move |uow| write(uow, active, result, &facts, now))
        .await
}

fn write(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
    result: ElectionResult,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Option<NewOffice>, RecordResultError> {
    let office = match result {
        ElectionResult::Won(term) => Some(write_win(uow, active, term, facts, now)?),
        ElectionResult::Lost => None,
    };
    let holder = active.owner();
    uow.users().find_for_update(holder)?.ok_or(NewOfficeError::NoUser(holder))?;
    let campaign = uow.campaigns().find_active_for_update(active)?;
    let campaign = adopted(uow, campaign.ok_or(NewOfficeError::NoCampaign)?, facts, now)?;
    if office.is_none() && won_office(uow, campaign.id)?.is_some() {
        return Err(RecordResultError::AlreadyWon);
    }
    if campaign.details.get(WON) != Some(&office.is_some().into()) {
        let details = Map::from_iter([(WON.to_owned(), office.is_some().into())]);
        let mut draft = Draft::of(campaign);
        draft.apply(CampaignChange { details: Some(details), ..CampaignChange::default() });
        draft.save(uow, None, now)?;
    }
    Ok(office)
}

/// What is known about the result of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSoFar {
    /// Whether the candidate said that it was won.
    pub recorded: Option<bool>,
    /// The organization of the office that was won with it.
    pub office: Option<OrganizationId>,
    /// The term that a winner usually has; a suggestion, to be confirmed by the winner.
    pub usual_term: Term,
}

/// What is known about the result of a campaign.
///
/// # Errors
/// [`NewOfficeError::NoCampaign`] if it was deleted, and [`StoreError`].
pub async fn result_so_far(
    ports: &Ports,
    active: ActiveCampaign,
) -> Result<ResultSoFar, NewOfficeError> {
    ports
        .database
        .read("campaign.result_so_far", move |uow| {
            let campaign = uow.campaigns().find_active(active)?;
            let campaign = as_clients_see(campaign.ok_or(NewOfficeError::NoCampaign)?);
            let won = won_office(uow, campaign.id)?;
            Ok(ResultSoFar {
                recorded: campaign.details.get(WON).and_then(Value::as_bool),
                office: won.and_then(|won| won.office.organization_id),
                usual_term: usual_term(&campaign.details),
            })
        })
        .await
}

/// From the first of January after the election on, as long as the candidate said that the term is.
fn usual_term(details: &Value) -> Term {
    let date = details.get(ELECTION_DATE).and_then(Value::as_str);
    let elected: Option<NaiveDate> = date.and_then(|text| text.get(..10)?.parse().ok());
    let first_of_january = |year| NaiveDate::from_ymd_opt(year, 1, 1);
    let start = elected.and_then(|day| first_of_january(day.year() + 1));
    let years = details.get(TERM_LENGTH).and_then(years);
    let end = start.zip(years).and_then(|(day, years)| first_of_january(day.year() + years));
    Term {
        elected_date: elected,
        sworn_in_date: None,
        term_start_date: start,
        term_end_date: end,
        term_length_days: None,
        is_active: true,
    }
}

/// The years of a length such as `4 years`, or `4`.
fn years(length: &Value) -> Option<i32> {
    let years = match length {
        Value::String(text) => text.split_whitespace().next()?.parse().ok(),
        other => i32::try_from(other.as_i64()?).ok(),
    };
    years.filter(|years| (1..=20).contains(years))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_term_usually_begins_in_january_after_the_election() {
        let term = |details: Value| {
            let Term { elected_date, term_start_date, term_end_date, .. } = usual_term(&details);
            [elected_date, term_start_date, term_end_date]
        };
        let day = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            term(json!({"electionDate": "2026-11-03", "officeTermLength": "4 years"})),
            [day("2026-11-03"), day("2027-01-01"), day("2031-01-01")]
        );
        assert_eq!(
            term(json!({"electionDate": "2026-11-03"})),
            [day("2026-11-03"), day("2027-01-01"), None]
        );
        assert_eq!(term(json!({"officeTermLength": "4 years"})), [None; 3]);
        assert_eq!(term(json!(null)), [None; 3]);
    }

    #[test]
    fn the_length_of_a_term_is_read_from_a_text_or_a_number() {
        for (length, expected) in [
            (json!("4 years"), Some(4)),
            (json!("2"), Some(2)),
            (json!(6), Some(6)),
            (json!("four years"), None),
            (json!(0), None),
            (json!(null), None),
        ] {
            assert_eq!(years(&length), expected, "{length}");
        }
    }
}
