//! Faults, planned before the calls that they affect, and counts of calls.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpResponse, ResponseError as _,
    body::{BodySize, BoxBody, MessageBody},
    http::StatusCode,
    rt::time::sleep,
    web::Bytes,
};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// `GET /v1/positions/by-ballotready-id/{id}`
    PositionByBallotreadyId,
    /// `GET /v1/positions/{id}`
    Position,
    /// `GET /v1/positions/search`
    PositionsSearch,
    /// `GET /v1/elections/positions/{id}`, of gp-api
    FoldedPosition,
    /// `GET /v1/districts/{id}`
    District,
    /// `GET /v1/districts/list`
    DistrictsList,
    /// `GET /v1/districts/types`
    DistrictsTypes,
    /// `GET /v1/districts/names`
    DistrictsNames,
    /// `GET /v1/projectedTurnout`
    ProjectedTurnout,
    /// `GET /v1/health`
    Health,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is closed without an answer.
    Down,
    /// The correct answer, but late.
    Hang {
        /// Delay in milliseconds.
        ms: u64,
    },
    /// An error body with this status and message.
    Status {
        /// HTTP status.
        status: u16,
        /// Its `message`.
        message: String,
    },
    /// Any text as the body.
    Text {
        /// HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Status 200 with a body that is not JSON.
    Garbage,
    /// Status 200 with a body that ends before its announced length.
    Truncated,
}

/// A planned fault.
#[derive(Debug)]
pub(crate) struct Plan<C, F> {
    pub(crate) call: C,
    pub(crate) fault: F,
    /// Only calls about this id or name; without it, all of the kind.
    pub(crate) about: Option<String>,
    /// How many calls it affects; without it, all following ones.
    pub(crate) times: Option<u32>,
}

#[derive(Debug)]
struct Ledger<C, F> {
    plans: Vec<Plan<C, F>>,
    counts: BTreeMap<C, u64>,
}

/// Plans and counts of one emulator: which faults `F` affect which calls `C`.
#[derive(Debug)]
pub(crate) struct Faults<C, F>(Mutex<Ledger<C, F>>);

impl<C, F> Default for Faults<C, F> {
    fn default() -> Self {
        Self(Mutex::new(Ledger { plans: Vec::new(), counts: BTreeMap::new() }))
    }
}

impl<C: Copy + Ord, F: Clone> Faults<C, F> {
    fn with<T>(&self, work: impl FnOnce(&mut Ledger<C, F>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn plan(&self, plan: Plan<C, F>) {
        self.with(|ledger| ledger.plans.push(plan));
    }

    pub(crate) fn clear(&self) {
        self.with(|ledger| ledger.plans.clear());
    }

    pub(crate) fn counts(&self) -> BTreeMap<C, u64> {
        self.with(|ledger| ledger.counts.clone())
    }

    /// Counts a call; returns its planned fault.
    pub(crate) fn due(&self, call: C) -> Option<F> {
        self.due_about(call, "")
    }

    /// Counts a call about an item; returns its planned fault.
    pub(crate) fn due_about(&self, call: C, about: &str) -> Option<F> {
        self.with(|ledger| {
            *ledger.counts.entry(call).or_default() += 1;
            ledger.due(call, about)
        })
    }
}

impl Faults<Call, Fault> {
    /// Counts a call; returns the answer of its planned fault.
    pub(crate) async fn admit(&self, call: Call) -> Option<HttpResponse> {
        self.admit_about(call, "").await
    }

    /// [`admit`](Self::admit) for a call about this id or name.
    pub(crate) async fn admit_about(&self, call: Call, about: &str) -> Option<HttpResponse> {
        self.due_about(call, about)?.hit().await
    }
}

impl Fault {
    /// The answer of an affected call, unless it is the correct answer, delayed.
    pub(crate) async fn hit(self) -> Option<HttpResponse> {
        match self {
            Self::Hang { ms } => {
                sleep(Duration::from_millis(ms)).await;
                None
            }
            Self::Down => Some(broken(1, b"")),
            Self::Truncated => Some(broken(1_000, br#"{"id":"01935a5c-0000-"#)),
            Self::Garbage => Some(HttpResponse::Ok().body("<html>Bad gateway {\"id\":")),
            Self::Text { status, body } => Some(HttpResponse::build(status_of(status)).body(body)),
            Self::Status { status, message } => {
                Some(Refusal::new(status_of(status), message).error_response())
            }
        }
    }
}

impl<C: Copy + Ord, F: Clone> Ledger<C, F> {
    /// The first fault planned for this call; a used-up fault is removed.
    fn due(&mut self, call: C, about: &str) -> Option<F> {
        self.plans.retain(|plan| plan.times != Some(0));
        let is_meant = |plan: &&mut Plan<C, F>| {
            plan.call == call && plan.about.as_deref().is_none_or(|wanted| wanted == about)
        };
        let plan = self.plans.iter_mut().find(is_meant)?;
        plan.times = plan.times.map(|times| times - 1);
        Some(plan.fault.clone())
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer that announces `length` bytes, sends `start` and breaks the connection; without anything to
/// send, not even the head is sent.
pub(crate) fn broken(length: u64, start: &'static [u8]) -> HttpResponse {
    let state = if start.is_empty() { Breaking::Now } else { Breaking::After(start) };
    let body = BoxBody::new(Broken { length, state });
    HttpResponse::Ok().content_type("application/json").body(body)
}

struct Broken {
    length: u64,
    state: Breaking,
}

enum Breaking {
    After(&'static [u8]),
    /// What was already written must be sent first.
    Soon,
    Now,
}

impl MessageBody for Broken {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let body = self.get_mut();
        match body.state {
            Breaking::After(start) => {
                body.state = Breaking::Soon;
                Poll::Ready(Some(Ok(Bytes::from_static(start))))
            }
            Breaking::Soon => {
                body.state = Breaking::Now;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Breaking::Now => {
                Poll::Ready(Some(Err(io::Error::other("the connection breaks, as planned"))))
            }
        }
    }
}
