//! What the routes of people-api take (upstreams §6).

use std::collections::HashSet;

use serde_json::{Map, Value};
use uuid::Uuid;

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
    /// Of the first row; none of a page at all when that would lie before the first.
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
            // The database refuses a negative limit as it does a negative offset.
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

/// Input of the sample, from a body or from a query.
pub(crate) struct Sample {
    pub(crate) size: u64,
    pub(crate) has_cell_phone: bool,
    pub(crate) excluded: HashSet<Uuid>,
}

/// Bounds of a sample's size.
const SIZES: std::ops::RangeInclusive<i64> = 1..=10_000;

impl Sample {
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, Refusal> {
        let size = whole(members, "size", 500).ok().filter(|size| SIZES.contains(size));
        let size = size.and_then(|size| u64::try_from(size).ok());
        let excluded = match members.get("excludeIds") {
            None => HashSet::new(),
            Some(Value::Array(ids)) => ids.iter().map(uuid).collect::<Result<_, _>>()?,
            Some(_) => return Err(Refusal::invalid("excludeIds", "Expected array")),
        };
        Ok(Self {
            size: size
                .ok_or_else(|| Refusal::invalid("size", "Expected a number from 1 to 10000"))?,
            has_cell_phone: members.get("hasCellPhone").is_none_or(is_truthy),
            excluded,
        })
    }

    /// The members that a query stands for; a list is written `excludeIds[]`, `excludeIds[0]` or
    /// `excludeIds`.
    pub(crate) fn members(query: Vec<(String, String)>) -> Map<String, Value> {
        let (lists, others): (Vec<_>, Vec<_>) =
            query.into_iter().partition(|(name, _)| name.split('[').next() == Some("excludeIds"));
        let others = others.into_iter().map(|(name, value)| (name, Value::String(value)));
        let mut members: Map<_, _> = others.collect();
        if !lists.is_empty() {
            members.insert("excludeIds".to_owned(), lists.into_iter().map(|(_, id)| id).collect());
        }
        members
    }
}

fn uuid(value: &Value) -> Result<Uuid, Refusal> {
    let id = value.as_str().filter(|id| is_uuid(id)).and_then(|id| id.parse().ok());
    id.ok_or_else(|| Refusal::invalid("excludeIds", "Invalid uuid"))
}

/// As JavaScript sees it: the text `false` is true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
