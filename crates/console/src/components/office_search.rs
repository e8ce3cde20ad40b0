//! The search for an office by ZIP code: the form, and what was found.

use std::collections::BTreeMap;

use askama::{Template, filters::HtmlSafe};
use chrono::{Datelike as _, Months, NaiveDate};
use url::form_urlencoded;
use winserve_domain::{
    Ports,
    positions::{self, ElectionUnavailable, FoundPosition, OfficeLevel, PositionSearch},
};
use winserve_http::ErrorCode;

use crate::{
    components::{
        field::{ErrorSummary, Field},
        notice::Notice,
    },
    days,
    form::Fields,
    mode::Mode,
};

/// Months that a search looks ahead.
const AHEAD: Months = Months::new(36);
/// Months that it looks back for somebody who holds an office already: the longest usual term.
const BACK: Months = Months::new(72);
/// Shorter names match thousands of offices.
const SHORTEST_NAME: usize = 3;
/// Offices shown at most.
const SHOWN: usize = 100;

/// The levels to choose from, as a field sends them and as people read them, in the order of the results.
const LEVELS: [(&str, &str); 5] = [
    ("LOCAL", "Local, township or city"),
    ("COUNTY", "County or regional"),
    ("STATE", "State"),
    ("FEDERAL", "Federal"),
    ("JUDICIAL", "Court"),
];
const OTHER_LEVEL: &str = "Other";

/// The search.
#[derive(Template)]
#[template(path = "components/office_search.html")]
pub(crate) struct OfficeSearch {
    action: String,
    zip: Field,
    name: Field,
    level: Field,
    summary: Option<ErrorSummary>,
    outcome: Outcome,
}

impl HtmlSafe for OfficeSearch {}

/// What a search led to.
enum Outcome {
    /// Nothing was searched for yet.
    NotAsked,
    /// The answer did not come.
    Away(Notice),
    /// The offices; none if there are none.
    Found { sentence: String, years: Vec<Year> },
}

/// Offices whose election is in a year; all offices where years do not matter.
struct Year {
    heading: Option<String>,
    levels: Vec<Level>,
}

/// Offices of a level, by name.
struct Level {
    heading: &'static str,
    offices: Vec<Office>,
}

/// An office to choose.
struct Office {
    name: String,
    place: Option<String>,
    day: Option<String>,
    address: String,
}

impl OfficeSearch {
    /// Searches for what a query names. The chosen office leads to `next`, with its id and, for a campaign, the
    /// day of its election.
    pub(crate) async fn run(
        ports: &Ports,
        query: &Fields,
        usual_zip: Option<&str>,
        mode: Mode,
        (action, next): (String, String),
    ) -> Self {
        let is_asked = query.filled("zip").is_some() || query.filled("name").is_some();
        let problems = if is_asked { Problems::of(query) } else { Problems::default() };
        let zip = Field::text("zip", "ZIP code")
            .hint("Five digits, where you live or run")
            .value(query.filled("zip").or(usual_zip.filter(|_| !is_asked)).unwrap_or_default())
            .error(problems.zip)
            .autocomplete("postal-code");
        let name = Field::text("name", "Office name")
            .hint("A part of the name, such as council")
            .value(query.text("name"))
            .error(problems.name);
        let any = (String::new(), "Any level".to_owned());
        let levels = LEVELS.map(|(value, label)| (value.to_owned(), label.to_owned()));
        let levels = [any].into_iter().chain(levels).collect();
        let level = Field::choice("level", "Office level", levels).value(query.text("level"));
        let summary = ErrorSummary::new(None, [&zip, &name]);
        let outcome = if is_asked && summary.is_none() {
            let search = search(query, ports.today(), mode);
            outcome(positions::search(ports, &search).await, mode, &next)
        } else {
            Outcome::NotAsked
        };
        Self { action, zip, name, level, summary, outcome }
    }
}

/// What is wrong with a search.
#[derive(Default)]
struct Problems {
    zip: Option<&'static str>,
    name: Option<&'static str>,
}

impl Problems {
    fn of(query: &Fields) -> Self {
        let is_zip = |zip: &str| zip.len() == 5 && zip.bytes().all(|it| it.is_ascii_digit());
        let zip = query.filled("zip");
        let is_short = query.filled("name").is_some_and(|it| it.chars().count() < SHORTEST_NAME);
        Self {
            zip: zip.filter(|zip| !is_zip(zip)).map(|_| "A ZIP code has five digits"),
            name: (zip.is_none() && is_short)
                .then_some("Enter a ZIP code, or at least three letters of the name"),
        }
    }
}

fn search(query: &Fields, today: NaiveDate, mode: Mode) -> PositionSearch {
    let from = if mode.is_office() { today.checked_sub_months(BACK) } else { None };
    PositionSearch {
        zip: query.filled("zip").map(str::to_owned),
        name: query.filled("name").map(str::to_owned),
        levels: OfficeLevel::of_group(query.text("level")).to_vec(),
        from: from.unwrap_or(today),
        to: today.checked_add_months(AHEAD).unwrap_or(NaiveDate::MAX),
        today,
    }
}

fn outcome(
    found: Result<Vec<FoundPosition>, ElectionUnavailable>,
    mode: Mode,
    next: &str,
) -> Outcome {
    let mut found = match found {
        Ok(found) => found,
        Err(error) => return Outcome::Away(away(&error)),
    };
    if mode.is_office() {
        // The office matters, not when somebody was elected to it.
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
    }
    let count = found.len();
    found.truncate(SHOWN);
    let sentence = match count {
        1 => "1 office found".to_owned(),
        _ if count > SHOWN => {
            format!(
                "{count} offices found. These are {SHOWN} of them: add a name or a level to see the others."
            )
        }
        _ => format!("{count} offices found"),
    };
    Outcome::Found { sentence, years: years(found, mode, next) }
}

/// The notice in place of what election-api did not answer.
pub(crate) fn away(error: &ElectionUnavailable) -> Notice {
    Notice::of(match error {
        ElectionUnavailable::TimedOut(_) => ErrorCode::UpstreamTimeout,
        ElectionUnavailable::NotConfigured
        | ElectionUnavailable::NotOffered { .. }
        | ElectionUnavailable::Failed { .. } => ErrorCode::UpstreamFailed,
    })
}

/// By year, then by level, then by name.
fn years(found: Vec<FoundPosition>, mode: Mode, next: &str) -> Vec<Year> {
    let mut years: BTreeMap<Option<i32>, BTreeMap<usize, Vec<Office>>> = BTreeMap::new();
    for position in found {
        let day = position.election_day.filter(|_| !mode.is_office());
        let levels = years.entry(day.map(|day| day.year())).or_default();
        let level = position.level.as_deref().and_then(level_of).unwrap_or(LEVELS.len());
        levels.entry(level).or_default().push(office(position, day, next));
    }
    years
        .into_iter()
        .map(|(year, levels)| Year {
            heading: year.map(|year| year.to_string()),
            levels: levels.into_iter().map(|(level, offices)| sorted(level, offices)).collect(),
        })
        .collect()
}

fn sorted(level: usize, mut offices: Vec<Office>) -> Level {
    offices.sort_by(|a, b| a.name.cmp(&b.name));
    Level { heading: LEVELS.get(level).map_or(OTHER_LEVEL, |(_, label)| *label), offices }
}

/// Which of [`LEVELS`] a level of election-api belongs to.
fn level_of(level: &str) -> Option<usize> {
    LEVELS.iter().position(|(group, _)| {
        OfficeLevel::of_group(group).iter().any(|it| it.as_str().eq_ignore_ascii_case(level))
    })
}

fn office(position: FoundPosition, day: Option<NaiveDate>, next: &str) -> Office {
    let FoundPosition { id, name, state, city, district, .. } = position;
    let place = [city, district, state].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("position", id.as_str());
    if let Some(day) = day {
        query.append_pair("date", &day.to_string());
    }
    Office {
        name: name.unwrap_or_else(|| "Office without a name".to_owned()),
        place: (!place.is_empty()).then_some(place),
        day: day.map(days::shown),
        address: format!("{next}?{}", query.finish()),
    }
}

#[cfg(test)]
mod tests {
    use winserve_domain::positions::BallotReadyId;

    use super::*;

    fn found(id: &str, name: &str, level: &str, day: &str) -> FoundPosition {
        FoundPosition {
            id: BallotReadyId::parse(id).unwrap(),
            name: Some(name.to_owned()),
            level: Some(level.to_owned()),
            state: None,
            election_day: day.parse().ok(),
            city: None,
            district: None,
        }
    }

    /// Headings and names in the order in which they are shown.
    fn shown(outcome: Outcome) -> Vec<String> {
        let Outcome::Found { years, .. } = outcome else { panic!("nothing was found") };
        let mut shown = Vec::new();
        for Year { heading, levels } in years {
            shown.extend(heading);
            for Level { heading, offices } in levels {
                shown.push(heading.to_owned());
                shown.extend(offices.into_iter().map(|office| office.name));
            }
        }
        shown
    }

    fn offices() -> Vec<FoundPosition> {
        vec![
            found("c", "Sheriff", "County", "2026-11-03"),
            found("b", "Mayor", "City", "2028-11-07"),
            found("b", "Mayor", "City", "2026-11-03"),
            found("a", "Alderman", "Township", "2026-11-03"),
            found("d", "Judge", "Moon", "2026-11-03"),
        ]
    }

    #[test]
    fn a_candidate_sees_offices_by_year_level_and_name() {
        let shown = shown(outcome(Ok(offices()), Mode::Campaign, "/next"));
        let local = "Local, township or city";
        assert_eq!(
            shown,
            [
                "2026",
                local,
                "Alderman",
                "Mayor",
                "County or regional",
                "Sheriff",
                "Other",
                "Judge",
                "2028",
                local,
                "Mayor"
            ]
        );
    }

    #[test]
    fn an_official_sees_each_office_once_and_no_years() {
        let shown = shown(outcome(Ok(offices()), Mode::Office, "/next"));
        let local = "Local, township or city";
        assert_eq!(
            shown,
            [local, "Alderman", "Mayor", "County or regional", "Sheriff", "Other", "Judge"]
        );
    }
}
