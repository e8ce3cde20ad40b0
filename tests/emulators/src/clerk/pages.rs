//! Parameters of lists: pages, order and filters.

use std::cmp::Ordering;

use actix_web::web::Query;
use serde_json::{Value, json};

use super::{fields::invalid, refusal::Refusal};

/// Maximum and default page size.
const LARGEST_PAGE: usize = 500;
const USUAL_PAGE: usize = 10;
/// Maximum number of filter values.
const VALUES: usize = 100;

/// The query of a list, in which a parameter may be repeated.
pub(crate) type Parameters = Query<Vec<(String, String)>>;

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

/// The order of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) by: &'a str,
    descending: bool,
}

/// Every value of a parameter.
pub(crate) fn values<'a>(query: &'a Parameters, name: &str) -> Result<Vec<&'a str>, Refusal> {
    let found = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let found: Vec<&str> = found.collect();
    if found.len() > VALUES { Err(invalid(name)) } else { Ok(found) }
}

/// The first value of a parameter.
pub(crate) fn value<'a>(query: &'a Parameters, name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Page {
    pub(crate) fn of(query: &Parameters) -> Result<Self, Refusal> {
        let number = |name: &str, usual: usize| match value(query, name) {
            Some(text) => text.parse().map_err(|_not_a_number| invalid(name)),
            None => Ok(usual),
        };
        let (limit, offset) = (number("limit", USUAL_PAGE)?, number("offset", 0)?);
        if (1..=LARGEST_PAGE).contains(&limit) {
            Ok(Self { limit, offset })
        } else {
            Err(invalid("limit"))
        }
    }

    /// The page of a list, with the total length.
    pub(crate) fn cut<T>(self, all: &[T], show: impl Fn(&T) -> Value) -> Value {
        let data: Vec<Value> = all.iter().skip(self.offset).take(self.limit).map(show).collect();
        json!({ "data": data, "total_count": all.len() })
    }
}

impl<'a> Order<'a> {
    /// The order in `order_by`, `-created_at` by default: an allowed column, after an optional sign; without
    /// a sign, ascending.
    pub(crate) fn of(query: &'a Parameters, columns: &[&str]) -> Result<Self, Refusal> {
        let text = value(query, "order_by").unwrap_or("-created_at");
        let (by, descending) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(by), _) => (by, true),
            (None, Some(by)) => (by, false),
            (None, None) => (text, false),
        };
        if columns.contains(&by) { Ok(Self { by, descending }) } else { Err(invalid("order_by")) }
    }

    /// Reverses the comparison of an ascending order.
    pub(crate) fn turn(self, rising: Ordering) -> Ordering {
        if self.descending { rising.reverse() } else { rising }
    }
}

/// A filter of ids: to include, optionally with `+`, or to exclude, with `-`.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) wanted: Vec<&'a str>,
    unwanted: Vec<&'a str>,
}

impl<'a> Selection<'a> {
    pub(crate) fn of(query: &'a Parameters, name: &str) -> Result<Self, Refusal> {
        let all = values(query, name)?;
        let (unwanted, wanted): (Vec<&str>, Vec<&str>) =
            all.into_iter().partition(|value| value.starts_with('-'));
        Ok(Self {
            wanted: wanted.into_iter().map(|value| value.trim_start_matches('+')).collect(),
            unwanted: unwanted.into_iter().map(|value| value.trim_start_matches('-')).collect(),
        })
    }

    /// Whether an item with these ids is shown.
    pub(crate) fn takes(&self, has: impl Fn(&str) -> bool) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(|id| has(id)))
            && !self.unwanted.iter().any(|id| has(id))
    }
}
