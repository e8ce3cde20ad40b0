//! The client of election-api.

mod port;
mod wire;

use std::{sync::Arc, time::Duration};

use chrono::NaiveDate;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use winserve_domain::{
    clock::Clock,
    district::District,
    election::{DistrictId, DistrictOption, ElectionUnavailable, KnownDistrict, PositionFacts},
    position::BallotReadyId,
};

use crate::{
    cache::Answers,
    tokens::TokenSource,
    upstream::{ClientError, Failure, JSON, Question, Upstream},
};

/// Size of an answer about one thing, in bytes.
const ONE: usize = 1 << 20;
/// Size of a list: a state has thousands of districts of one type, at a hundred bytes each.
const LIST: usize = 8 << 20;
/// BallotReady's ids have about fifty bytes and L2's names fewer than a hundred: longer texts are
/// none, and would only fill the memory.
const LONGEST_TEXT: usize = 256;
/// What a path segment holds as it is, as in JavaScript's `encodeURIComponent`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The states that election-api knows; it answers 400 to others (upstreams §2).
const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO \
    MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI \
    FM MH PW FD";

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct ElectionApiOptions {
    /// For a connection.
    pub connect_timeout: Duration,
    /// For a position without turnout, retry included: it is asked for while a user waits for a
    /// write (design D6).
    pub position_budget: Duration,
    /// For anything else, retry included.
    pub budget: Duration,
}

impl Default for ElectionApiOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            position_budget: Duration::from_secs(2),
            budget: Duration::from_secs(5),
        }
    }
}

/// election-api over HTTP. Remembers positions and districts for a minute, and for ten seconds that
/// there is none.
pub struct ElectionApi {
    upstream: Upstream,
    options: ElectionApiOptions,
    positions: Answers<BallotReadyId, PositionFacts>,
    districts_by_id: Answers<DistrictId, KnownDistrict>,
    districts_by_name: Answers<(&'static str, District), KnownDistrict>,
}

impl ElectionApi {
    /// A client of the service at `url`, which is without `/v1`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        Self::with_options(url, clock, ElectionApiOptions::default())
    }

    /// [`new`](Self::new), with other time-outs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn with_options(
        url: &str,
        clock: Arc<dyn Clock>,
        options: ElectionApiOptions,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            upstream: Upstream::new("election-api", url, options.connect_timeout)?,
            options,
            positions: Answers::new(Arc::clone(&clock)),
            districts_by_id: Answers::new(Arc::clone(&clock)),
            districts_by_name: Answers::new(clock),
        })
    }

    /// The same service, asked with these tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<dyn TokenSource>) -> Self {
        Self { upstream: self.upstream.with_tokens(tokens), ..self }
    }

    async fn known_position(&self, id: &BallotReadyId) -> Result<Option<PositionFacts>, Failure> {
        if !is_possible(id.as_str()) {
            return Ok(None);
        }
        if let Some(known) = self.positions.get(id) {
            return Ok(known);
        }
        let query = [("includeDistrict", "true")];
        let facts = self.ask_position(id, &query, self.options.position_budget).await?;
        self.positions.insert(id.clone(), facts.clone());
        Ok(facts)
    }

    async fn position_on(
        &self,
        id: &BallotReadyId,
        election_date: NaiveDate,
    ) -> Result<Option<PositionFacts>, Failure> {
        if !is_possible(id.as_str()) {
            return Ok(None);
        }
        let date = election_date.to_string();
        let query =
            [("includeDistrict", "true"), ("includeTurnout", "true"), ("electionDate", &*date)];
        self.ask_position(id, &query, self.options.budget).await
    }

    async fn ask_position(
        &self,
        id: &BallotReadyId,
        query: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Option<PositionFacts>, Failure> {
        let route = "GET /v1/positions/by-ballotready-id/{id}";
        let path =
            format!("positions/by-ballotready-id/{}", utf8_percent_encode(id.as_str(), SEGMENT));
        let question = question(route, &path, query, budget, ONE);
        let position: Option<wire::Position> = self.upstream.ask(&question).await?;
        position
            .map(|position| position.into_facts(id))
            .transpose()
            .map_err(|what| Failure::Broken { route, what })
    }

    async fn known_district(&self, id: &DistrictId) -> Result<Option<KnownDistrict>, Failure> {
        if let Some(known) = self.districts_by_id.get(id) {
            return Ok(known);
        }
        let route = "GET /v1/districts/{id}";
        let broken = |what| Failure::Broken { route, what };
        let path = format!("districts/{id}");
        let row: Option<wire::DistrictRow> = self.ask(route, &path, &[], ONE).await?;
        let district = row.map(|row| row.into_district("")).transpose().map_err(broken)?;
        if district.as_ref().is_some_and(|district| district.id != *id) {
            return Err(broken("is about another district"));
        }
        self.districts_by_id.insert(id.clone(), district.clone());
        Ok(district)
    }

    async fn named_district(
        &self,
        state: &str,
        district: &District,
    ) -> Result<Option<KnownDistrict>, Failure> {
        let Some(state) = known_state(state).filter(|_| is_possible_district(district)) else {
            return Ok(None);
        };
        let key = (state, district.clone());
        if let Some(known) = self.districts_by_name.get(&key) {
            return Ok(known);
        }
        let route = "GET /v1/districts/list";
        let query = [
            ("state", state),
            ("L2DistrictType", &district.kind),
            ("L2DistrictName", &district.name),
        ];
        let rows: Option<Vec<wire::DistrictRow>> =
            self.ask(route, "districts/list", &query, ONE).await?;
        let rows = rows.into_iter().flatten().map(|row| row.into_district(state));
        let rows: Vec<_> =
            rows.collect::<Result<_, _>>().map_err(|what| Failure::Broken { route, what })?;
        let found = rows.into_iter().find(|row| row.state == state && row.district == *district);
        self.districts_by_name.insert(key, found.clone());
        Ok(found)
    }

    async fn types_of(
        &self,
        state: &str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Result<Vec<DistrictOption>, Failure> {
        let Some(state) = known_state(state) else { return Ok(Vec::new()) };
        let route = "GET /v1/districts/types";
        let year = election_year.map(|year| year.to_string());
        let query = list_query([("state", state)], year.as_deref(), exclude_invalid);
        let items: Option<Vec<wire::TypeItem>> =
            self.ask(route, "districts/types", &query, LIST).await?;
        let options = items.into_iter().flatten().map(wire::TypeItem::into_option);
        options.collect::<Result<_, _>>().map_err(|what| Failure::Broken { route, what })
    }

    async fn names_of(
        &self,
        state: &str,
        kind: &str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Result<Vec<DistrictOption>, Failure> {
        let Some(state) = known_state(state).filter(|_| is_possible(kind)) else {
            return Ok(Vec::new());
        };
        let route = "GET /v1/districts/names";
        let year = election_year.map(|year| year.to_string());
        let place = [("state", state), ("L2DistrictType", kind)];
        let query = list_query(place, year.as_deref(), exclude_invalid);
        let items: Option<Vec<wire::NameItem>> =
            self.ask(route, "districts/names", &query, LIST).await?;
        let options = items.into_iter().flatten().map(wire::NameItem::into_option);
        options.collect::<Result<_, _>>().map_err(|what| Failure::Broken { route, what })
    }

    async fn turnout_of(
        &self,
        state: &str,
        district: &District,
        election_date: NaiveDate,
    ) -> Result<Option<i64>, Failure> {
        let Some(state) = known_state(state).filter(|_| is_possible_district(district)) else {
            return Ok(None);
        };
        // A bare date, for a time would silently count as another election; and the year, for
        // without it any year's turnout comes (upstreams §4.4).
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
        let turnout: Option<wire::Turnout> =
            self.ask(route, "projectedTurnout", &query, ONE).await?;
        Ok(turnout.and_then(|turnout| turnout.voters))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        route: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<T>, Failure> {
        let budget = self.options.budget;
        self.upstream.ask(&question(route, path, query, budget, limit)).await
    }
}

/// A question whose first attempt may hang, and leaves time for a second one.
fn question<'a>(
    route: &'static str,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    budget: Duration,
    limit: usize,
) -> Question<'a> {
    let first_attempt = budget * 3 / 5;
    Question { route, path, query, accept: JSON, body: None, budget, first_attempt, limit }
}

impl From<Failure> for ElectionUnavailable {
    fn from(failure: Failure) -> Self {
        if failure.is_timeout() {
            return Self::TimedOut(failure.into());
        }
        let status = failure.status().map(|status| status.as_u16());
        Self::Failed { status, source: failure.into() }
    }
}

/// Whether election-api could have the text at all. A dot segment would even ask another route, and
/// a control character makes the service's database fail.
fn is_possible(text: &str) -> bool {
    let is_segment = !matches!(text, "" | "." | "..");
    is_segment && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

fn is_possible_district(district: &District) -> bool {
    is_possible(&district.kind) && is_possible(&district.name)
}

fn known_state(text: &str) -> Option<&'static str> {
    STATES.split(' ').find(|state| state.eq_ignore_ascii_case(text.trim()))
}

/// A flag is left out to mean false: any text means true (upstreams §1, fact 10).
fn list_query<'a>(
    place: impl IntoIterator<Item = (&'a str, &'a str)>,
    election_year: Option<&'a str>,
    exclude_invalid: bool,
) -> Vec<(&'a str, &'a str)> {
    let year = election_year.map(|year| ("electionYear", year));
    let valid = exclude_invalid.then_some(("excludeInvalid", "true"));
    place.into_iter().chain(year).chain(valid).collect()
}
