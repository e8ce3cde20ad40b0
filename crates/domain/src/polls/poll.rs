//! Polls: an elected official asks constituents by text message (legacy contract §5.6).

use chrono::{DateTime, Datelike as _, Days, Utc, Weekday};

use crate::base::{ElectedOfficeId, PollId};

/// Recipients of an initial poll. It requires this many constituents with a cell phone (legacy
/// contract §3.9).
pub const INITIAL_AUDIENCE: i32 = 500;
/// Name of every initial poll.
const INITIAL_NAME: &str = "Top Community Issues";
/// Business days until answers are expected.
const BUSINESS_DAYS: usize = 3;

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Key.
    pub id: PollId,
    /// Its office; `None` for some old rows.
    pub office: Option<ElectedOfficeId>,
    /// Its name.
    pub name: String,
    /// The message that is sent.
    pub message: String,
    /// URL of an attached picture.
    pub image_url: Option<String>,
    /// Number of recipients.
    pub audience_size: i32,
    /// Number of responses, once counted.
    pub response_count: Option<i32>,
    /// Confidence in the answers, once analyzed.
    pub confidence: Option<Confidence>,
    /// When it is sent.
    pub scheduled_at: DateTime<Utc>,
    /// When answers are expected.
    pub estimated_completion_at: DateTime<Utc>,
    /// When they arrived.
    pub completed_at: Option<DateTime<Utc>>,
    /// Whether they arrived. A poll sent to more constituents is no longer completed.
    pub is_completed: bool,
}

/// Confidence in the answers to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Too few responses.
    Low,
    /// Enough responses.
    High,
}

/// Status of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollStatus {
    /// Not sent yet.
    Scheduled,
    /// Sent.
    InProgress,
    /// Answers have arrived.
    Completed,
}

/// An official's input for their first poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollDraft {
    /// The message.
    pub message: String,
    /// URL of a picture.
    pub image_url: Option<String>,
    /// When to send it; `None`: immediately.
    pub scheduled_at: Option<DateTime<Utc>>,
}

impl Poll {
    /// The first poll of an office.
    #[must_use]
    pub fn initial(office: ElectedOfficeId, draft: PollDraft, now: DateTime<Utc>) -> Self {
        let PollDraft { message, image_url, scheduled_at } = draft;
        let scheduled_at = scheduled_at.unwrap_or(now);
        Self {
            id: PollId::generate(),
            office: Some(office),
            name: INITIAL_NAME.to_owned(),
            message,
            image_url,
            audience_size: INITIAL_AUDIENCE,
            response_count: None,
            confidence: None,
            scheduled_at,
            estimated_completion_at: estimated_completion(scheduled_at),
            completed_at: None,
            is_completed: false,
        }
    }

    /// Its current status.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> PollStatus {
        if self.is_completed {
            PollStatus::Completed
        } else if self.scheduled_at > now {
            PollStatus::Scheduled
        } else {
            PollStatus::InProgress
        }
    }
}

/// The same time of day, three weekdays later. Holidays count as days.
fn estimated_completion(scheduled_at: DateTime<Utc>) -> DateTime<Utc> {
    let later = (1..).map_while(|days| scheduled_at.checked_add_days(Days::new(days)));
    let is_on_weekend = |at: &DateTime<Utc>| matches!(at.weekday(), Weekday::Sat | Weekday::Sun);
    let mut business_days = later.filter(|at| !is_on_weekend(at));
    // It always exists: a scheduled day has a four-digit year, and dates go far beyond that.
    business_days.nth(BUSINESS_DAYS - 1).unwrap_or(scheduled_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_do_not_count_until_answers_are_in() {
        for (scheduled, expected) in [
            ("2026-02-23T10:00:00.123Z", "2026-02-26T10:00:00.123Z"), // Monday
            ("2026-02-25T23:59:59Z", "2026-03-02T23:59:59Z"),         // Wednesday
            ("2026-02-27T00:00:00Z", "2026-03-04T00:00:00Z"),         // Friday
            ("2026-02-28T12:00:00Z", "2026-03-04T12:00:00Z"),         // Saturday
            ("2026-03-01T12:00:00Z", "2026-03-04T12:00:00Z"),         // Sunday
        ] {
            assert_eq!(estimated_completion(at(scheduled)), at(expected), "{scheduled}");
        }
    }

    #[test]
    fn a_poll_is_scheduled_then_in_progress_then_completed() {
        let draft = PollDraft {
            message: "What matters?".to_owned(),
            image_url: None,
            scheduled_at: Some(at("2026-02-23T10:00:00Z")),
        };
        let mut poll =
            Poll::initial(ElectedOfficeId::generate(), draft, at("2026-02-20T10:00:00Z"));
        assert_eq!(poll.status(at("2026-02-23T09:59:59.999Z")), PollStatus::Scheduled);
        assert_eq!(poll.status(at("2026-02-23T10:00:00Z")), PollStatus::InProgress);
        poll.is_completed = true;
        assert_eq!(poll.status(at("2026-02-20T10:00:00Z")), PollStatus::Completed);
    }
}
