//! The JSON of people-api (upstreams §6, §7, §9). Its records can be deserialized, but not serialized.

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Number, Value, json};
use winserve_domain::{
    contacts::{
        Bucket, Contact, ContactAddress, ContactFacts, Product, Serve, ServeContact, Statistics,
        Win, WinContact,
    },
    saved_filters::{Criteria, NumberCriterion, Range, ServeFilter, TextCriterion, WinFilter},
};

/// How to read a product's contacts and write its filters.
pub(super) trait Wire: Product {
    type Record: DeserializeOwned + Send;

    fn contact(record: Self::Record) -> Contact<Self>;

    fn filters(filter: &Self::Filter) -> Map<String, Value>;
}

/// A voter. Members that are not listed are skipped; `Party` decides what is read of the political party. (A
/// nested record would be read at half the speed.)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person<Party> {
    id: String,
    political_party: Party,
    lal_voter_id: Option<String>,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    name_suffix: Option<String>,
    age: Option<i64>,
    state: Option<String>,
    #[serde(default)]
    address: Address,
    cell_phone: Option<String>,
    landline: Option<String>,
    gender: Option<String>,
    registered_voter: Option<String>,
    estimated_income_amount: Option<i64>,
    voter_status: Option<String>,
    marital_status: Option<String>,
    has_children_under18: Option<String>,
    veteran_status: Option<String>,
    homeowner: Option<String>,
    business_owner: Option<String>,
    level_of_education: Option<String>,
    ethnicity_group: Option<String>,
    language: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    line1: Option<String>,
    line2: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    zip_plus4: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
}

impl<Party> Person<Party> {
    /// What both products know about a voter, and what was read of their political party.
    fn into_facts(self) -> (ContactFacts, Party) {
        let person = self;
        let (address, political_party) = (person.address, person.political_party);
        let facts = ContactFacts {
            id: person.id,
            lal_voter_id: person.lal_voter_id,
            first_name: person.first_name,
            middle_name: person.middle_name,
            last_name: person.last_name,
            name_suffix: person.name_suffix,
            age: person.age,
            state: person.state,
            address: ContactAddress {
                line1: address.line1,
                line2: address.line2,
                city: address.city,
                state: address.state,
                zip: address.zip,
                zip_plus4: address.zip_plus4,
                latitude: address.latitude,
                longitude: address.longitude,
            },
            cell_phone: person.cell_phone,
            landline: person.landline,
            gender: person.gender,
            registered_voter: person.registered_voter,
            estimated_income_amount: person.estimated_income_amount,
            voter_status: person.voter_status,
            marital_status: person.marital_status,
            has_children_under18: person.has_children_under18,
            veteran_status: person.veteran_status,
            homeowner: person.homeowner,
            business_owner: person.business_owner,
            level_of_education: person.level_of_education,
            ethnicity_group: person.ethnicity_group,
            language: person.language,
        };
        (facts, political_party)
    }
}

impl Wire for Win {
    type Record = Person<String>;

    fn contact(record: Self::Record) -> WinContact {
        let (facts, political_party) = record.into_facts();
        WinContact { facts, political_party }
    }

    fn filters(filter: &WinFilter) -> Map<String, Value> {
        let mut filters = criteria(&filter.criteria);
        if !filter.political_party.is_empty() {
            filters.insert("politicalParty".to_owned(), one_of(&filter.political_party));
        }
        filters
    }
}

impl Wire for Serve {
    /// Skips the party, if there is one.
    type Record = Person<Option<IgnoredAny>>;

    fn contact(record: Self::Record) -> ServeContact {
        let (facts, _) = record.into_facts();
        ServeContact { facts }
    }

    fn filters(filter: &ServeFilter) -> Map<String, Value> {
        criteria(&filter.criteria)
    }
}

const fn name(criterion: TextCriterion) -> &'static str {
    match criterion {
        TextCriterion::VoterStatus => "voterStatus",
        TextCriterion::Gender => "gender",
        TextCriterion::MaritalStatus => "maritalStatus",
        TextCriterion::VeteranStatus => "veteranStatus",
        TextCriterion::EducationLevel => "educationLevel",
        TextCriterion::Ethnicity => "ethnicity",
        TextCriterion::BusinessOwner => "businessOwner",
        TextCriterion::PresenceOfChildren => "presenceOfChildren",
        TextCriterion::Homeowner => "homeowner",
        TextCriterion::Language => "language",
    }
}

/// Every key must be one that people-api knows: it silently drops others, and would then select more
/// (upstreams §1, fact 4).
fn criteria(criteria: &Criteria) -> Map<String, Value> {
    let Criteria { texts, age, income, has_cell_phone, has_landline } = criteria;
    let texts = texts.iter().map(|(criterion, values)| (name(*criterion), one_of(values)));
    let numbers = [("ageInt", age), ("estimatedIncomeAmountInt", income)]
        .into_iter()
        .filter_map(|(name, criterion)| Some((name, number(criterion.as_ref()?))));
    let phones = [("hasCellPhone", *has_cell_phone), ("hasLandline", *has_landline)]
        .into_iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| (name, Value::Bool(true)));
    let all = texts.chain(numbers).chain(phones);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn one_of<T: AsRef<str>>(values: &[T]) -> Value {
    match values {
        [one] => json!({"eq": one.as_ref()}),
        several => {
            let texts: Vec<&str> = several.iter().map(AsRef::as_ref).collect();
            json!({"in": texts})
        }
    }
}

fn number(criterion: &NumberCriterion) -> Value {
    let (mut value, or_unknown) = match criterion {
        NumberCriterion::Unknown => return json!({"is": "null"}),
        NumberCriterion::Each { values, or_unknown } => (json!({"in": values}), *or_unknown),
        NumberCriterion::Ranges { ranges, or_unknown } => match ranges.as_slice() {
            [one] => (within(one), *or_unknown),
            several => {
                let ranges: Vec<Value> = several.iter().map(within).collect();
                (json!({"_or": ranges}), *or_unknown)
            }
        },
    };
    if let Some(value) = value.as_object_mut().filter(|_| or_unknown) {
        value.insert("_includeNull".to_owned(), Value::Bool(true));
    }
    value
}

fn within(range: &Range) -> Value {
    match range.to {
        Some(to) => json!({"gte": range.from, "lte": to}),
        None => json!({"gte": range.from}),
    }
}

/// Filters that count everybody, now: without any filter, the count comes from last night's statistics.
pub(super) fn everybody() -> Map<String, Value> {
    let mut filters = Map::new();
    filters.insert("ageInt".to_owned(), json!({"gte": 0, "_includeNull": true}));
    filters
}

#[derive(Deserialize)]
pub(super) struct Page<R> {
    pub(super) pagination: Pagination,
    pub(super) people: Vec<R>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    pub(super) total_results: i64,
    pub(super) total_pages: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatisticsRow {
    district_id: String,
    updated_at: Option<String>,
    total_constituents: i64,
    total_constituents_with_cell_phone: i64,
    buckets: Buckets,
}

/// The five buckets; a sixth would be skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buckets {
    #[serde(default)]
    age: Vec<BucketRow>,
    #[serde(default)]
    homeowner: Vec<BucketRow>,
    #[serde(default)]
    education: Vec<BucketRow>,
    #[serde(default)]
    presence_of_children: Vec<BucketRow>,
    #[serde(default)]
    estimated_income_range: Vec<BucketRow>,
}

#[derive(Deserialize)]
struct BucketRow {
    label: String,
    count: i64,
    percent: Number,
}

impl From<StatisticsRow> for Statistics {
    fn from(row: StatisticsRow) -> Self {
        let buckets = |rows: Vec<BucketRow>| {
            let bucket =
                |BucketRow { label, count, percent }: BucketRow| Bucket { label, count, percent };
            rows.into_iter().map(bucket).collect()
        };
        Self {
            district_id: row.district_id,
            updated_at: row.updated_at,
            total_constituents: row.total_constituents,
            total_constituents_with_cell_phone: row.total_constituents_with_cell_phone,
            age: buckets(row.buckets.age),
            homeowner: buckets(row.buckets.homeowner),
            education: buckets(row.buckets.education),
            presence_of_children: buckets(row.buckets.presence_of_children),
            estimated_income_range: buckets(row.buckets.estimated_income_range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officials_contact_is_read_whether_there_is_a_party_or_not() {
        for record in [
            json!({"id": "1", "politicalParty": "Green"}),
            json!({"id": "1", "politicalParty": {"of": ["another", "shape"]}}),
            json!({"id": "1", "politicalParty": null}),
            json!({"id": "1"}),
        ] {
            let record: Person<Option<IgnoredAny>> = serde_json::from_value(record).unwrap();
            assert_eq!(Serve::contact(record).facts.id, "1");
        }
        assert!(serde_json::from_value::<Person<String>>(json!({"id": "1"})).is_err());
    }
}
