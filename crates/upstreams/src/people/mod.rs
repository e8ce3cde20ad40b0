//! The client of people-api.

mod download;
mod gate;
mod wire;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use winserve_domain::{
    base::Clock,
    contacts::{
        Contact, ContactPage, ContactsOf, Download, PageQuery, PeopleFuture, PeopleService,
        PeopleUnavailable, Statistics,
    },
    positions::DistrictId,
};

use self::{
    gate::{Breaker, Gate, Outage},
    wire::Wire,
};
use crate::{
    tokens::ServiceTokens,
    upstream::{ClientError, Failure, JSON, Question, Upstream},
};

/// Maximum size of an answer about one person, or of counts, in bytes.
const ONE: usize = 1 << 20;
/// Maximum size of a page: a person has less than two thousand bytes.
const PAGE: usize = 16 << 20;

const LIST: &str = "POST /v1/people";

/// Timeouts (upstreams §12) and parallel requests.
#[derive(Debug, Clone, Copy)]
pub struct PeopleApiOptions {
    /// For opening a connection.
    pub connect_timeout: Duration,
    /// For a person or for counts, retry included.
    pub budget: Duration,
    /// For a page, retry included.
    pub page_budget: Duration,
    /// For the next byte of a file.
    pub idle_timeout: Duration,
    /// For a free slot, if the maximum number of requests is in flight.
    pub patience: Duration,
    /// Maximum number of pages, persons and counts in flight.
    pub questions_at_once: usize,
    /// Maximum number of files in flight: each takes less than a megabyte here, and a connection there.
    pub downloads_at_once: usize,
}

impl PeopleApiOptions {
    /// The defaults for a service.
    pub const DEFAULT: Self = Self {
        connect_timeout: Duration::from_secs(1),
        budget: Duration::from_secs(3),
        page_budget: Duration::from_secs(15),
        idle_timeout: Duration::from_secs(30),
        patience: Duration::from_secs(5),
        questions_at_once: 32,
        downloads_at_once: 24,
    };
}

/// people-api over HTTP. Nothing is cached, so an answer for a candidate can never reach an elected official.
#[derive(Clone)]
pub struct PeopleApi(Arc<Shared>);

struct Shared {
    upstream: Upstream,
    options: PeopleApiOptions,
    questions: Gate,
    downloads: Gate,
    breaker: Breaker,
}

impl PeopleApi {
    /// A client of the service at `url`, which is without `/v1`; it signs its requests with the shared
    /// secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(
        url: &str,
        secret: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClientError> {
        Self::with_options(url, secret, clock, PeopleApiOptions::DEFAULT)
    }

    /// [`new`](Self::new), with other limits.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn with_options(
        url: &str,
        secret: &SecretString,
        clock: Arc<dyn Clock>,
        options: PeopleApiOptions,
    ) -> Result<Self, ClientError> {
        let tokens = Arc::new(ServiceTokens::new(secret, clock));
        let upstream = Upstream::new("people-api", url, options.connect_timeout)?;
        Ok(Self(Arc::new(Shared {
            upstream: upstream.with_tokens(tokens).about_people(),
            options,
            questions: Gate::new(options.questions_at_once, options.patience),
            downloads: Gate::new(options.downloads_at_once, options.patience),
            breaker: Breaker::default(),
        })))
    }
}

/// A request whose first attempt may use the whole budget: counting a large city takes eleven seconds, and a
/// second request would only make it count twice (upstreams §12). There is a retry only if the first attempt
/// fails early.
fn question<'a>(
    route: &'static str,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    budget: Duration,
) -> Question<'a> {
    Question {
        route,
        path,
        query,
        accept: JSON,
        body: None,
        budget,
        first_attempt: budget,
        limit: ONE,
    }
}

impl Shared {
    async fn ask<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<Option<T>, PeopleUnavailable> {
        let _permit = self.questions.enter(&self.breaker).await?;
        let answer = self.upstream.ask(question).await;
        self.breaker.record(answer.as_ref().err().and_then(Outage::of));
        Ok(answer?)
    }

    async fn list<R: DeserializeOwned>(
        &self,
        body: &Value,
    ) -> Result<Option<wire::Page<R>>, PeopleUnavailable> {
        let budget = self.options.page_budget;
        let question =
            Question { body: Some(body), limit: PAGE, ..question(LIST, "people", &[], budget) };
        self.ask(&question).await
    }

    /// How many people a filter selects, counted now.
    async fn count(
        &self,
        district: &DistrictId,
        filters: &Map<String, Value>,
    ) -> Result<i64, PeopleUnavailable> {
        let filters = if filters.is_empty() { wire::everybody() } else { filters.clone() };
        let body = json!({
            "districtId": district.as_str(), "filters": filters, "resultsPerPage": 1, "page": 1,
        });
        let page: Option<wire::Page<Value>> = self.list(&body).await?;
        Ok(page.ok_or(PeopleUnavailable::UnknownDistrict)?.pagination.total_results)
    }
}

impl<P: Wire> ContactsOf<P> for PeopleApi {
    fn page<'a>(&'a self, query: PageQuery<'a, P>) -> PeopleFuture<'a, ContactPage<P>> {
        Box::pin(async move {
            let PageQuery { district, filter, search, page, page_size } = query;
            let filters = P::filters(filter);
            let is_everybody = filters.is_empty() && search.is_none();
            let mut body = json!({
                "districtId": district.as_str(),
                "filters": filters,
                "resultsPerPage": page_size,
                "page": page,
            });
            if let (Some(search), Some(body)) = (search, body.as_object_mut()) {
                body.insert("search".to_owned(), search.into());
            }
            let mut found: Option<wire::Page<P::Record>> = self.0.list(&body).await?;
            if found.is_none() && is_everybody {
                // Without filters, people-api takes the total from statistics, which may not exist: those of
                // a new district are not computed yet. With a filter, it counts.
                if let Some(body) = body.as_object_mut() {
                    body.insert("filters".to_owned(), wire::everybody().into());
                }
                found = self.0.list(&body).await?;
            }
            let mut found = found.ok_or(PeopleUnavailable::UnknownDistrict)?;
            let mut current_page = i64::from(page);
            if current_page > found.pagination.total_pages {
                // people-api claims that this is the last page, and shows nothing.
                current_page = found.pagination.total_pages;
                if let Some(body) = body.as_object_mut() {
                    body.insert("page".to_owned(), current_page.into());
                }
                let last = self.0.list(&body).await?;
                found = last.ok_or(PeopleUnavailable::UnknownDistrict)?;
            }
            Ok(ContactPage {
                total_results: found.pagination.total_results,
                current_page,
                page_size: i64::from(page_size),
                total_pages: found.pagination.total_pages,
                people: found.people.into_iter().map(P::contact).collect(),
            })
        })
    }

    fn contact<'a>(
        &'a self,
        district: &'a DistrictId,
        id: &'a str,
    ) -> PeopleFuture<'a, Option<Contact<P>>> {
        Box::pin(async move {
            let route = "GET /v1/people/{id}";
            let path = format!("people/{id}");
            let query = [("districtId", district.as_str())];
            let budget = self.0.options.budget;
            let question = question(route, &path, &query, budget);
            let found: Option<P::Record> = self.0.ask(&question).await?;
            Ok(found.map(P::contact))
        })
    }

    fn download<'a>(
        &'a self,
        district: &'a DistrictId,
        filter: P::Filter,
    ) -> PeopleFuture<'a, Download<P>> {
        let shared = Arc::clone(&self.0);
        Box::pin(download::begin::<P>(shared, district, P::filters(&filter)))
    }
}

impl PeopleService for PeopleApi {
    fn statistics<'a>(&'a self, district: &'a DistrictId) -> PeopleFuture<'a, Option<Statistics>> {
        Box::pin(async move {
            let route = "GET /v1/people/stats";
            let query = [("districtId", district.as_str())];
            let budget = self.0.options.budget;
            let question = question(route, "people/stats", &query, budget);
            let found: Option<wire::StatisticsRow> = self.0.ask(&question).await?;
            Ok(found.map(Statistics::from))
        })
    }
}

impl From<Failure> for PeopleUnavailable {
    fn from(failure: Failure) -> Self {
        if failure.is_timeout() {
            Self::TimedOut(failure.into())
        } else {
            Self::Failed(failure.into())
        }
    }
}
