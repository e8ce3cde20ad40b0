//! Checks JSON bodies and reports faults like the old API: the issues of zod 3, with the same codes and paths
//! (design §5).
//!
//! Shapes are literal tables, so that a route's rules read like the contract. Serde would stop at the first
//! error and does not have these codes.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;
use utoipa::ToSchema;
use winserve_domain::base::state::is_code;

use crate::error::ApiError;

/// Maximum number of issues in an answer. A body of a megabyte can have half a million.
const MOST_ISSUES: usize = 100;
/// Maximum number of characters of a key in an issue: each issue repeats the keys on its path.
const LONGEST_KEY: usize = 100;

/// Whether there are already more issues than an answer lists, so that the search can stop.
pub(crate) fn are_enough(issues: &[Issue]) -> bool {
    issues.len() > MOST_ISSUES
}

/// The issues that an answer lists; the last one says if there are more.
pub(crate) fn named(mut issues: Vec<Issue>) -> Vec<Issue> {
    if are_enough(&issues) {
        issues.truncate(MOST_ISSUES);
        let message = format!("There are more issues; correct these {MOST_ISSUES} first");
        issues.push(Issue::new("custom", &[], message, Value::Null));
    }
    issues
}

/// The start of a key.
fn shortened(key: &str) -> String {
    let mut start: String = key.chars().take(LONGEST_KEY).collect();
    if start.len() < key.len() {
        start.push('…');
    }
    start
}

/// A part of the path to a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PathItem {
    Key(String),
    Index(usize),
}

impl PathItem {
    fn shortened(&self) -> Self {
        match self {
            Self::Key(key) => Self::Key(shortened(key)),
            Self::Index(index) => Self::Index(*index),
        }
    }
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Issue {
    /// The kind of fault, as zod 3 names it.
    code: &'static str,
    /// The path: keys of objects and indices of lists.
    #[schema(value_type = Vec<PathItem>)]
    path: Vec<PathItem>,
    message: String,
    /// Details that belong to the kind, such as `expected` and `received`.
    #[serde(flatten)]
    #[schema(value_type = HashMap<String, Value>)]
    details: Map<String, Value>,
}

impl Issue {
    pub(crate) fn new(
        code: &'static str,
        path: &[PathItem],
        message: String,
        details: Value,
    ) -> Self {
        let details = if let Value::Object(details) = details { details } else { Map::new() };
        Self { code, path: path.iter().map(PathItem::shortened).collect(), message, details }
    }

    /// The database cannot store this character.
    pub(crate) fn nul(path: &[PathItem]) -> Self {
        let message = "Text must not contain the character NUL".to_owned();
        Self::new("custom", path, message, Value::Null)
    }

    pub(crate) fn wrong_type(path: &[PathItem], expected: &str, received: Option<&Value>) -> Self {
        let received = received.map_or("undefined", type_name);
        let message = if received == "undefined" {
            "Required".to_owned()
        } else {
            format!("Expected {expected}, received {received}")
        };
        let details = json!({"expected": expected, "received": received});
        Self::new("invalid_type", path, message, details)
    }

    pub(crate) fn unrecognized_keys(path: &[PathItem], keys: &[String]) -> Self {
        let named: Vec<_> = keys.iter().take(MOST_ISSUES).map(|key| shortened(key)).collect();
        let quoted: Vec<_> = named.iter().map(|key| format!("'{key}'")).collect();
        let mut message = format!("Unrecognized key(s) in object: {}", quoted.join(", "));
        if keys.len() > named.len() {
            message = format!("{message}, and {} more", keys.len() - named.len());
        }
        Self::new("unrecognized_keys", path, message, json!({"keys": named}))
    }

    pub(crate) fn invalid_string(path: &[PathItem], validation: &str, message: &str) -> Self {
        let details = json!({"validation": validation});
        Self::new("invalid_string", path, message.to_owned(), details)
    }
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// A text.
    Text,
    /// A text with a limited number of characters, counted in UTF-16 units as in the old API.
    TextBetween(usize, usize),
    /// [`TextBetween`](Self::TextBetween), with its own messages for too short and too long.
    TextBetweenOr(usize, &'static str, usize, &'static str),
    /// A text that is not blank, with a maximum length.
    NotBlank(usize),
    /// An e-mail address with a maximum length.
    Email(usize),
    /// A U.S. mobile number, or an empty text.
    MobilePhone,
    /// A state's code, in any case.
    State,
    /// A U.S. ZIP code, five or nine digits, or an empty text.
    ZipCode,
    /// A day as `YYYY-MM-DD`: days and months outside the calendar roll over, within the years 1 to 9999.
    Day,
    /// A point in time, as `2026-02-25T12:34:56.789Z` or with another offset.
    Instant,
    /// [`Instant`](Self::Instant) in UTC, marked by `Z`.
    UtcInstant,
    /// An absolute URL.
    Url,
    /// A positive integer that fits the database's integer type, or a text of one.
    PositiveInteger,
    /// Anything that the old API read as a number that fits the database's integer type, without its
    /// fraction.
    CoercedInteger,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// Exactly this text.
    Literal(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Anything but null.
    Any,
    /// Any object.
    Record,
    /// A text, or any object.
    TextOrRecord,
    /// A list of values that each follow a rule.
    List(&'static Rule),
    /// [`List`](Self::List) with a maximum length.
    ListUpTo(&'static Rule, usize),
    /// An object with a known shape.
    Object(&'static Shape),
    /// `null`, or a value that follows the rule.
    Nullable(&'static Rule),
}

/// The shape of an object; every field may be absent, except for the required ones.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) required: &'static [&'static str],
    pub(crate) fields: &'static [(&'static str, Rule)],
    pub(crate) unknown: Unknown,
}

/// What to do with fields that the shape does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Refuse,
    Keep,
    Strip,
}

/// Checks a body and returns it without stripped fields.
pub(crate) fn check(body: Option<Value>, shape: &Shape) -> Result<Map<String, Value>, ApiError> {
    let mut issues = Vec::new();
    check_shape(body.as_ref(), shape, &mut Vec::new(), &mut issues);
    match body {
        Some(Value::Object(mut members)) if issues.is_empty() => {
            if shape.unknown == Unknown::Strip {
                members.retain(|key, _| shape.rule(key).is_some());
            }
            Ok(members)
        }
        _ => Err(ApiError::invalid(issues)),
    }
}

impl Shape {
    fn rule(&self, key: &str) -> Option<&Rule> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule)
    }
}

fn check_shape(
    value: Option<&Value>,
    shape: &Shape,
    path: &mut Vec<PathItem>,
    issues: &mut Vec<Issue>,
) {
    let Some(Value::Object(members)) = value else {
        issues.push(Issue::wrong_type(path, "object", value));
        return;
    };
    for (name, rule) in shape.fields {
        path.push(PathItem::Key((*name).to_owned()));
        match members.get(*name) {
            Some(member) => check_rule(member, *rule, path, issues),
            None if shape.required.contains(name) => {
                issues.push(Issue::wrong_type(path, "string", None));
            }
            None => {}
        }
        path.pop();
    }
    if shape.unknown == Unknown::Refuse {
        let is_unknown = |key: &&String| shape.rule(key).is_none();
        let keys: Vec<String> = members.keys().filter(is_unknown).cloned().collect();
        if !keys.is_empty() {
            issues.push(Issue::unrecognized_keys(path, &keys));
        }
    }
}

fn check_rule(value: &Value, rule: Rule, path: &mut Vec<PathItem>, issues: &mut Vec<Issue>) {
    let wrong_type = |path: &[PathItem], expected| Issue::wrong_type(path, expected, Some(value));
    match (rule, value) {
        (Rule::Any, value) if !value.is_null() => {}
        (Rule::Nullable(_), Value::Null)
        | (Rule::Text | Rule::TextOrRecord, Value::String(_))
        | (Rule::Boolean, Value::Bool(_))
        | (Rule::Number, Value::Number(_))
        | (Rule::Record | Rule::TextOrRecord, Value::Object(_)) => {}
        (Rule::Nullable(inner), value) => check_rule(value, *inner, path, issues),
        (Rule::Object(shape), value) => check_shape(Some(value), shape, path, issues),
        (Rule::ListUpTo(_, maximum), Value::Array(items)) if items.len() > maximum => {
            let message = format!("Array must contain at most {maximum} element(s)");
            let details =
                json!({"maximum": maximum, "type": "array", "inclusive": true, "exact": false});
            issues.push(Issue::new("too_big", path, message, details));
        }
        (Rule::List(inner) | Rule::ListUpTo(inner, _), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if are_enough(issues) {
                    break;
                }
                path.push(PathItem::Index(index));
                check_rule(item, *inner, path, issues);
                path.pop();
            }
        }
        (Rule::Literal(expected), value) => {
            if value.as_str() != Some(expected) {
                let message = format!("Invalid literal value, expected \"{expected}\"");
                let details = json!({"expected": expected, "received": value});
                issues.push(Issue::new("invalid_literal", path, message, details));
            }
        }
        (Rule::PositiveInteger, value) => issues.extend(check_positive_integer(value, path)),
        (Rule::CoercedInteger, value) => {
            if coerced_integer(value).is_none() {
                issues.push(wrong_type(path, "number"));
            }
        }
        (Rule::OneOf(options), value) => issues.extend(check_option(value, options, path)),
        (rule, Value::String(text)) => issues.extend(check_text(text, rule, path)),
        (Rule::Boolean, _) => issues.push(wrong_type(path, "boolean")),
        (Rule::Number, _) => issues.push(wrong_type(path, "number")),
        (Rule::Record, _) => issues.push(wrong_type(path, "object")),
        (Rule::List(_) | Rule::ListUpTo(..), _) => issues.push(wrong_type(path, "array")),
        (Rule::TextOrRecord, _) => {
            issues.push(Issue::new("invalid_union", path, "Invalid input".into(), Value::Null));
        }
        (
            Rule::Any
            | Rule::Text
            | Rule::TextBetween(..)
            | Rule::TextBetweenOr(..)
            | Rule::NotBlank(_)
            | Rule::Email(_)
            | Rule::MobilePhone
            | Rule::State
            | Rule::ZipCode
            | Rule::Instant
            | Rule::UtcInstant
            | Rule::Url
            | Rule::Day,
            _,
        ) => issues.push(wrong_type(path, "string")),
    }
}

/// The issue for a value that must be one of these texts.
pub(crate) fn check_option(value: &Value, options: &[&str], path: &[PathItem]) -> Option<Issue> {
    let quoted: Vec<_> = options.iter().map(|option| format!("'{option}'")).collect();
    let expected = quoted.join(" | ");
    match value.as_str() {
        Some(text) if options.contains(&text) => None,
        Some(text) => {
            let message = format!("Invalid enum value. Expected {expected}, received '{text}'");
            let details = json!({"received": text, "options": options});
            Some(Issue::new("invalid_enum_value", path, message, details))
        }
        None => Some(Issue::wrong_type(path, &expected, Some(value))),
    }
}

fn check_text(text: &str, rule: Rule, path: &[PathItem]) -> Option<Issue> {
    match rule {
        Rule::TextBetweenOr(minimum, too_small, maximum, too_big) => {
            let issue = check_text(text, Rule::TextBetween(minimum, maximum), path)?;
            let message = if issue.code == "too_small" { too_small } else { too_big };
            Some(Issue { message: message.to_owned(), ..issue })
        }
        Rule::TextBetween(minimum, _) if text.encode_utf16().count() < minimum => {
            let message = format!("String must contain at least {minimum} character(s)");
            let details =
                json!({"minimum": minimum, "type": "string", "inclusive": true, "exact": false});
            Some(Issue::new("too_small", path, message, details))
        }
        Rule::NotBlank(_) if text.trim().is_empty() => {
            let details =
                json!({"minimum": 1, "type": "string", "inclusive": true, "exact": false});
            Some(Issue::new("too_small", path, "String must not be blank".into(), details))
        }
        Rule::TextBetween(_, maximum) | Rule::NotBlank(maximum) | Rule::Email(maximum)
            if text.encode_utf16().count() > maximum =>
        {
            let message = format!("String must contain at most {maximum} character(s)");
            let details =
                json!({"maximum": maximum, "type": "string", "inclusive": true, "exact": false});
            Some(Issue::new("too_big", path, message, details))
        }
        Rule::Email(_) if !is_email(text) => {
            Some(Issue::invalid_string(path, "email", "Invalid email"))
        }
        Rule::Day if !is_day(text) => {
            Some(Issue::invalid_string(path, "regex", "Expected YYYY-MM-DD"))
        }
        Rule::Day if day(text).is_none() => {
            Some(Issue::invalid_string(path, "date", "Invalid date"))
        }
        Rule::State if !is_code(&text.to_uppercase()) => {
            Some(Issue::new("custom", path, "Invalid state code".into(), Value::Null))
        }
        Rule::Instant if chrono::DateTime::parse_from_rfc3339(text).is_err() => {
            Some(Issue::invalid_string(path, "datetime", "Invalid datetime"))
        }
        // (chrono accepts a space between date and time.)
        Rule::UtcInstant
            if !(text.ends_with('Z') && text.contains('T'))
                || chrono::DateTime::parse_from_rfc3339(text).is_err() =>
        {
            Some(Issue::invalid_string(path, "datetime", "Invalid datetime"))
        }
        Rule::Url if Url::parse(text).is_err() => {
            Some(Issue::invalid_string(path, "url", "Invalid url"))
        }
        Rule::MobilePhone if !text.is_empty() && !is_mobile_phone(text) => {
            Some(Issue::new("custom", path, "Must be valid phone number".into(), Value::Null))
        }
        Rule::ZipCode if !text.is_empty() && !is_zip_code(text) => {
            Some(Issue::new("custom", path, "Must be valid Zip code".into(), Value::Null))
        }
        Rule::Boolean => Some(Issue::wrong_type(path, "boolean", Some(&text.into()))),
        Rule::Number => Some(Issue::wrong_type(path, "number", Some(&text.into()))),
        Rule::Record => Some(Issue::wrong_type(path, "object", Some(&text.into()))),
        Rule::List(_) | Rule::ListUpTo(..) => {
            Some(Issue::wrong_type(path, "array", Some(&text.into())))
        }
        _ => None,
    }
}

fn check_positive_integer(value: &Value, path: &[PathItem]) -> Option<Issue> {
    let Some(number) = coerced_number(value) else {
        return Some(Issue::wrong_type(path, "number", Some(value)));
    };
    if number.fract() != 0.0 {
        let details = json!({"expected": "integer", "received": "float"});
        let message = "Expected integer, received float".to_owned();
        return Some(Issue::new("invalid_type", path, message, details));
    }
    let (code, limit, bound) = if number <= 0.0 {
        ("too_small", "minimum", 0)
    } else if number > f64::from(i32::MAX) {
        ("too_big", "maximum", i32::MAX)
    } else {
        return None;
    };
    let details = json!({limit: bound, "type": "number", "inclusive": code == "too_big"});
    let relation = if code == "too_small" { "greater than" } else { "less than or equal to" };
    Some(Issue::new(code, path, format!("Number must be {relation} {bound}"), details))
}

/// A number, or a text of one, as `z.coerce.number()` reads it; other types are refused here.
pub(crate) fn coerced_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A number as `Number(value)` reads it, without its fraction; `None` if it is not a number, or does not fit
/// the database's integer type.
pub(crate) fn coerced_integer(value: &Value) -> Option<i32> {
    let number = match value {
        Value::Null | Value::Bool(false) => 0.0,
        Value::Bool(true) => 1.0,
        Value::String(text) if text.trim().is_empty() => 0.0,
        value => coerced_number(value)?,
    };
    // Without fraction and exponent, so that its text is that of the integer.
    format!("{:.0}", number.trunc()).parse().ok()
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// A day as the old service read it: months and days outside the calendar roll over (`2025-13-45` is
/// 2026-02-14). `None` for other texts, and for a day outside the years 1 to 9999, which an answer could not
/// write as `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
    // Month 00 and day 00 mean one before the first.
    let month = match month.checked_sub(1) {
        Some(months) => first.checked_add_months(Months::new(months))?,
        None => first.checked_sub_months(Months::new(1))?,
    };
    let day = match day.checked_sub(1) {
        Some(days) => month.checked_add_days(Days::new(days.into()))?,
        None => month.checked_sub_days(Days::new(1))?,
    };
    (1..=9999).contains(&day.year()).then_some(day)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The rule of zod 3: no leading dot, no two consecutive dots, a domain with a dot and a last part of at
/// least two letters.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_ok = !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_ascii_alphanumeric() || "_'+-.".contains(c));
    let labels: Vec<_> = domain.split('.').collect();
    let label_ok = |label: &&str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let top_ok = labels
        .last()
        .is_some_and(|top| top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic()));
    local_ok && labels.len() >= 2 && labels.iter().all(label_ok) && top_ok
}

/// A U.S. mobile number: an optional country code 1, then an area code and an exchange that start with 2 to
/// 9, with the usual punctuation between the groups.
fn is_mobile_phone(text: &str) -> bool {
    if !text.chars().all(|c| c.is_ascii_digit() || " -()+.".contains(c)) {
        return false;
    }
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    let national = match digits.as_slice() {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        rest => rest,
    };
    matches!(national, [b'2'..=b'9', _, _, b'2'..=b'9', _, _, _, _, _, _])
}

fn is_zip_code(text: &str) -> bool {
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        None => digits(text, 5),
        Some((five, four)) => digits(five, 5) && digits(four, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_distinguished_from_other_texts() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "o'neil@example.com"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "a", "a@b", "a@b.c", ".a@b.co", "a..b@c.co", "a@@b.co", "a b@c.co", "a@-b.co"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn phones_and_zip_codes_are_distinguished_from_other_texts() {
        for good in ["5555555555", "+1 555 555 5555", "(555) 555-5555", "1-555-555-5555"] {
            assert!(is_mobile_phone(good), "{good}");
        }
        for bad in [
            "1555555555",
            "555555555",
            "0555555555",
            "5551555555",
            "555-555-5555 x1",
            "25555555555",
        ] {
            assert!(!is_mobile_phone(bad), "{bad}");
        }
        assert!(is_zip_code("12345") && is_zip_code("12345-6789"));
        for bad in ["1234", "123456", "12345-", "12345-67", "1234a"] {
            assert!(!is_zip_code(bad), "{bad}");
        }
    }

    #[test]
    fn days_beyond_the_calendar_roll_over() {
        for (text, expected) in [
            ("2025-01-06", "2025-01-06"),
            ("2025-13-45", "2026-02-14"),
            ("2025-02-30", "2025-03-02"),
            ("2025-00-01", "2024-12-01"),
            ("2025-01-00", "2024-12-31"),
        ] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["0000-00-00", "0001-01-00", "9999-12-32", "9999-99-99"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
