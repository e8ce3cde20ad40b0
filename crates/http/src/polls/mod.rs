//! Polls of elected officials, `/v1/polls…` (legacy contract §3.9, §5.6).

pub(crate) mod get_by_id;
pub(crate) mod get_has_polls;
pub(crate) mod get_page;
pub(crate) mod post_initial_poll;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::polls::{Confidence, Poll, PollStatus};

use crate::campaigns::{milliseconds, optional_milliseconds};

/// A poll as its official sees it; values that are not known yet are absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Poll)]
pub(crate) struct PollAnswer {
    id: String,
    name: String,
    #[schema(pattern = "^(scheduled|in_progress|completed)$")]
    status: &'static str,
    message_content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    image_url: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    scheduled_date: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    estimated_completion_date: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_milliseconds")]
    #[schema(nullable = false)]
    completed_date: Option<DateTime<Utc>>,
    audience_size: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_count: Option<i32>,
    low_confidence: bool,
}

impl PollAnswer {
    fn new(poll: Poll, now: DateTime<Utc>) -> Self {
        Self {
            status: match poll.status(now) {
                PollStatus::Scheduled => "scheduled",
                PollStatus::InProgress => "in_progress",
                PollStatus::Completed => "completed",
            },
            id: poll.id.0,
            name: poll.name,
            message_content: poll.message,
            image_url: poll.image_url,
            scheduled_date: poll.scheduled_at,
            estimated_completion_date: poll.estimated_completion_at,
            completed_date: poll.completed_at,
            audience_size: poll.audience_size,
            response_count: poll.response_count,
            low_confidence: poll.confidence == Some(Confidence::Low),
        }
    }
}
