//! election-api as a standalone service, in both generations (upstreams §3 and its corrections): its paths,
//! queries and shapes.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use serde::Deserialize;
use winserve_domain::positions::{
    Asked, BallotReadyId, District, DistrictId, DistrictOption, ElectionService, FoundPosition,
    KnownDistrict, PositionFacts, PositionSearch,
};

use super::{
    LIST, ONE, Service,
    read::{self, Breach, Turnout},
};
use crate::upstream::Failure;

pub(super) struct Standalone(Service);

impl Standalone {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    async fn ask_position(
        &self,
        id: &BallotReadyId,
        election_date: Option<NaiveDate>,
    ) -> Result<Option<PositionFacts>, Failure> {
        let route = "GET /v1/positions/by-ballotready-id/{id}";
        let path = format!("positions/by-ballotready-id/{}", read::segment(id.as_str()));
        let date = election_date.map(|date| date.to_string());
        let mut query = vec![("includeDistrict", "true")];
        if let Some(date) = &date {
            query.extend([("includeTurnout", "true"), ("electionDate", date)]);
        }
        let budget = if date.is_some() { self.0.budget } else { self.0.position_budget };
        let position: Option<read::Position> =
            self.0.ask_within(budget, route, &path, &query, ONE).await?;
        let Some(position) = position else { return Ok(None) };
        let broken = |what| Failure::Broken { route, what };
        if position.br_position_id.as_deref() != Some(id.as_str()) {
            return Err(broken("is about another position"));
        }
        position.into_facts(id).map(Some).map_err(broken)
    }

    async fn ask_district(&self, id: &DistrictId) -> Result<Option<KnownDistrict>, Failure> {
        let route = "GET /v1/districts/{id}";
        let broken = |what| Failure::Broken { route, what };
        let path = format!("districts/{id}");
        let row: Option<DistrictRow> = self.0.ask(route, &path, &[], ONE).await?;
        let Some(row) = row else { return Ok(None) };
        let district = row.into_district().map_err(broken)?;
        let district = district.ok_or_else(|| broken("has a district without a name"))?;
        if district.id != *id {
            return Err(broken("is about another district"));
        }
        Ok(Some(district))
    }

    async fn list_districts(
        &self,
        state: &str,
        district: &District,
    ) -> Result<Option<KnownDistrict>, Failure> {
        let route = "GET /v1/districts/list";
        let query = [
            ("state", state),
            ("L2DistrictType", &district.kind),
            ("L2DistrictName", &district.name),
        ];
        let rows: Option<Vec<DistrictRow>> =
            self.0.ask(route, "districts/list", &query, ONE).await?;
        let mut breach = None;
        for row in rows.into_iter().flatten() {
            match row.into_district() {
                Ok(Some(row)) if row.state == state && row.district == *district => {
                    return Ok(Some(row));
                }
                Ok(_) => {}
                Err(what) => breach = Some(what),
            }
        }
        // A malformed row among others does not matter, but if the district is not found, it may be that row.
        breach.map_or(Ok(None), |what| Err(Failure::Broken { route, what }))
    }

    async fn list_types(
        &self,
        state: &str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Result<Vec<DistrictOption>, Failure> {
        let route = "GET /v1/districts/types";
        let year = election_year.map(|year| year.to_string());
        let query = list_query([("state", state)], year.as_deref(), exclude_invalid);
        let items: Option<Vec<TypeItem>> =
            self.0.ask(route, "districts/types", &query, LIST).await?;
        Ok(options(route, items.into_iter().flatten().map(|item| (item.id, item.text))))
    }

    async fn list_names(
        &self,
        state: &str,
        kind: &str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Result<Vec<DistrictOption>, Failure> {
        let route = "GET /v1/districts/names";
        let year = election_year.map(|year| year.to_string());
        let place = [("state", state), ("L2DistrictType", kind)];
        let query = list_query(place, year.as_deref(), exclude_invalid);
        let items: Option<Vec<NameItem>> =
            self.0.ask(route, "districts/names", &query, LIST).await?;
        Ok(options(route, items.into_iter().flatten().map(|item| (item.id, item.text))))
    }

    async fn ask_turnout(
        &self,
        state: &str,
        district: &District,
        election_date: NaiveDate,
    ) -> Result<Option<i64>, Failure> {
        // A bare date, because a time would silently match another election; and the year, because without it
        // the turnout of any year is returned (upstreams §4.4).
        let date = election_date.to_string();
        let year = election_date.format("%Y").to_string();
        let query = [
            ("state", state),
            ("L2DistrictType", &district.kind),
            ("L2DistrictName", &district.name),
            ("electionDate", &date),
            ("electionYear", &year),
        ];
        let route = "GET /v1/projectedTurnout";
        let turnout: Option<Turnout> = self.0.ask(route, "projectedTurnout", &query, ONE).await?;
        Ok(turnout.and_then(|turnout| turnout.voters))
    }

    async fn search(&self, search: &PositionSearch) -> Result<Vec<FoundPosition>, Failure> {
        let halves = Half::of(search);
        let budget = if halves.len() > 1 { self.0.budget / 2 } else { self.0.budget };
        let mut found: Vec<FoundPosition> = Vec::new();
        for half in halves {
            let items = self.search_half(search, &half, budget).await?;
            // A service that omits days may return the same election in both halves.
            let others = found.len();
            for item in items {
                let is_known = |it: &FoundPosition| it.election_day.is_none() && it.id == item.id;
                if item.election_day.is_some() || !found.iter().take(others).any(is_known) {
                    found.push(item);
                }
            }
        }
        found.sort_by(|one, other| {
            (one.election_day, &one.name, &one.id.as_str()).cmp(&(
                other.election_day,
                &other.name,
                &other.id.as_str(),
            ))
        });
        Ok(found)
    }

    async fn search_half(
        &self,
        search: &PositionSearch,
        half: &Half,
        budget: Duration,
    ) -> Result<Vec<FoundPosition>, Failure> {
        let route = "GET /v1/positions/search";
        let (from, to) = (half.from.to_string(), half.to.to_string());
        // Each generation understands one kind of range, and silently ignores the other.
        let mut query = vec![
            ("electionDateFrom", from.as_str()),
            ("electionDateTo", &to),
            ("timeframe", half.timeframe),
        ];
        query.extend(search.zip.as_deref().map(|zip| ("zip", zip)));
        query.extend(search.name.as_deref().map(|name| ("name", name)));
        query.extend(search.levels.iter().map(|level| ("displayOfficeLevels", level.as_str())));
        let items: Option<Vec<SearchItem>> =
            self.0.ask_within(budget, route, "positions/search", &query, LIST).await?;
        let mut found = Vec::new();
        for item in items.into_iter().flatten() {
            let Some(item) = item.into_found() else {
                tracing::warn!(route, "left out a position without BallotReady's id");
                continue;
            };
            match item.election_day {
                // The service understood neither kind of range, so the list may be incomplete.
                Some(day) if half.is_on_the_other_side(day) => {
                    let what = "is about other elections than those asked for";
                    return Err(Failure::Broken { route, what });
                }
                Some(day) if !(half.from..=half.to).contains(&day) => {}
                _ => found.push(item),
            }
        }
        Ok(found)
    }
}

/// The part of a range before today, or the rest of it: the later generation has only `past` and `future`.
struct Half {
    timeframe: &'static str,
    from: NaiveDate,
    to: NaiveDate,
    today: NaiveDate,
}

impl Half {
    fn of(search: &PositionSearch) -> Vec<Self> {
        let &PositionSearch { from, to, today, .. } = search;
        let mut halves = Vec::new();
        if let Some(yesterday) = today.pred_opt().filter(|_| from < today && from <= to) {
            let to = to.min(yesterday);
            halves.push(Self { timeframe: "past", from, to, today });
        }
        if today <= to && from <= to {
            halves.push(Self { timeframe: "future", from: from.max(today), to, today });
        }
        halves
    }

    /// Whether an election cannot belong to this half. Around today, the service's day may differ.
    fn is_on_the_other_side(&self, day: NaiveDate) -> bool {
        let one = Days::new(1);
        if self.timeframe == "past" {
            self.today.checked_add_days(one).is_some_and(|tomorrow| day > tomorrow)
        } else {
            self.today.checked_sub_days(one).is_some_and(|yesterday| day < yesterday)
        }
    }
}

impl ElectionService for Standalone {
    fn position<'a>(&'a self, id: &'a BallotReadyId) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move { Ok(self.ask_position(id, None).await?) })
    }

    fn position_with_turnout<'a>(
        &'a self,
        id: &'a BallotReadyId,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move { Ok(self.ask_position(id, Some(election_date)).await?) })
    }

    fn district<'a>(&'a self, id: &'a DistrictId) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move { Ok(self.ask_district(id).await?) })
    }

    fn find_district<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
    ) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move { Ok(self.list_districts(state, district).await?) })
    }

    fn district_types<'a>(
        &'a self,
        state: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(async move { Ok(self.list_types(state, election_year, exclude_invalid).await?) })
    }

    fn district_names<'a>(
        &'a self,
        state: &'a str,
        kind: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(
            async move { Ok(self.list_names(state, kind, election_year, exclude_invalid).await?) },
        )
    }

    fn projected_turnout<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<i64>> {
        Box::pin(async move { Ok(self.ask_turnout(state, district, election_date).await?) })
    }

    fn search_positions<'a>(&'a self, search: &'a PositionSearch) -> Asked<'a, Vec<FoundPosition>> {
        Box::pin(async move { Ok(self.search(search).await?) })
    }
}

#[derive(Deserialize)]
struct DistrictRow {
    id: Option<String>,
    state: Option<String>,
    #[serde(rename = "L2DistrictType")]
    kind: Option<String>,
    #[serde(rename = "L2DistrictName")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct TypeItem {
    id: Option<String>,
    #[serde(rename = "L2DistrictType")]
    text: Option<String>,
}

#[derive(Deserialize)]
struct NameItem {
    id: Option<String>,
    #[serde(rename = "L2DistrictName")]
    text: Option<String>,
}

/// A position with one of its elections (upstreams §3.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchItem {
    br_position_id: Option<String>,
    position: Option<SearchedPosition>,
    election: Option<Election>,
    city: Option<String>,
    district: Option<String>,
}

#[derive(Deserialize)]
struct SearchedPosition {
    name: Option<String>,
    level: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Election {
    election_day: Option<String>,
}

impl DistrictRow {
    /// The district, if the row has it.
    fn into_district(self) -> Result<Option<KnownDistrict>, Breach> {
        let id = read::district_id(self.id.as_deref().unwrap_or_default())?;
        let (Some(state), Some(kind), Some(name)) = (self.state, self.kind, self.name) else {
            return Ok(None);
        };
        let (state, district) = (read::state_code(&state)?, read::named_district(kind, name)?);
        Ok(Some(KnownDistrict { id, state, district }))
    }
}

impl SearchItem {
    fn into_found(self) -> Option<FoundPosition> {
        let id = BallotReadyId::parse(self.br_position_id.as_deref()?)?;
        let (name, level, state) = self
            .position
            .map_or((None, None, None), |position| (position.name, position.level, position.state));
        let day = self.election.and_then(|election| election.election_day);
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Some(FoundPosition {
            id,
            name: given(name),
            level: given(level),
            state: state.as_deref().and_then(|state| read::state_code(state).ok()),
            // A day, or the start of one.
            election_day: day.and_then(|day| day.get(..10)?.parse().ok()),
            city: given(self.city),
            district: given(self.district),
        })
    }
}

/// The entries of a list. Skips those that cannot be chosen: without a text, or without a usable id.
fn options(
    route: &'static str,
    items: impl Iterator<Item = (Option<String>, Option<String>)>,
) -> Vec<DistrictOption> {
    let option = |(id, text): (Option<String>, Option<String>)| {
        let text = text?;
        let id = id.as_deref().and_then(DistrictId::parse);
        if id.is_none() {
            tracing::warn!(route, "left out a district without a usable id");
        }
        Some(DistrictOption { id: id?, text })
    };
    items.filter_map(option).collect()
}

/// A flag is omitted to mean false: any text means true (upstreams §1, fact 10).
fn list_query<'a>(
    place: impl IntoIterator<Item = (&'a str, &'a str)>,
    election_year: Option<&'a str>,
    exclude_invalid: bool,
) -> Vec<(&'a str, &'a str)> {
    let year = election_year.map(|year| ("electionYear", year));
    let valid = exclude_invalid.then_some(("excludeInvalid", "true"));
    place.into_iter().chain(year).chain(valid).collect()
}
