//! The office in a body for a new campaign or elected office (design §5): a BallotReady position, or a
//! typed-in office.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use winserve_domain::{
    campaigns::campaign_json::keys,
    positions::{BallotLevel, BallotReadyId, CustomOffice, OfficeChoice},
};

use crate::{
    body::typed,
    error::ApiError,
    validation::{Issue, PathItem, Rule, Shape, Unknown},
};

/// BallotReady's levels (legacy contract §1).
pub(crate) const BALLOT_LEVEL: Rule =
    Rule::OneOf(&["CITY", "COUNTY", "FEDERAL", "LOCAL", "REGIONAL", "STATE", "TOWNSHIP"]);
/// The old election levels.
pub(crate) const LEVEL: Rule = Rule::OneOf(&["state", "county", "federal", "city"]);
/// A typed-in office.
pub(crate) const CUSTOM_OFFICE: Rule =
    Rule::Object(&Shape { required: &["office"], fields: CUSTOM_FIELDS, unknown: Unknown::Refuse });
/// The changed parts of a typed-in office.
pub(crate) const CUSTOM_OFFICE_CHANGE: Rule =
    Rule::Object(&Shape { required: &[], fields: CUSTOM_FIELDS, unknown: Unknown::Refuse });
const CUSTOM_FIELDS: &[(&str, Rule)] = &[
    ("office", Rule::NotBlank(TEXT_LIMIT)),
    ("state", Rule::Nullable(&Rule::State)),
    ("county", Rule::Nullable(&Rule::TextBetween(0, TEXT_LIMIT))),
    ("city", Rule::Nullable(&Rule::TextBetween(0, TEXT_LIMIT))),
    ("district", Rule::Nullable(&Rule::TextBetween(0, TEXT_LIMIT))),
    ("zip", Rule::Nullable(&Rule::ZipCode)),
    ("level", Rule::Nullable(&LEVEL)),
];
/// Maximum length of an office's text, in UTF-16 units.
const TEXT_LIMIT: usize = 512;

/// Name of the typed-in office in a body.
pub(crate) const CUSTOM: &str = "customOffice";
/// Members of a checked body that name the office; [`take`] removes them.
const NAMING: [&str; 7] = [
    CUSTOM,
    keys::POSITION_ID,
    keys::OFFICE,
    keys::OTHER_OFFICE,
    keys::STATE,
    keys::BALLOT_LEVEL,
    keys::LEVEL,
];

#[derive(Deserialize)]
struct CustomBody {
    office: String,
    state: Option<String>,
    county: Option<String>,
    city: Option<String>,
    district: Option<String>,
    zip: Option<String>,
    level: Option<String>,
}

/// Takes the office out of a checked body; `None` if it names none.
pub(crate) fn take(body: &mut Map<String, Value>) -> Result<Option<OfficeChoice>, ApiError> {
    let mut naming: Map<String, Value> =
        NAMING.iter().filter_map(|key| body.remove_entry(*key)).collect();
    let text = |key: &str| naming.get(key).and_then(Value::as_str).and_then(not_blank);
    match (naming.get(keys::POSITION_ID), naming.get(CUSTOM)) {
        (Some(_), Some(_)) => Err(refused(CUSTOM, "Either positionId or customOffice, not both")),
        (Some(id), None) => {
            let id = id.as_str().and_then(BallotReadyId::parse);
            Ok(Some(OfficeChoice::Known {
                id: id.ok_or_else(|| refused(keys::POSITION_ID, "This is not a BallotReady id"))?,
                office: text(keys::OTHER_OFFICE),
                ballot_level: text(keys::BALLOT_LEVEL).as_deref().and_then(BallotLevel::parse),
                level: text(keys::LEVEL),
                state: text(keys::STATE).map(|state| state.to_uppercase()),
            }))
        }
        (None, Some(_)) => {
            let Some(Value::Object(custom)) = naming.remove(CUSTOM) else { return Ok(None) };
            Ok(Some(OfficeChoice::Custom(custom_office(typed(custom)?))))
        }
        (None, None) => Ok(None),
    }
}

fn custom_office(body: CustomBody) -> CustomOffice {
    let given = |text: Option<String>| text.as_deref().and_then(not_blank);
    CustomOffice {
        office: body.office.trim().to_owned(),
        state: given(body.state).map(|state| state.to_uppercase()),
        county: given(body.county),
        city: given(body.city),
        district: given(body.district),
        zip: given(body.zip),
        level: given(body.level),
    }
}

fn not_blank(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn refused(key: &str, message: &str) -> ApiError {
    let path = [PathItem::Key(key.to_owned())];
    ApiError::invalid(vec![Issue::new("custom", &path, message.to_owned(), json!({}))])
}
