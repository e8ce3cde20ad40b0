//! Input of people-api's routes (upstreams §6).

use serde_json::{Map, Value};

use super::{
    filters::{Filters, read_number},
    parties::Parties,
    population::{Electorate, Population},
    search::Search,
};
use crate::{query::is_uuid, refusal::Refusal};

/// The members of a body.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Refusal::invalid("", "Expected object")),
        Err(error) => Err(Refusal::bad_request(format!("Body is not valid JSON: {error}"))),
    }
}

/// The district with an id.
pub(crate) fn district<'a>(
    population: &'a Population,
    id: Option<&str>,
) -> Result<&'a Electorate, Refusal> {
    let id = id.filter(|id| is_uuid(id));
    let id = id.ok_or_else(|| Refusal::invalid("districtId", "Invalid uuid"))?;
    population.find(id).ok_or_else(|| Refusal::not_found("District not found"))
}

/// The district that a body names.
pub(crate) fn district_of<'a>(
    population: &'a Population,
    members: &Map<String, Value>,
) -> Result<&'a Electorate, Refusal> {
    district(population, members.get("districtId").and_then(Value::as_str))
}

/// Body of `POST /v1/people`.
pub(crate) struct List {
    pub(crate) filters: Filters,
    pub(crate) search: Option<Search>,
    pub(crate) size: u64,
    /// Index of the first row; `None` if it would be negative.
    pub(crate) offset: Option<u64>,
    pub(crate) page: i64,
}

impl List {
    pub(crate) fn read(members: &Map<String, Value>, parties: Parties) -> Result<Self, Refusal> {
        let search = match members.get("search") {
            None => None,
            Some(Value::String(text)) => Search::read(text),
            Some(_) => return Err(Refusal::invalid("search", "Expected string")),
        };
        let (size, page) = (whole(members, "resultsPerPage", 50)?, whole(members, "page", 1)?);
        let offset = (page - 1).checked_mul(size).and_then(|offset| u64::try_from(offset).ok());
        Ok(Self {
            filters: Filters::read(members.get("filters"), parties)?,
            search,
            // The database refuses negative limits and offsets.
            offset: offset.filter(|_| size >= 0),
            size: u64::try_from(size).unwrap_or_default(),
            page,
        })
    }
}

/// A number without a fraction; the database refuses others.
fn whole(members: &Map<String, Value>, name: &str, default: i64) -> Result<i64, Refusal> {
    let Some(value) = members.get(name) else { return Ok(default) };
    let number = read_number(value).map_err(|wrong| Refusal::invalid(name, wrong))?;
    format!("{number}").parse().map_err(|_unread| Refusal::internal())
}
