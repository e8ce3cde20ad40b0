//! Reads path and query parameters.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use chrono::NaiveDate;
use serde_json::{Value, json};
use winserve_domain::base::state;

use crate::{
    error::{ApiError, ErrorCode},
    openapi::refuses,
    validation::{Issue, PathItem, check_option},
};

/// The only parameter of a path, without NUL characters.
pub(crate) struct PathText(pub(crate) String);

impl FromRequest for PathText {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some((name, _)) = request.match_info().iter().next() else {
            return ready(Err(ApiError::not_found()));
        };
        let path = [PathItem::Key(name.to_owned())];
        // The router has decoded it, except for bytes that are not valid text: no stored value has those.
        let text = web::Path::<String>::extract(request).into_inner();
        ready(match text {
            Ok(text) if text.contains('\0') => Err(ApiError::invalid(vec![Issue::nul(&path)])),
            Ok(text) => Ok(Self(text.into_inner())),
            Err(_no_text) => Err(ApiError::not_found()),
        })
    }
}

refuses!(PathText: InvalidRequest, NotFound);

/// A number in a path; one outside any column's range cannot be a row's.
pub(crate) fn numeric_id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_no_number| {
        let message = "Validation failed (numeric string is expected)";
        ApiError::client(ErrorCode::InvalidRequest, message)
    })
}

/// The query's pairs, in the given order.
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let refused =
            |_| ApiError::client(ErrorCode::InvalidRequest, "The query could not be read");
        ready(pairs.map(|pairs| Self(pairs.into_inner())).map_err(refused))
    }
}

refuses!(Query: InvalidRequest);

impl Query {
    /// Reads the parameters that a route knows and ignores the rest; fails with all faults at once. The
    /// result is used only if there are none.
    pub(crate) fn read<T>(self, read: impl FnOnce(&mut Reader) -> T) -> Result<T, ApiError> {
        let mut reader = Reader { pairs: self.0, issues: Vec::new() };
        let value = read(&mut reader);
        if reader.issues.is_empty() { Ok(value) } else { Err(ApiError::invalid(reader.issues)) }
    }

    /// [`read`](Self::read) for a route that refuses unknown parameters.
    pub(crate) fn read_only<T>(
        self,
        known: &[&str],
        read: impl FnOnce(&mut Reader) -> T,
    ) -> Result<T, ApiError> {
        let is_unknown = |(name, _): &&(String, String)| !known.contains(&name.as_str());
        let unknown: Vec<String> =
            self.0.iter().filter(is_unknown).map(|(name, _)| name.clone()).collect();
        let issue = (!unknown.is_empty()).then(|| Issue::unrecognized_keys(&[], &unknown));
        self.read(|reader| {
            let value = read(reader);
            reader.issues.extend(issue);
            value
        })
    }
}

/// Reads parameters, with the old API's conversions and the issues of zod 3.
pub(crate) struct Reader {
    pairs: Vec<(String, String)>,
    issues: Vec<Issue>,
}

fn path(key: &str) -> [PathItem; 1] {
    [PathItem::Key(key.to_owned())]
}

impl Reader {
    /// The only value of a parameter, as given.
    fn raw(&mut self, key: &str) -> Option<String> {
        let mut values = self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        let value = values.next()?.clone();
        if values.next().is_some() {
            self.issues.push(Issue::wrong_type(&path(key), "string", Some(&json!([]))));
            return None;
        }
        if value.contains('\0') {
            self.issues.push(Issue::nul(&path(key)));
            return None;
        }
        Some(value)
    }

    /// Records that a parameter is missing, unless there is another fault with it.
    fn require<T>(&mut self, key: &str, value: Option<T>, missing: Issue) -> Option<T> {
        if value.is_none() && !self.pairs.iter().any(|(name, _)| name == key) {
            self.issues.push(missing);
        }
        value
    }

    /// A text; an empty one is treated as absent, as in the old filters.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.raw(key).filter(|text| !text.is_empty())
    }

    /// A required text, which may be empty.
    pub(crate) fn required_text(&mut self, key: &str) -> String {
        let text = self.raw(key);
        let missing = Issue::wrong_type(&path(key), "string", None);
        self.require(key, text, missing).unwrap_or_default()
    }

    /// An integer that fits a column of type `integer`; an empty text is treated as absent.
    pub(crate) fn integer(&mut self, key: &str) -> Option<i32> {
        let text = self.text(key)?;
        let number = whole_number(text.trim(), &path(key));
        number.map_err(|issue| self.issues.push(issue)).ok()
    }

    /// A required [`integer`](Self::integer).
    pub(crate) fn required_integer(&mut self, key: &str) -> i32 {
        let text = self.raw(key);
        let missing = not_a_number(&path(key));
        let number =
            self.require(key, text, missing).map(|text| whole_number(text.trim(), &path(key)));
        match number {
            Some(Ok(number)) => number,
            Some(Err(issue)) => {
                self.issues.push(issue);
                0
            }
            None => 0,
        }
    }

    /// [`integer`](Self::integer) that is at least 0.
    pub(crate) fn count(&mut self, key: &str) -> Option<i64> {
        self.at_least(key, 0)
    }

    /// [`integer`](Self::integer) that is at least 1.
    pub(crate) fn position(&mut self, key: &str) -> Option<i64> {
        self.at_least(key, 1)
    }

    fn at_least(&mut self, key: &str, least: i32) -> Option<i64> {
        let number = self.integer(key)?;
        if number < least {
            let details =
                json!({"minimum": least, "type": "number", "inclusive": true, "exact": false});
            let message = format!("Number must be greater than or equal to {least}");
            self.issues.push(Issue::new("too_small", &path(key), message, details));
        }
        Some(number.into())
    }

    /// [`integer`](Self::integer) within inclusive bounds.
    pub(crate) fn within(&mut self, key: &str, least: u32, most: u32) -> Option<u32> {
        let number = self.integer(key)?;
        let (code, bound, limit, relation) = match u32::try_from(number) {
            Ok(number) if number > most => ("too_big", "maximum", most, "less"),
            Ok(number) if number >= least => return Some(number),
            _ => ("too_small", "minimum", least, "greater"),
        };
        let details = json!({bound: limit, "type": "number", "inclusive": true, "exact": false});
        let message = format!("Number must be {relation} than or equal to {limit}");
        self.issues.push(Issue::new(code, &path(key), message, details));
        None
    }

    /// `false` or `0` means no; anything else, and absence, means yes.
    pub(crate) fn unless_denied(&mut self, key: &str) -> bool {
        self.raw(key).is_none_or(|text| text != "false" && text != "0")
    }

    /// One of these texts.
    pub(crate) fn option(&mut self, key: &str, options: &[&str]) -> Option<String> {
        let text = self.raw(key)?;
        self.one_of(key, text, options)
    }

    /// One of these texts, in any case; returned in uppercase.
    pub(crate) fn option_in_capitals(&mut self, key: &str, options: &[&str]) -> Option<String> {
        let text = self.raw(key)?.to_uppercase();
        self.one_of(key, text, options)
    }

    fn one_of(&mut self, key: &str, text: String, options: &[&str]) -> Option<String> {
        match check_option(&text.as_str().into(), options, &path(key)) {
            None => Some(text),
            Some(issue) => {
                self.issues.push(issue);
                None
            }
        }
    }

    /// A five-digit ZIP code; an empty text is treated as absent.
    pub(crate) fn zip(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.len() == 5 && text.bytes().all(|digit| digit.is_ascii_digit()) {
            return Some(text);
        }
        self.issues.push(Issue::invalid_string(&path(key), "regex", "Expected five digits"));
        None
    }

    /// A fault of several parameters together.
    pub(crate) fn refuse(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// A day, `YYYY-MM-DD`.
    pub(crate) fn date(&mut self, key: &str) -> Option<NaiveDate> {
        let text = self.raw(key)?;
        // The parser is lenient about digits and spaces.
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()
            .filter(|date| date.to_string() == text);
        if date.is_none() {
            self.issues.push(Issue::invalid_string(&path(key), "date", "Invalid date"));
        }
        date
    }

    fn code(&mut self, key: &str, text: &str) -> Option<String> {
        let code = text.to_uppercase();
        if state::is_code(&code) {
            return Some(code);
        }
        let message = "Invalid state code".to_owned();
        self.issues.push(Issue::new("custom", &path(key), message, Value::Null));
        None
    }

    /// A state's code in any case, returned in uppercase; an empty text is treated as absent.
    pub(crate) fn state(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        self.code(key, &text)
    }

    /// A required state's code.
    pub(crate) fn required_state(&mut self, key: &str) -> String {
        let text = self.raw(key);
        let missing = Issue::wrong_type(&path(key), "string", None);
        let text = self.require(key, text, missing);
        text.and_then(|text| self.code(key, &text)).unwrap_or_default()
    }
}

fn not_a_number(path: &[PathItem]) -> Issue {
    let details = json!({"expected": "number", "received": "nan"});
    Issue::new("invalid_type", path, "Expected number, received nan".to_owned(), details)
}

/// Parses a number as JavaScript does, except for its other bases.
fn whole_number(text: &str, path: &[PathItem]) -> Result<i32, Issue> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let number: f64 = text.parse().map_err(|_no_number| not_a_number(path))?;
    if !number.is_finite() {
        return Err(not_a_number(path));
    }
    if number.fract() != 0.0 {
        let details = json!({"expected": "integer", "received": "float"});
        let message = "Expected integer, received float".to_owned();
        return Err(Issue::new("invalid_type", path, message, details));
    }
    let bound = |code, key: &str, bound: i32, relation| {
        let details = json!({key: bound, "type": "number", "inclusive": true, "exact": false});
        let message = format!("Number must be {relation} than or equal to {bound}");
        Issue::new(code, path, message, details)
    };
    if number > f64::from(i32::MAX) {
        return Err(bound("too_big", "maximum", i32::MAX, "less"));
    }
    if number < f64::from(i32::MIN) {
        return Err(bound("too_small", "minimum", i32::MIN, "greater"));
    }
    format!("{number:.0}").parse().map_err(|_no_number| not_a_number(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> Result<i32, Value> {
        whole_number(text, &[]).map_err(|issue| json!(issue)["code"].clone())
    }

    #[test]
    fn numbers_are_read_as_the_old_api_did() {
        for (text, number) in
            [("7", 7), ("-3", -3), ("+7", 7), ("2e3", 2000), ("7.0", 7), ("-0", 0)]
        {
            assert_eq!(code_of(text), Ok(number), "{text}");
        }
        for text in ["", "x", "1_000", "1,5", "inf", "Infinity", "NaN", "1e999", "٣"] {
            assert_eq!(code_of(text), Err(json!("invalid_type")), "{text}");
        }
        assert_eq!(code_of("7.5"), Err(json!("invalid_type")));
        assert_eq!(code_of("2147483648"), Err(json!("too_big")));
        assert_eq!(code_of("-2147483649"), Err(json!("too_small")));
        assert_eq!((code_of("2147483647"), code_of("-2147483648")), (Ok(i32::MAX), Ok(i32::MIN)));
    }
}
