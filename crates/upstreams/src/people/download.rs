//! A CSV file from people-api, rewritten while it streams.
//!
//! people-api ends a complete file and a file whose query failed halfway in the same way. It can fail only
//! between two of its pages: so a number of rows that is not a multiple of the page size proves that the file
//! is complete, and any other number is compared with a count (upstreams §8).

use std::sync::Arc;

use metrics::counter;
use reqwest::Response;
use serde_json::{Map, Value, json};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use winserve_domain::{
    contacts::{
        CsvRewriter, CsvRows, CsvStream, Download, PeopleFuture, PeopleUnavailable, Product,
    },
    positions::DistrictId,
};

use super::{Shared, gate::Outage, question};
use crate::upstream::{Failure, Question};

const ROUTE: &str = "POST /v1/people/download";
/// Page size of people-api in rows.
const ROWS_AT_ONCE: u64 = 5_000;

pub(super) async fn begin<P: Product>(
    shared: Arc<Shared>,
    district: &DistrictId,
    filters: Map<String, Value>,
) -> Result<Download<P>, PeopleUnavailable> {
    let permit = shared.downloads.enter(&shared.breaker).await?;
    let body = json!({"districtId": district.as_str(), "filters": filters});
    let question = Question {
        accept: "text/csv",
        body: Some(&body),
        ..question(ROUTE, "people/download", &[], shared.options.idle_timeout)
    };
    let opened = shared.upstream.open(&question).await;
    if let Some(outage) = opened.as_ref().err().and_then(Outage::of) {
        shared.breaker.record(Some(outage));
    }
    let response = opened?.ok_or(PeopleUnavailable::UnknownDistrict)?;
    Ok(Box::new(File {
        shared,
        district: district.clone(),
        filters,
        rewriter: CsvRewriter::<P>::new(),
        state: State::Open(response),
        _permit: permit,
    }))
}

/// A running download.
struct File<P> {
    shared: Arc<Shared>,
    district: DistrictId,
    filters: Map<String, Value>,
    rewriter: CsvRewriter<P>,
    state: State,
    _permit: OwnedSemaphorePermit,
}

enum State {
    Open(Response),
    /// people-api ended it; the rest must be sent.
    Read,
    /// It ended or failed.
    Ended,
}

impl<P: Product> CsvStream<P> for File<P> {
    fn next(&mut self) -> PeopleFuture<'_, Option<CsvRows<P>>> {
        Box::pin(async move {
            let next = self.advance().await;
            let outcome = match &next {
                Ok(Some(_)) => return next,
                Ok(None) => "whole",
                Err(PeopleUnavailable::Truncated) => "truncated",
                Err(_) => "failed",
            };
            self.shared.breaker.record(match &next {
                Ok(_) | Err(PeopleUnavailable::Truncated) => None,
                Err(PeopleUnavailable::TimedOut(_)) => Some(Outage::Slow),
                Err(_) => Some(Outage::Failing),
            });
            self.end(outcome);
            next
        })
    }
}

impl<P> Drop for File<P> {
    fn drop(&mut self) {
        // The reader is gone; the connection to people-api closes with this.
        if !matches!(self.state, State::Ended) {
            self.end("abandoned");
        }
    }
}

impl<P> File<P> {
    fn end(&mut self, outcome: &'static str) {
        self.state = State::Ended;
        counter!("contact_downloads_total", "outcome" => outcome).increment(1);
    }
}

impl<P: Product> File<P> {
    async fn advance(&mut self) -> Result<Option<CsvRows<P>>, PeopleUnavailable> {
        loop {
            let State::Open(response) = &mut self.state else { return Ok(None) };
            let idle = |_| Failure::Elapsed { route: ROUTE };
            let chunk = timeout(self.shared.options.idle_timeout, response.chunk()).await;
            let transport = |source: reqwest::Error| Failure::Transport {
                route: ROUTE,
                source: source.without_url(),
            };
            let Some(chunk) = chunk.map_err(idle)?.map_err(transport)? else { break };
            let rows = self.rewriter.push(&chunk).map_err(unusable)?;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        self.state = State::Read;
        let last = self.rewriter.finish().map_err(unusable)?;
        // Must come before the last rows are sent: a client that has them may think that the file is
        // complete.
        self.prove_whole().await?;
        Ok(Some(last).filter(|rows| !rows.is_empty()))
    }

    async fn prove_whole(&self) -> Result<(), PeopleUnavailable> {
        let rows = self.rewriter.rows();
        if !rows.is_multiple_of(ROWS_AT_ONCE) {
            return Ok(());
        }
        let total = self.shared.count(&self.district, &self.filters).await?;
        if u64::try_from(total).is_ok_and(|total| total <= rows) {
            Ok(())
        } else {
            tracing::error!(rows, total, "people-api ended a file too early");
            Err(PeopleUnavailable::Truncated)
        }
    }
}

fn unusable(error: winserve_domain::contacts::CsvError) -> PeopleUnavailable {
    PeopleUnavailable::Failed(error.into())
}
