//! Polls: an elected official asks constituents by text message (legacy contract §5.6).

use chrono::{DateTime, Datelike as _, Days, Utc, Weekday};

use crate::base::{ElectedOfficeId, PollId};

/// Constituents that an initial poll is sent to. With fewer who have a cell phone there is none
/// (legacy contract §3.9).
pub const INITIAL_AUDIENCE: i32 = 500;
/// Name of every initial poll.
const INITIAL_NAME: &str = "Top Community Issues";
/// Days of the week, but for weekends, until answers are expected to be in.
const BUSINESS_DAYS: usize = 3;

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Key.
    pub id: PollId,
    /// Whose it is; old rows may be nobody's.
    pub office: Option<ElectedOfficeId>,
    /// What it is called.
    pub name: String,
    /// The message that is sent.
    pub message: String,
    /// Address of a picture that goes with it.
    pub image_url: Option<String>,
    /// Constituents that it is sent to.
    pub audience_size: i32,
    /// How many have answered, once that is counted.
    pub response_count: Option<i32>,
    /// How far the answers can be relied upon, once they are analysed.
    pub confidence: Option<Confidence>,
    /// When it is sent.
    pub scheduled_at: DateTime<Utc>,
    /// When answers are expected to be in.
    pub estimated_completion_at: DateTime<Utc>,
    /// When they were.
    pub completed_at: Option<DateTime<Utc>>,
    /// Whether they are. One that is sent to more constituents is not completed any more.
    pub is_completed: bool,
}

/// How far the answers to a poll can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Too few have answered.
    Low,
    /// Enough have.
    High,
}

/// How far a poll is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollStatus {
    /// It is yet to be sent.
    Scheduled,
    /// It was sent.
    InProgress,
    /// Answers are in.
    Completed,
}

/// What an official says of their first poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollDraft {
    /// The message.
    pub message: String,
    /// Address of a picture.
    pub image_url: Option<String>,
    /// When to send it; without, at once.
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

    /// How far it is by now.
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

/// The same time of day, three days later that are on no weekend. Holidays count as days.
fn estimated_completion(scheduled_at: DateTime<Utc>) -> DateTime<Utc> {
    let later = (1..).map_while(|days| scheduled_at.checked_add_days(Days::new(days)));
    let is_on_weekend = |at: &DateTime<Utc>| matches!(at.weekday(), Weekday::Sat | Weekday::Sun);
    let mut business_days = later.filter(|at| !is_on_weekend(at));
    // There always is one: a scheduled day has four digits for its year, time goes on much longer.
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
