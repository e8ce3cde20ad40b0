//! Query parameters, parsed like election-api (upstreams §2, §3).

use std::collections::HashMap;

use actix_web::web::Query;

use crate::{District, ElectionCode, Turnout, refusal::Refusal};

/// 50 states, DC, five territories, three freely associated states, and `FD` for federal.
const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO \
    MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI \
    FM MH PW FD";

/// By name; repeated keys count once, unknown keys are ignored.
pub(crate) type Parameters = Query<HashMap<String, String>>;

/// Which turnout makes a district valid.
pub(crate) struct Validity {
    pub(crate) year: Option<i32>,
    pub(crate) code: Option<ElectionCode>,
    is_asked: bool,
}

impl Validity {
    pub(crate) fn of(query: &Parameters) -> Result<Self, Refusal> {
        let year = text(query, "electionYear").map(|year| {
            year.parse::<i32>()
                .map_err(|_unread| Refusal::bad_request("electionYear must be an integer"))
        });
        let code = text(query, "electionCode").map(|code| {
            serde_json::from_value::<ElectionCode>(code.into())
                .map_err(|_unread| Refusal::bad_request("electionCode is not a known code"))
        });
        Ok(Self {
            year: year.transpose()?,
            code: code.transpose()?,
            is_asked: flag(query, "excludeInvalid"),
        })
    }

    pub(crate) fn matches(&self, turnout: &Turnout) -> bool {
        self.year.is_none_or(|year| turnout.election_year == year)
            && self.code.is_none_or(|code| turnout.election_code == code)
    }

    pub(crate) fn keeps(&self, district: &District) -> bool {
        let has_voters = |turnout| self.matches(turnout) && turnout.projected_turnout > 0;
        !self.is_asked || district.turnouts.iter().any(has_voters)
    }
}

/// A comma-separated list of columns, each of which must exist.
pub(crate) fn columns(
    query: &Parameters,
    key: &str,
    known: &[&str],
) -> Result<Option<Vec<String>>, Refusal> {
    let Some(list) = text(query, key) else { return Ok(None) };
    let columns: Vec<String> = list.split(',').map(|column| column.trim().to_owned()).collect();
    match columns.iter().find(|column| !known.contains(&column.as_str())) {
        Some(column) => Err(Refusal::bad_request(format!("Invalid column in {key}: {column}"))),
        None => Ok(Some(columns)),
    }
}

/// A value that is present and not empty.
pub(crate) fn text<'a>(query: &'a Parameters, key: &str) -> Option<&'a str> {
    query.get(key).map(String::as_str).filter(|text| !text.is_empty())
}

/// A flag as election-api parses it: any text is true, even `false`.
pub(crate) fn flag(query: &Parameters, key: &str) -> bool {
    text(query, key).is_some()
}

pub(crate) fn state(query: &Parameters) -> Result<Option<String>, Refusal> {
    let Some(state) = text(query, "state").map(str::to_ascii_uppercase) else { return Ok(None) };
    if STATES.split(' ').any(|known| known == state) {
        return Ok(Some(state));
    }
    Err(Refusal::bad_request("Invalid state code"))
}

pub(crate) fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
