//! Goals in `path_to_victory.data`, from election-api's expected turnout (legacy contract §3.4,
//! §3.5). They do not include its district keys: see
//! [`campaign_json`](crate::campaigns::campaign_json).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// Contacts a candidate should make for each vote needed (upstreams §4.4).
const CONTACTS_PER_VOTE: i64 = 5;
/// Value of an unknown goal, because keys cannot be deleted.
const UNKNOWN: i64 = -1;

/// Goals for a district whose turnout was requested; a turnout of zero counts as unknown.
#[must_use]
pub fn of_district(turnout: Option<i64>, now: DateTime<Utc>) -> Map<String, Value> {
    let mut goals = initial_values();
    if let Some(turnout) = turnout.filter(|turnout| *turnout > 0) {
        goals.extend(targets(turnout));
        goals.insert("p2vStatus".to_owned(), "Complete".into());
        set_source(&mut goals, now);
    } else {
        goals.extend(unknown_targets());
        goals.insert("p2vStatus".to_owned(), "DistrictMatched".into());
    }
    goals
}

/// Goals for a race whose district election-api knows; `district` is its id.
#[must_use]
pub fn of_race(district: &str, turnout: Option<i64>, now: DateTime<Utc>) -> Map<String, Value> {
    let mut goals = of_district(turnout, now);
    goals.insert("districtId".to_owned(), district.into());
    set_source(&mut goals, now);
    goals
}

/// Status of goals that could not be computed yet; the old service's jobs may compute them later.
#[must_use]
pub fn waiting() -> Map<String, Value> {
    let mut goals = initial_values();
    goals.insert("p2vStatus".to_owned(), "Waiting".into());
    goals
}

fn initial_values() -> Map<String, Value> {
    Map::from_iter([
        ("p2vAttempts".to_owned(), json!(0)),
        ("officeContextFingerprint".to_owned(), Value::Null),
    ])
}

fn set_source(goals: &mut Map<String, Value>, now: DateTime<Utc>) {
    goals.insert("source".to_owned(), "ElectionApi".into());
    goals.insert("p2vCompleteDate".to_owned(), now.date_naive().to_string().into());
}

fn targets(turnout: i64) -> [(String, Value); 3] {
    // Half of the votes, rounded up, plus one.
    let win_number = turnout / 2 + turnout % 2 + 1;
    named(turnout, win_number, win_number.saturating_mul(CONTACTS_PER_VOTE))
}

fn unknown_targets() -> [(String, Value); 3] {
    named(UNKNOWN, UNKNOWN, UNKNOWN)
}

fn named(turnout: i64, win_number: i64, contacts: i64) -> [(String, Value); 3] {
    [
        ("projectedTurnout".to_owned(), turnout.into()),
        ("winNumber".to_owned(), win_number.into()),
        ("voterContactGoal".to_owned(), contacts.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_half_of_the_votes_wins() {
        let goals = |turnout| of_district(Some(turnout), DateTime::UNIX_EPOCH);
        for (turnout, win_number) in [(1, 2), (2, 2), (999, 501), (1000, 501)] {
            let goals = goals(turnout);
            assert_eq!(goals["winNumber"], win_number, "{turnout}");
            assert_eq!(goals["voterContactGoal"], win_number * 5, "{turnout}");
        }
        assert_eq!(goals(i64::MAX)["projectedTurnout"], i64::MAX);
    }

    #[test]
    fn without_a_turnout_the_goals_are_marked_unknown() {
        for turnout in [None, Some(0), Some(-3)] {
            let goals = of_district(turnout, DateTime::UNIX_EPOCH);
            assert_eq!(
                (&goals["winNumber"], &goals["p2vStatus"]),
                (&json!(-1), &json!("DistrictMatched"))
            );
            assert_eq!(goals.get("source"), None);
        }
    }
}
