//! `GET /v1/positions/search` (upstreams §3, and its corrections).

use std::ops::RangeInclusive;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};

use crate::{Generation, Position, faults::Call, refusal::Refusal, routes::Shared};

/// Election days of every position of the world.
const ELECTION_DAYS: [(i32, u32, u32); 3] = [(2022, 11, 8), (2024, 11, 5), (2028, 11, 7)];

/// The first three digits of ZIP codes in the states of the demo world.
const ZIPS: [(&str, RangeInclusive<u32>); 7] = [
    ("MI", 480..=499),
    ("WY", 820..=831),
    ("NV", 889..=898),
    ("FL", 320..=349),
    ("SC", 290..=299),
    ("IN", 460..=479),
    ("PR", 6..=9),
];

/// The request; repeated keys are kept.
struct Wanted {
    state: Option<&'static str>,
    name: Option<String>,
    levels: Vec<String>,
    days: RangeInclusive<NaiveDate>,
}

pub(crate) async fn positions_search(
    shared: Data<Shared>,
    query: Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Refusal> {
    if let Some(fault) = shared.faults.admit(Call::PositionsSearch).await {
        return Ok(fault);
    }
    let today = DateTime::from_timestamp(shared.machine_tokens.now(), 0).unwrap_or_default();
    let wanted = Wanted::of(&query, shared.dialect.generation(), today.date_naive())?;
    let mut items = Vec::new();
    for position in shared.world.positions().iter().filter(|it| wanted.fits(it)) {
        for (year, month, day) in ELECTION_DAYS {
            let day = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
            if wanted.days.contains(&day) {
                items.push((day, position));
            }
        }
    }
    items.sort_by_key(|(day, position)| (*day, position.name.as_str()));
    let items = items.into_iter().map(|(day, position)| item(day, position)).collect();
    Ok(HttpResponse::Ok().json(shared.dialect.omitting(items)))
}

impl Wanted {
    fn of(
        query: &[(String, String)],
        generation: Generation,
        today: NaiveDate,
    ) -> Result<Self, Refusal> {
        let all = |key: &str| -> Vec<String> {
            query.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
        };
        let one = |key: &str| all(key).pop();
        if one("zip").is_none() && one("name").is_none() && one("officeType").is_none() {
            return Err(Refusal::bad_request("Name a zip, a name or an officeType"));
        }
        let day = |key: &str, otherwise: NaiveDate| match one(key) {
            Some(text) => text
                .parse()
                .map_err(|_no_day| Refusal::bad_request(format!("{key} must be a date"))),
            None => Ok(otherwise),
        };
        let future = today..=NaiveDate::MAX;
        let days = match (generation, one("timeframe").as_deref()) {
            (Generation::Earlier, _) => {
                day("electionDateFrom", NaiveDate::MIN)?..=day("electionDateTo", NaiveDate::MAX)?
            }
            (Generation::Unknown, _) | (Generation::Later, None | Some("future")) => future,
            (Generation::Later, Some("past")) => NaiveDate::MIN..=today.pred_opt().unwrap_or(today),
            (Generation::Later, Some(_)) => {
                return Err(Refusal::bad_request("timeframe must be past or future"));
            }
        };
        Ok(Self {
            state: one("zip").map(|zip| state_of(&zip)).transpose()?,
            name: one("name").map(|name| name.to_lowercase()),
            levels: all("displayOfficeLevels"),
            days,
        })
    }

    fn fits(&self, position: &Position) -> bool {
        let is_of_level = || {
            let level = position.level.as_deref().unwrap_or_default();
            self.levels.iter().any(|wanted| wanted.eq_ignore_ascii_case(level))
        };
        self.state.is_none_or(|state| position.state == state)
            && self.name.as_ref().is_none_or(|name| position.name.to_lowercase().contains(name))
            && (self.levels.is_empty() || is_of_level())
    }
}

/// The state of a ZIP code. An unknown ZIP code finds no positions.
fn state_of(zip: &str) -> Result<&'static str, Refusal> {
    let refusal = || Refusal::bad_request("zip must have 5 digits");
    if zip.len() != 5 {
        return Err(refusal());
    }
    let number: u32 = zip.parse().map_err(|_no_number| refusal())?;
    let of = |(_, range): &&(&str, RangeInclusive<u32>)| range.contains(&(number / 100));
    Ok(ZIPS.iter().find(of).map_or("", |(state, _)| state))
}

fn item(day: NaiveDate, position: &Position) -> Value {
    let level = position.level.as_deref().map(|level| {
        let (first, rest) = level.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    json!({
        "id": format!("{}-{day}", position.id),
        "brPositionId": position.br_position_id,
        "position": {"name": position.name, "level": level, "state": position.state},
        "election": {"electionDay": day},
        "city": null,
        "district": null,
    })
}
