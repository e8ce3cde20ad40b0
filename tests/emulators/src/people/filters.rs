//! Filters (upstreams §7). Unknown names are silently dropped; a wrong value for a known name is 400.

use serde_json::{Map, Value};

use super::{
    kinds::Kind,
    parties::{Parties, Sign, SignValue},
    person::{CHILDREN, EDUCATION, ETHNICITY, HOMEOWNER, language, shown},
};
use crate::refusal::Refusal;

type Condition = Box<dyn Fn(&Kind) -> bool>;

/// Conditions that voters must all meet.
#[derive(Default)]
pub(crate) struct Filters(Vec<Condition>);

impl Filters {
    /// Reads the member `filters` of a body.
    pub(crate) fn read(filters: Option<&Value>, parties: Parties) -> Result<Self, Refusal> {
        let Some(filters) = filters else { return Ok(Self::default()) };
        let Value::Object(filters) = filters else {
            return Err(Refusal::invalid("filters", "Expected object"));
        };
        let mut conditions = Vec::new();
        for (name, operators) in filters {
            let Some(field) = Field::named(name, parties) else { continue };
            let path = format!("filters.{name}");
            conditions.extend(
                field.condition(operators).map_err(|wrong| Refusal::invalid(&path, wrong))?,
            );
        }
        Ok(Self(conditions))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn pass(&self, kind: &Kind) -> bool {
        self.0.iter().all(|condition| condition(kind))
    }
}

type Group = Box<dyn Fn(&Kind) -> &'static str>;

/// Members that can be filtered by.
enum Field {
    Flag(fn(&Kind) -> bool),
    /// The values; the voter's own value, empty for none of them; whether the column is null.
    Choice(&'static [&'static str], Group, fn(&Kind) -> bool),
    Number(fn(&Kind) -> Option<u32>),
}

const UNKNOWN: &str = "Unknown";

impl Field {
    fn named(name: &str, parties: Parties) -> Option<Self> {
        Some(match name {
            "hasCellPhone" => Self::Flag(|kind| kind.cell_phone),
            "hasLandline" => Self::Flag(|kind| kind.landline),
            "ageInt" => Self::Number(|kind| kind.age.map(u32::from)),
            "estimatedIncomeAmountInt" => Self::Number(|kind| kind.income),
            "politicalParty" => Self::Choice(
                &["Independent", "Democratic", "Republican", UNKNOWN],
                Box::new(move |kind| party(kind, parties)),
                |_| false,
            ),
            "voterStatus" => Self::choice(
                &super::words::VOTER_STATUSES,
                |kind| kind.voter_status.unwrap_or_default(),
                |kind| kind.voter_status.is_none(),
            ),
            "maritalStatus" => Self::choice(
                &["Inferred Married", "Inferred Single", "Married", "Single", UNKNOWN],
                |kind| kind.marital_status.unwrap_or(UNKNOWN),
                |kind| kind.marital_status.is_none(),
            ),
            "veteranStatus" => Self::choice(
                &["Yes", UNKNOWN],
                |kind| kind.veteran.unwrap_or(UNKNOWN),
                |kind| kind.veteran.is_none(),
            ),
            "businessOwner" => Self::choice(
                &["Yes", UNKNOWN],
                |kind| kind.business_owner.map_or(UNKNOWN, |_| "Yes"),
                |kind| kind.business_owner.is_none(),
            ),
            "educationLevel" => Self::choice(
                &[
                    "None",
                    "High School Diploma",
                    "Technical School",
                    "Some College",
                    "College Degree",
                    "Graduate Degree",
                    UNKNOWN,
                ],
                |kind| shown(&EDUCATION, kind.education).unwrap_or(UNKNOWN),
                |kind| kind.education.is_none(),
            ),
            "ethnicity" => Self::choice(
                &["Asian", "European", "Hispanic", "African American", "Other", UNKNOWN],
                |kind| shown(&ETHNICITY, kind.ethnicity).unwrap_or(UNKNOWN),
                |kind| kind.ethnicity.is_none(),
            ),
            "presenceOfChildren" => Self::choice(
                &["Yes", "No", UNKNOWN],
                |kind| shown(&CHILDREN, kind.children).unwrap_or(UNKNOWN),
                |kind| kind.children.is_none(),
            ),
            "homeowner" => Self::choice(
                &["Yes", "Likely", "No", UNKNOWN],
                |kind| shown(&HOMEOWNER, kind.homeowner).unwrap_or(UNKNOWN),
                |kind| kind.homeowner.is_none(),
            ),
            "gender" => Self::choice(
                &["M", "F", UNKNOWN],
                |kind| kind.gender.unwrap_or(UNKNOWN),
                |kind| kind.gender.is_none(),
            ),
            "language" => Self::choice(
                &["English", "Spanish", "Other"],
                |kind| language(kind.language),
                |kind| kind.language.is_none(),
            ),
            _ => return None,
        })
    }

    fn choice(
        values: &'static [&'static str],
        group: fn(&Kind) -> &'static str,
        is_null: fn(&Kind) -> bool,
    ) -> Self {
        Self::Choice(values, Box::new(group), is_null)
    }

    /// The condition, if there is one; otherwise what is wrong.
    fn condition(self, operators: &Value) -> Result<Option<Condition>, &'static str> {
        let field = match (self, operators) {
            (Self::Flag(flag), Value::Bool(wanted)) => {
                let wanted = *wanted;
                return Ok(Some(Box::new(move |kind| flag(kind) == wanted)));
            }
            (Self::Flag(_), _) => return Err("Expected boolean"),
            (field, _) => field,
        };
        let Value::Object(operators) = operators else { return Err("Expected object") };
        match field {
            Self::Choice(values, group, is_null) => chosen(operators, values, group, is_null),
            Self::Number(number) => numeric(operators, number),
            Self::Flag(_) => Ok(None),
        }
    }
}

fn party(kind: &Kind, parties: Parties) -> &'static str {
    match kind.allegiance.sign_value(parties, Sign::Party) {
        SignValue::Text("Non-Partisan") => "Independent",
        SignValue::Text(text @ ("Democratic" | "Republican" | UNKNOWN)) => text,
        SignValue::Text(_) | SignValue::Canary | SignValue::Nothing => "",
    }
}

/// Exactly one of `in`, `eq` or `is`.
fn chosen(
    operators: &Map<String, Value>,
    values: &[&'static str],
    group: Group,
    is_null: fn(&Kind) -> bool,
) -> Result<Option<Condition>, &'static str> {
    let known = |value: &Value| {
        let text = value.as_str().ok_or("Expected string")?;
        values.iter().find(|known| **known == text).copied().ok_or("Invalid enum value")
    };
    let wanted = match (operators.get("in"), operators.get("eq"), operators.get("is")) {
        (Some(Value::Array(list)), None, None) if !list.is_empty() => {
            list.iter().map(known).collect::<Result<Vec<_>, _>>()?
        }
        (Some(_), None, None) => return Err("Array must contain at least 1 element(s)"),
        (None, Some(value), None) => vec![known(value)?],
        (None, None, Some(null)) => {
            let wanted = wants_null(null)?;
            return Ok(Some(Box::new(move |kind| is_null(kind) == wanted)));
        }
        _ => return Err("Exactly one operator (in, eq, or is) must be specified"),
    };
    Ok(Some(Box::new(move |kind| wanted.contains(&group(kind)))))
}

/// `null` or `not_null`.
fn wants_null(operator: &Value) -> Result<bool, &'static str> {
    match operator.as_str() {
        Some("null") => Ok(true),
        Some("not_null") => Ok(false),
        _ => Err("Invalid enum value"),
    }
}

/// If there are several operators, precedence is `in`, `eq`, `is`, `_or`, range.
fn numeric(
    operators: &Map<String, Value>,
    number: fn(&Kind) -> Option<u32>,
) -> Result<Option<Condition>, &'static str> {
    let includes_null = match operators.get("_includeNull") {
        None => false,
        Some(value) => value.as_bool().ok_or("Expected boolean")?,
    };
    let list = operators.get("in").map(numbers).transpose()?;
    let equal = operators.get("eq").map(read_number).transpose()?;
    let null = operators.get("is").map(wants_null).transpose()?;
    let ranges = operators.get("_or").map(ranges).transpose()?;
    let range = Range::read(operators)?;
    if [list.is_some(), equal.is_some(), null.is_some(), ranges.is_some(), range.is_bounded()]
        .iter()
        .all(|is_there| !is_there)
    {
        return Err("At least one operator must be specified");
    }
    let (fits, includes_null): (Box<dyn Fn(f64) -> bool>, bool) = if let Some(list) = list {
        (Box::new(move |number| list.contains(&number)), includes_null)
    } else if let Some(equal) = equal {
        (Box::new(move |number| [equal].contains(&number)), false)
    } else if let Some(wanted) = null {
        (Box::new(move |_| !wanted), wanted)
    } else if let Some(ranges) = ranges {
        if ranges.is_empty() {
            return Ok(None);
        }
        (Box::new(move |number| ranges.iter().any(|range| range.holds(number))), includes_null)
    } else {
        (Box::new(move |number| range.holds(number)), includes_null)
    };
    Ok(Some(Box::new(move |kind| number(kind).map_or(includes_null, |it| fits(f64::from(it))))))
}

/// A number, or a text that is a number.
pub(crate) fn read_number(value: &Value) -> Result<f64, &'static str> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite()).ok_or("Expected number, received nan")
}

fn numbers(list: &Value) -> Result<Vec<f64>, &'static str> {
    match list.as_array() {
        Some(list) if !list.is_empty() => list.iter().map(read_number).collect(),
        _ => Err("Array must contain at least 1 element(s)"),
    }
}

fn ranges(list: &Value) -> Result<Vec<Range>, &'static str> {
    let list = list.as_array().ok_or("Expected array")?;
    let ranges = list.iter().map(|range| Range::read(range.as_object().ok_or("Expected object")?));
    // A range without bounds is dropped.
    let ranges = ranges.filter(|range| range.as_ref().map_or(true, Range::is_bounded));
    ranges.collect()
}

/// Bounds of the range.
struct Range {
    lowest: Option<f64>,
    highest: Option<f64>,
}

impl Range {
    fn read(operators: &Map<String, Value>) -> Result<Self, &'static str> {
        Ok(Self {
            lowest: operators.get("gte").map(read_number).transpose()?,
            highest: operators.get("lte").map(read_number).transpose()?,
        })
    }

    fn is_bounded(&self) -> bool {
        self.lowest.is_some() || self.highest.is_some()
    }

    fn holds(&self, number: f64) -> bool {
        self.lowest.is_none_or(|lowest| number >= lowest)
            && self.highest.is_none_or(|highest| number <= highest)
    }
}
