//! The client of election-api: what every kind has in common. Each kind has its own file with its paths,
//! queries and shapes, and implements [`ElectionService`] like this client.

mod folded;
mod read;
mod standalone;

use std::{fmt, sync::Arc, time::Duration};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use winserve_domain::{
    base::Clock,
    positions::{
        Asked, BallotReadyId, District, DistrictId, DistrictOption, ElectionService,
        ElectionUnavailable, FoundPosition, KnownDistrict, PositionFacts, PositionSearch,
    },
};

use self::{folded::Folded, standalone::Standalone};
use crate::{
    cache::Answers,
    tokens::TokenSource,
    upstream::{ClientError, Failure, JSON, Question, Upstream},
};

/// Maximum size of an answer about one item, in bytes.
const ONE: usize = 1 << 20;
/// Maximum size of a list: a state has thousands of districts of one type, at a hundred bytes each.
const LIST: usize = 8 << 20;
/// BallotReady's ids have about fifty bytes and L2's names fewer than a hundred: longer texts cannot be valid
/// and would only fill the memory.
const LONGEST_TEXT: usize = 256;
/// The states that election-api knows; it answers 400 for others (upstreams §2).
const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO \
    MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI \
    FM MH PW FD";

/// The kind of election-api, as named by the setting `election_api.surface`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElectionSurface {
    /// The standalone service, in either generation.
    #[default]
    Standalone,
    /// The known routes of gp-api under `/v1/elections`.
    Folded,
}

impl ElectionSurface {
    /// What it cannot answer, as text for the log: such a request is treated as an outage.
    #[must_use]
    pub const fn cannot_answer(self) -> &'static [&'static str] {
        match self {
            Self::Standalone => &[],
            Self::Folded => folded::CANNOT_ANSWER,
        }
    }

    fn adapter(self, service: Service) -> Box<dyn ElectionService> {
        match self {
            Self::Standalone => Box::new(Standalone::new(service)),
            Self::Folded => Box::new(Folded::new(service)),
        }
    }
}

/// Which service to call, how, and how long to wait.
#[derive(Clone)]
pub struct ElectionApiOptions {
    /// The kind of election-api.
    pub surface: ElectionSurface,
    /// Tokens for the service; `None` if it requires none.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// For opening a connection.
    pub connect_timeout: Duration,
    /// For a position without turnout, retry included: a user waits for the write that needs it (design D6).
    pub position_budget: Duration,
    /// For everything else, retry included.
    pub budget: Duration,
}

impl Default for ElectionApiOptions {
    fn default() -> Self {
        Self {
            surface: ElectionSurface::default(),
            tokens: None,
            connect_timeout: Duration::from_secs(1),
            position_budget: Duration::from_secs(2),
            budget: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for ElectionApiOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ElectionApiOptions")
            .field("surface", &self.surface)
            .field("has_tokens", &self.tokens.is_some())
            .field("connect_timeout", &self.connect_timeout)
            .field("position_budget", &self.position_budget)
            .field("budget", &self.budget)
            .finish()
    }
}

/// election-api over HTTP. Caches positions and districts for a minute, and "not found" for ten seconds.
pub struct ElectionApi {
    adapter: Box<dyn ElectionService>,
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

    /// [`new`](Self::new), with other options.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn with_options(
        url: &str,
        clock: Arc<dyn Clock>,
        options: ElectionApiOptions,
    ) -> Result<Self, ClientError> {
        let ElectionApiOptions { surface, tokens, connect_timeout, position_budget, budget } =
            options;
        let upstream = Upstream::new("election-api", url, connect_timeout)?;
        let upstream = match tokens {
            Some(tokens) => upstream.with_tokens(tokens),
            None => upstream,
        };
        Ok(Self {
            adapter: surface.adapter(Service { upstream, position_budget, budget }),
            positions: Answers::new(Arc::clone(&clock)),
            districts_by_id: Answers::new(Arc::clone(&clock)),
            districts_by_name: Answers::new(clock),
        })
    }
}

/// What an adapter uses to send requests.
struct Service {
    upstream: Upstream,
    position_budget: Duration,
    budget: Duration,
}

impl Service {
    async fn ask<T: DeserializeOwned>(
        &self,
        route: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<T>, Failure> {
        self.ask_within(self.budget, route, path, query, limit).await
    }

    /// Sends a request; if the first attempt hangs, there is time for a second one.
    async fn ask_within<T: DeserializeOwned>(
        &self,
        budget: Duration,
        route: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<T>, Failure> {
        let first_attempt = budget * 3 / 5;
        let question =
            Question { route, path, query, accept: JSON, body: None, budget, first_attempt, limit };
        self.upstream.ask(&question).await
    }
}

/// Calls the adapter only for ids that can exist, and only if the answer is not cached.
impl ElectionService for ElectionApi {
    fn position<'a>(&'a self, id: &'a BallotReadyId) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move {
            if !is_possible(id.as_str()) {
                return Ok(None);
            }
            if let Some(known) = self.positions.get(id) {
                return Ok(known);
            }
            let facts = self.adapter.position(id).await?;
            self.positions.insert(id.clone(), facts.clone());
            Ok(facts)
        })
    }

    fn position_with_turnout<'a>(
        &'a self,
        id: &'a BallotReadyId,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move {
            if !is_possible(id.as_str()) {
                return Ok(None);
            }
            self.adapter.position_with_turnout(id, election_date).await
        })
    }

    fn district<'a>(&'a self, id: &'a DistrictId) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move {
            if let Some(known) = self.districts_by_id.get(id) {
                return Ok(known);
            }
            let district = self.adapter.district(id).await?;
            self.districts_by_id.insert(id.clone(), district.clone());
            Ok(district)
        })
    }

    fn find_district<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
    ) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move {
            let Some(state) = known_state(state).filter(|_| is_possible_district(district)) else {
                return Ok(None);
            };
            let key = (state, district.clone());
            if let Some(known) = self.districts_by_name.get(&key) {
                return Ok(known);
            }
            let found = self.adapter.find_district(state, district).await?;
            self.districts_by_name.insert(key, found.clone());
            Ok(found)
        })
    }

    fn district_types<'a>(
        &'a self,
        state: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(async move {
            let Some(state) = known_state(state) else { return Ok(Vec::new()) };
            self.adapter.district_types(state, election_year, exclude_invalid).await
        })
    }

    fn district_names<'a>(
        &'a self,
        state: &'a str,
        kind: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(async move {
            let Some(state) = known_state(state).filter(|_| is_possible(kind)) else {
                return Ok(Vec::new());
            };
            self.adapter.district_names(state, kind, election_year, exclude_invalid).await
        })
    }

    fn projected_turnout<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<i64>> {
        Box::pin(async move {
            let Some(state) = known_state(state).filter(|_| is_possible_district(district)) else {
                return Ok(None);
            };
            self.adapter.projected_turnout(state, district, election_date).await
        })
    }

    fn search_positions<'a>(&'a self, search: &'a PositionSearch) -> Asked<'a, Vec<FoundPosition>> {
        Box::pin(async move {
            let is_odd = |text: &Option<String>| text.as_deref().is_some_and(|it| !is_possible(it));
            let is_empty = search.zip.is_none() && search.name.is_none();
            if is_empty || is_odd(&search.zip) || is_odd(&search.name) {
                return Ok(Vec::new());
            }
            self.adapter.search_positions(search).await
        })
    }
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

/// Whether election-api can have this text at all. A dot segment would even reach a different route, and a
/// control character makes the service's database fail.
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
