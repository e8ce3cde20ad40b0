//! A person in JSON (upstreams §9).

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use super::{
    parties::{CANARY, PRIMARIES, Parties, Sign, SignValue, reading},
    voter::Voter,
};

/// Which world to show, and whether to include possible future additions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub(crate) parties: Parties,
    /// Whether there are additional members and columns that reveal a party.
    pub(crate) future: bool,
}

type Text = Option<&'static str>;
type ShownText = Option<Cow<'static, str>>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    id: Uuid,
    lal_voter_id: String,
    first_name: Text,
    middle_name: Text,
    last_name: Text,
    name_suffix: Text,
    age: Option<u8>,
    state: &'static str,
    address: Address,
    cell_phone: Option<String>,
    landline: Option<String>,
    gender: Text,
    political_party: ShownText,
    registered_voter: &'static str,
    estimated_income_amount: Option<u32>,
    voter_status: Text,
    marital_status: Text,
    has_children_under18: Text,
    veteran_status: Text,
    homeowner: Text,
    business_owner: Text,
    level_of_education: Text,
    ethnicity_group: Text,
    language: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    future: Option<Future>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    line1: Option<String>,
    line2: Text,
    city: Text,
    state: Text,
    zip: Text,
    zip_plus4: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
}

/// Members that do not exist today; each reveals a party (upstreams §11).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Future {
    household_party: ShownText,
    moved_from_party: ShownText,
    party_change: ShownText,
    primary_history: Vec<ShownText>,
}

impl Person {
    /// A voter as people-api shows them.
    pub(crate) fn new(voter: Voter, view: View) -> Self {
        let kind = voter.kind;
        Self {
            id: voter.id(),
            lal_voter_id: voter.lal_voter_id(),
            first_name: kind.first_name,
            middle_name: kind.middle_name,
            last_name: kind.last_name,
            name_suffix: kind.suffix,
            age: kind.age.or(kind.age_text),
            state: voter.state(),
            address: Address {
                line1: kind.street.map(|street| format!("{} {street}", voter.house())),
                line2: kind.second_line,
                city: kind.city,
                state: kind.state.then(|| voter.state()),
                zip: kind.zip,
                zip_plus4: kind.plus_four.then(|| format!("{:04}", voter.plus_four())),
                latitude: kind.latitude.then(|| format!("41.{:06}", voter.offset())),
                longitude: kind.longitude.then(|| format!("-84.{:06}", voter.offset())),
            },
            cell_phone: kind.cell_phone.then(|| telephone(voter.cell_phone())),
            landline: kind.landline.then(|| telephone(voter.landline())),
            gender: kind.gender.map(|gender| if gender == "M" { "Male" } else { "Female" }),
            political_party: shown_text(voter, view, Sign::Party, "politicalParty"),
            registered_voter: "Yes",
            estimated_income_amount: kind.income,
            voter_status: kind.voter_status.filter(|status| *status != "Unknown"),
            marital_status: kind.marital_status.map(|status| match status {
                "Inferred Married" => "Likely Married",
                "Inferred Single" => "Likely Single",
                certain => certain,
            }),
            has_children_under18: shown(&CHILDREN, kind.children),
            veteran_status: kind.veteran,
            homeowner: shown(&HOMEOWNER, kind.homeowner),
            business_owner: kind.business_owner.map(|_| "Yes"),
            level_of_education: shown(&EDUCATION, kind.education),
            ethnicity_group: shown(&ETHNICITY, kind.ethnicity),
            language: language(kind.language),
            future: view.future.then(|| Future::new(voter, view)),
        }
    }
}

impl Future {
    fn new(voter: Voter, view: View) -> Self {
        let primaries = PRIMARIES.into_iter().enumerate();
        Self {
            household_party: shown_text(voter, view, Sign::Household, "householdParty"),
            moved_from_party: shown_text(voter, view, Sign::MovedFrom, "movedFromParty"),
            party_change: shown_text(voter, view, Sign::Changed, "partyChange"),
            primary_history: primaries
                .map(|(place, name)| shown_text(voter, view, Sign::Primary(place), name))
                .collect(),
        }
    }
}

/// What a sign says about a voter. JSON says less about the party itself than the file.
fn shown_text(voter: Voter, view: View, sign: Sign, member: &str) -> ShownText {
    match (voter.kind.allegiance.sign_value(view.parties, sign), sign) {
        (SignValue::Nothing, _) => None,
        (SignValue::Text(text), Sign::Party) => Some(reading(text).into()),
        (SignValue::Text(text), _) => Some(text.into()),
        (SignValue::Canary, _) => {
            Some(format!("{CANARY}-{member}-{}", voter.lal_voter_id()).into())
        }
    }
}

fn telephone((area, exchange, line): (u64, u64, u64)) -> String {
    format!("({area:03}) {exchange:03}-{line:04}")
}

/// How a stored text is shown, and its name in a filter.
type Names = [(&'static str, &'static str)];

pub(crate) const CHILDREN: [(&str, &str); 2] = [("Yes", "Y"), ("No", "N")];
pub(crate) const HOMEOWNER: [(&str, &str); 3] =
    [("Yes", "Home Owner"), ("Likely", "Probable Home Owner"), ("No", "Renter")];
pub(crate) const EDUCATION: [(&str, &str); 6] = [
    ("None", "Did Not Complete High School Likely"),
    ("High School Diploma", "Completed High School Likely"),
    ("Technical School", "Attended Vocational/Technical School Likely"),
    ("Some College", "Attended But Did Not Complete College Likely"),
    ("College Degree", "Completed College Likely"),
    ("Graduate Degree", "Completed Graduate School Likely"),
];
pub(crate) const ETHNICITY: [(&str, &str); 5] = [
    ("Asian", "East and South Asian"),
    ("European", "European"),
    ("Hispanic", "Hispanic and Portuguese"),
    ("African American", "Likely African-American"),
    ("Other", "Other"),
];

/// The name of a stored text.
pub(crate) fn shown(names: &Names, stored: Text) -> Text {
    let stored = stored?;
    names.iter().find(|(_, text)| *text == stored).map(|(name, _)| *name)
}

/// The language as people-api groups it: null counts as "other" too.
pub(crate) fn language(stored: Text) -> &'static str {
    match stored {
        Some("English") => "English",
        Some("Spanish") => "Spanish",
        _ => "Other",
    }
}
