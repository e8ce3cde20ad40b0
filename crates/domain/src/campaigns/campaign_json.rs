//! Reads office and district from the old JSON, and shows them in it.
//!
//! Only this module and the legacy repository may name the moved keys: the keys of
//! `campaign.details` and `path_to_victory.data` whose data moves to tables (design §3). Both
//! directions are here, so that an answer is the same whether the link came from the JSON or from
//! the tables: [`decode`] is the mapper shared by live writes and the backfill, and [`show`] puts a
//! link into the JSON for clients.

use serde_json::{Map, Value};

use crate::{
    base::{CampaignId, state::is_code},
    campaigns::{Campaign, Oddity},
    positions::{
        BallotLevel, BallotPosition, BallotReadyId, District, LinkedDistrict, PositionId,
        PositionLink, clean_name,
    },
};

/// Names of the moved keys, for code that must name them, such as a route's rules.
pub mod keys {
    /// BallotReady id of the position; null if the office was typed in.
    pub const POSITION_ID: &str = "positionId";
    /// BallotReady's level, in capitals.
    pub const BALLOT_LEVEL: &str = "ballotLevel";
    /// The old election level; no current writer.
    pub const LEVEL: &str = "level";
    /// State code.
    pub const STATE: &str = "state";
    /// "Other" for a picked office, otherwise the text typed in.
    pub const OFFICE: &str = "office";
    /// Name of a picked office.
    pub const OTHER_OFFICE: &str = "otherOffice";
    /// Free text.
    pub const CITY: &str = "city";
    /// Free text.
    pub const COUNTY: &str = "county";
    /// Free text.
    pub const DISTRICT: &str = "district";
    /// L2 district type.
    pub const ELECTION_TYPE: &str = "electionType";
    /// L2 district name, often in raw form.
    pub const ELECTION_LOCATION: &str = "electionLocation";
    /// Whether the district was chosen by hand.
    pub const DISTRICT_MANUALLY_SET: &str = "districtManuallySet";
}

/// Moved keys of `campaign.details`, whatever the position.
pub const MOVED_DETAILS: [&str; 6] = [
    keys::POSITION_ID,
    keys::BALLOT_LEVEL,
    keys::LEVEL,
    keys::STATE,
    keys::OFFICE,
    keys::OTHER_OFFICE,
];
/// Moved keys of `campaign.details` of a custom position; with a BallotReady position they are the
/// user's own text and stay.
pub const MOVED_DETAILS_OF_CUSTOM: [&str; 3] = [keys::CITY, keys::COUNTY, keys::DISTRICT];
/// Moved keys of `path_to_victory.data`.
pub const MOVED_PATH_TO_VICTORY: [&str; 3] =
    [keys::ELECTION_TYPE, keys::ELECTION_LOCATION, keys::DISTRICT_MANUALLY_SET];

/// The moved keys of `campaign.details`, for a custom position or for one of BallotReady.
pub fn moved_details(is_custom: bool) -> impl Iterator<Item = &'static str> {
    let of_custom = is_custom.then_some(MOVED_DETAILS_OF_CUSTOM);
    MOVED_DETAILS.into_iter().chain(of_custom.into_iter().flatten())
}

/// Keys of `campaign.details` that belong to the race. They stay in the JSON permanently, but
/// another office means another race (design §3, "changing the office").
const RACE_KEYS: [&str; 7] = [
    "raceId",
    "electionId",
    "primaryElectionId",
    "primaryElectionDate",
    "hasPrimary",
    "filingPeriodsStart",
    "filingPeriodsEnd",
];

/// Value of `office` if BallotReady knows the office; its name is then in `otherOffice`.
const OTHER: &str = "Other";

/// A link from the JSON, with its oddities.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Position and district. The position has no district here: the JSON only has the holder's
    /// district, which becomes the override.
    pub link: PositionLink,
    /// In the order in which the keys are read.
    pub oddities: Vec<Oddity>,
}

/// Reads the link of a campaign from its JSON; never fails, whatever the JSON contains.
///
/// `details` is `campaign.details`; `path_to_victory` is `path_to_victory.data`, `None` without a
/// row. Unreadable values are treated as absent and reported as oddities; a malformed position
/// becomes a custom one (design D5). User texts are kept unchanged; blank ones are dropped.
#[must_use]
pub fn decode(campaign: CampaignId, details: &Value, path_to_victory: Option<&Value>) -> Decoded {
    let mut oddities = Vec::new();
    let empty = Map::new();
    let details = details.as_object().unwrap_or_else(|| {
        oddities.push(match details {
            Value::Array(_) => Oddity::DetailsArray,
            Value::String(_) => Oddity::DetailsString,
            Value::Null => Oddity::DetailsNull,
            _ => Oddity::DetailsScalar,
        });
        &empty
    });
    let position = decode_position(campaign, details, &mut oddities);
    let (own, district_manually_set) = decode_district(path_to_victory, &mut oddities);
    let district_override = own.map(|district| LinkedDistrict { id: None, district });
    Decoded { link: PositionLink { position, district_override, district_manually_set }, oddities }
}

/// The position of a campaign without a chosen office: only the places that its candidate named are
/// left; no change of office deletes them.
#[must_use]
pub fn without_office(campaign: CampaignId, details: &Value) -> BallotPosition {
    let mut details = details.as_object().cloned().unwrap_or_default();
    for key in MOVED_DETAILS.iter().filter(|key| **key != keys::STATE) {
        details.remove(*key);
    }
    decode_position(campaign, &details, &mut Vec::new())
}

fn decode_position(
    campaign: CampaignId,
    details: &Map<String, Value>,
    oddities: &mut Vec<Oddity>,
) -> BallotPosition {
    let office = read_office(details, oddities);
    let ballot_ready = read_position_id(details, &office, oddities);
    let is_custom = ballot_ready.is_none();
    let name = office.name(is_custom);
    if is_custom && name.is_some() && details.get("raceId").is_some_and(|id| !id.is_null()) {
        oddities.push(Oddity::RaceIdStale);
    }
    if !is_custom && name.is_none() && !office.is_other {
        oddities.push(Oddity::OfficeEmpty);
    }
    let state = read_state(details, name.is_some(), oddities);
    let geography: &[&str] = if is_custom {
        &[keys::LEVEL, keys::STATE, keys::CITY, keys::COUNTY, keys::DISTRICT]
    } else {
        &[keys::LEVEL, keys::STATE]
    };
    if geography.iter().any(|key| is_no_text(details, key)) {
        oddities.push(Oddity::GeographyWrongType);
    }
    let custom_text = |key| is_custom.then(|| text(details, key)).flatten();
    BallotPosition {
        id: ballot_ready.map_or(PositionId::CustomOfCampaign(campaign), PositionId::BallotReady),
        office: name,
        ballot_level: read_ballot_level(details, oddities),
        level: text(details, keys::LEVEL).map(|level| level.trim().to_ascii_lowercase()),
        state,
        county: custom_text(keys::COUNTY),
        city: custom_text(keys::CITY),
        district: custom_text(keys::DISTRICT),
        zip: None,
        l2_district: None,
    }
}

/// The two texts that name an office.
struct OfficeTexts {
    office: Option<String>,
    other_office: Option<String>,
    /// `office` is "Other" in any spelling: then `otherOffice` has the name.
    is_other: bool,
}

impl OfficeTexts {
    /// Rule of the old CRM and admin pages: `office`, or `otherOffice` if it is "Other"; if one is
    /// blank, the other. A typed-in office may actually be called "Other".
    fn name(&self, is_custom: bool) -> Option<String> {
        match &self.office {
            Some(office) if !self.is_other => Some(office.clone()),
            Some(office) if is_custom => {
                Some(self.other_office.clone().unwrap_or_else(|| office.clone()))
            }
            _ => self.other_office.clone(),
        }
    }
}

fn read_office(details: &Map<String, Value>, oddities: &mut Vec<Oddity>) -> OfficeTexts {
    if is_no_text(details, keys::OFFICE) || is_no_text(details, keys::OTHER_OFFICE) {
        oddities.push(Oddity::OfficeWrongType);
    }
    let office = text(details, keys::OFFICE);
    let other_office = text(details, keys::OTHER_OFFICE);
    let is_other = office.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case(OTHER));
    if is_other && office.as_deref() != Some(OTHER) {
        oddities.push(Oddity::OfficeOtherSpelling);
    }
    match (&office, &other_office) {
        (Some(_), None) if is_other => oddities.push(Oddity::OfficeOtherUnnamed),
        (Some(office), Some(other)) if !is_other && office != other => {
            oddities.push(Oddity::OfficeNamesDiffer);
        }
        _ => {}
    }
    OfficeTexts { office, other_office, is_other }
}

fn read_position_id(
    details: &Map<String, Value>,
    office: &OfficeTexts,
    oddities: &mut Vec<Oddity>,
) -> Option<BallotReadyId> {
    let id = match details.get(keys::POSITION_ID) {
        None => {
            if office.office.is_some() || office.other_office.is_some() {
                oddities.push(Oddity::PositionIdMissing);
            }
            return None;
        }
        Some(Value::Null) => {
            if office.is_other && office.other_office.is_some() {
                oddities.push(Oddity::PositionIdNull);
            }
            return None;
        }
        Some(Value::Number(_)) => {
            oddities.push(Oddity::PositionIdNumber);
            return None;
        }
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            oddities.push(Oddity::PositionIdWrongType);
            return None;
        }
        Some(Value::String(id)) => id,
    };
    let trimmed = id.trim();
    if id.is_empty() {
        oddities.push(Oddity::PositionIdEmpty);
    } else if trimmed.is_empty() {
        oddities.push(Oddity::PositionIdBlank);
    } else if trimmed.len() < id.len() {
        oddities.push(Oddity::PositionIdPadded);
    }
    let parsed = BallotReadyId::parse(id);
    if parsed.is_none() && !trimmed.is_empty() {
        oddities.push(Oddity::PositionIdReserved);
    }
    // The base64 of "gid://" starts like this; nothing is decoded, because nothing depends on it.
    if parsed.is_some() && !trimmed.starts_with("Z2lkOi8v") {
        oddities.push(Oddity::PositionIdUnusual);
    }
    parsed
}

fn read_state(
    details: &Map<String, Value>,
    has_office: bool,
    oddities: &mut Vec<Oddity>,
) -> Option<String> {
    let Some(raw) = text(details, keys::STATE) else {
        if has_office {
            oddities.push(Oddity::StateMissing);
        }
        return None;
    };
    let trimmed = raw.trim();
    let has_form = trimmed.len() == 2 && trimmed.bytes().all(|byte| byte.is_ascii_alphabetic());
    let state = if has_form { trimmed.to_ascii_uppercase() } else { trimmed.to_owned() };
    if !is_code(&state) {
        oddities.push(Oddity::StateUnknown);
    } else if state != raw {
        oddities.push(Oddity::StateSpelling);
    }
    Some(state)
}

fn read_ballot_level(
    details: &Map<String, Value>,
    oddities: &mut Vec<Oddity>,
) -> Option<BallotLevel> {
    let raw = details.get(keys::BALLOT_LEVEL).filter(|value| !value.is_null())?;
    let level = raw.as_str().and_then(BallotLevel::parse);
    match level {
        None => oddities.push(Oddity::BallotLevelUnknown),
        Some(level) if raw.as_str() != Some(level.as_str()) => {
            oddities.push(Oddity::BallotLevelSpelling);
        }
        Some(_) => {}
    }
    level
}

fn decode_district(
    path_to_victory: Option<&Value>,
    oddities: &mut Vec<Oddity>,
) -> (Option<District>, bool) {
    let data = match path_to_victory {
        None => {
            oddities.push(Oddity::PathToVictoryMissing);
            return (None, false);
        }
        Some(Value::Object(data)) => data,
        Some(_) => {
            oddities.push(Oddity::PathToVictoryNotObject);
            return (None, false);
        }
    };
    if data.get("officeContextFingerprint").is_some_and(Value::is_null) {
        oddities.push(Oddity::FingerprintNull);
    }
    let district = read_district(data, oddities);
    let manual = match data.get(keys::DISTRICT_MANUALLY_SET) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(manual)) => *manual,
        Some(_) => {
            oddities.push(Oddity::ManualWrongType);
            false
        }
    };
    if manual && district.is_none() {
        oddities.push(Oddity::ManualWithoutDistrict);
    }
    // Without a district, nothing was chosen by hand.
    let manual = manual && district.is_some();
    (district, manual)
}

fn read_district(data: &Map<String, Value>, oddities: &mut Vec<Oddity>) -> Option<District> {
    if is_no_text(data, keys::ELECTION_TYPE) || is_no_text(data, keys::ELECTION_LOCATION) {
        oddities.push(Oddity::DistrictWrongType);
    }
    let kind = text(data, keys::ELECTION_TYPE);
    let raw = text(data, keys::ELECTION_LOCATION);
    let (kind, raw) = match (kind, raw) {
        (Some(kind), Some(raw)) => (kind, raw),
        (kind, name) => {
            if kind.is_some() {
                oddities.push(Oddity::DistrictTypeOnly);
            } else if name.is_some() {
                oddities.push(Oddity::DistrictNameOnly);
            } else if text(data, "districtId").is_some() {
                oddities.push(Oddity::DistrictIdOnly);
            }
            return None;
        }
    };
    let name = clean_name(&raw);
    let district = District { kind: kind.trim().to_owned(), name: name.to_owned() };
    let checks = [
        (raw.contains("##"), Oddity::DistrictNameRaw),
        // A statewide district is correctly named by its state code.
        (
            raw.contains("##") && is_code(name) && !district.is_statewide(),
            Oddity::DistrictNameStateCode,
        ),
        (name.len() > 1 && name.starts_with('0'), Oddity::DistrictNameLeadingZero),
        (name.ends_with("(EST.)"), Oddity::DistrictNameEstimated),
        (name.contains('"'), Oddity::DistrictNameQuoted),
    ];
    oddities.extend(checks.iter().filter(|(holds, _)| *holds).map(|(_, oddity)| *oddity));
    Some(district)
}

/// Whether there is a value that is neither a text nor null.
fn is_no_text(object: &Map<String, Value>, key: &str) -> bool {
    object.get(key).is_some_and(|value| !value.is_null() && !value.is_string())
}

/// A text that is present and not blank, unchanged.
fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

/// The position that a patch of `campaign.details` picks, if any.
#[must_use]
pub fn picked(details_patch: &Map<String, Value>) -> Option<BallotReadyId> {
    details_patch.get(keys::POSITION_ID).and_then(Value::as_str).and_then(BallotReadyId::parse)
}

/// Whether a patch of `campaign.details` sets any part of the office.
#[must_use]
pub fn names_office(details_patch: &Map<String, Value>) -> bool {
    MOVED_DETAILS.iter().any(|key| details_patch.contains_key(*key))
}

/// Whether a patch of `path_to_victory.data` may change the holder's own district: even the flag
/// alone makes the position's district the holder's own.
#[must_use]
pub fn names_district(goals_patch: &Map<String, Value>) -> bool {
    let naming = [keys::ELECTION_TYPE, keys::ELECTION_LOCATION, keys::DISTRICT_MANUALLY_SET];
    naming.iter().any(|key| goals_patch.contains_key(*key))
}

/// Whether `campaign.details` describe an office that BallotReady does not know, or none.
#[must_use]
pub fn is_custom(details: &Value) -> bool {
    let Value::Object(details) = details else { return true };
    let office = read_office(details, &mut Vec::new());
    read_position_id(details, &office, &mut Vec::new()).is_none()
}

/// `campaign.details` as clients see them, without the moved keys: what the JSON stores once
/// only the tables say which office it is. A BallotReady position leaves city, county and district,
/// which are then the user's own text.
#[must_use]
pub fn without_moved_details(details: &Value) -> Value {
    let mut kept = details.clone();
    if let Value::Object(kept) = &mut kept {
        for key in moved_details(is_custom(details)) {
            kept.remove(key);
        }
    }
    kept
}

/// `path_to_victory.data` as clients see it, without the moved keys.
#[must_use]
pub fn without_moved_path_to_victory(data: &Value) -> Value {
    let mut kept = data.clone();
    if let Value::Object(kept) = &mut kept {
        for key in MOVED_PATH_TO_VICTORY {
            kept.remove(key);
        }
    }
    kept
}

/// Removes the previous race's keys from `campaign.details`, except those in the patch.
pub fn drop_former_race(details: &mut Value, patch: &Map<String, Value>) {
    let Value::Object(details) = details else { return };
    details.retain(|key, _| !RACE_KEYS.contains(&key.as_str()) || patch.contains_key(key));
}

/// Makes `path_to_victory.data` match the effective district of a link: sets its keys, or removes
/// them if there is no district. Voter goals that are not an object are replaced, and missing ones
/// created, only if there is a district to store.
pub fn store_district(link: &PositionLink, data: &mut Option<Value>) {
    let Some(LinkedDistrict { district, .. }) = link.effective_district() else {
        if let Some(Value::Object(data)) = data {
            data.retain(|key, _| !MOVED_PATH_TO_VICTORY.contains(&key.as_str()));
        }
        return;
    };
    let stored = data.get_or_insert_with(|| Value::Object(Map::new()));
    if !stored.is_object() {
        *stored = Value::Object(Map::new());
    }
    let keys = [
        (keys::ELECTION_TYPE, Value::from(district.kind.clone())),
        (keys::ELECTION_LOCATION, Value::from(district.name.clone())),
        (keys::DISTRICT_MANUALLY_SET, Value::from(link.district_manually_set)),
    ];
    if let Value::Object(stored) = stored {
        stored.extend(keys.map(|(key, value)| (key.to_owned(), value)));
    }
}

/// Puts the link into the campaign's JSON as clients see it, in the canonical form of design §3.
///
/// JSON that is not an object stays unchanged, and a campaign without voter goals stays without
/// them.
pub fn show(link: &PositionLink, campaign: &mut Campaign) {
    show_details(link, &mut campaign.details);
    if let Some(path_to_victory) = &mut campaign.path_to_victory {
        show_path_to_victory(link, &mut path_to_victory.data);
    }
}

/// Puts position facts into `campaign.details`.
pub fn show_details(link: &PositionLink, details: &mut Value) {
    let Value::Object(details) = details else {
        return;
    };
    let position = &link.position;
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => drop(details.insert(key.to_owned(), value)),
        None => drop(details.remove(key)),
    };
    let from = |text: &Option<String>| text.clone().map(Value::from);
    set(keys::BALLOT_LEVEL, position.ballot_level.map(|level| level.as_str().into()));
    set(keys::LEVEL, from(&position.level));
    set(keys::STATE, from(&position.state));
    match &position.id {
        PositionId::BallotReady(id) => {
            set(keys::POSITION_ID, Some(id.as_str().into()));
            set(keys::OFFICE, Some(OTHER.into()));
            set(keys::OTHER_OFFICE, from(&position.office));
        }
        PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
            // Without any text, nothing was chosen yet: a new registration has none of the three.
            let chosen = position.office.is_some();
            set(keys::POSITION_ID, chosen.then_some(Value::Null));
            set(keys::OFFICE, from(&position.office));
            set(keys::OTHER_OFFICE, chosen.then(|| "".into()));
            set(keys::CITY, from(&position.city));
            set(keys::COUNTY, from(&position.county));
            set(keys::DISTRICT, from(&position.district));
        }
    }
}

/// Puts the effective district into `path_to_victory.data`.
pub fn show_path_to_victory(link: &PositionLink, data: &mut Value) {
    let Value::Object(data) = data else { return };
    for key in MOVED_PATH_TO_VICTORY {
        data.remove(key);
    }
    if let Some(LinkedDistrict { district, .. }) = link.effective_district() {
        data.insert(keys::ELECTION_TYPE.to_owned(), district.kind.clone().into());
        data.insert(keys::ELECTION_LOCATION.to_owned(), district.name.clone().into());
    }
    if link.effective_district().is_some() {
        data.insert(keys::DISTRICT_MANUALLY_SET.to_owned(), link.district_manually_set.into());
    }
}

#[cfg(test)]
#[path = "campaign_json_tests.rs"]
mod tests;
