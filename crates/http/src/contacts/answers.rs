//! Contacts as clients see them.

use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;
use winserve_domain::contacts::{
    Bucket, Contact, ContactAddress, ContactFacts, ContactPage, Product, Serve, ServeContact,
    Statistics, Win, WinContact,
};

/// A product whose contacts can be shown.
pub(super) trait HasAnswer: Product {
    /// A contact as clients see it.
    type Answer: From<Contact<Self>> + Serialize + ToSchema + 'static;
}

impl HasAnswer for Win {
    type Answer = CampaignContact;
}

impl HasAnswer for Serve {
    type Answer = ElectedOfficeContact;
}

/// A voter, as candidates see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CampaignContact {
    #[serde(flatten, with = "FactsShape")]
    #[schema(value_type = FactsShape)]
    facts: ContactFacts,
    /// `Independent`, `Democratic`, `Republican` or `Other`.
    political_party: String,
}

/// A voter, as elected officials see them: nothing reveals the party.
#[derive(Serialize, ToSchema)]
pub(crate) struct ElectedOfficeContact {
    #[serde(flatten, with = "FactsShape")]
    #[schema(value_type = FactsShape)]
    facts: ContactFacts,
}

impl From<WinContact> for CampaignContact {
    fn from(contact: WinContact) -> Self {
        Self { facts: contact.facts, political_party: contact.political_party }
    }
}

impl From<ServeContact> for ElectedOfficeContact {
    fn from(contact: ServeContact) -> Self {
        Self { facts: contact.facts }
    }
}

/// What both products show of a voter.
#[derive(Serialize, ToSchema)]
#[serde(remote = "ContactFacts", rename_all = "camelCase")]
#[schema(as = ContactFacts)]
struct FactsShape {
    id: String,
    lal_voter_id: Option<String>,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    name_suffix: Option<String>,
    age: Option<i64>,
    state: Option<String>,
    #[serde(with = "AddressShape")]
    #[schema(value_type = AddressShape)]
    address: ContactAddress,
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

/// Where a voter lives.
#[derive(Serialize, ToSchema)]
#[serde(remote = "ContactAddress", rename_all = "camelCase")]
#[schema(as = ContactAddress)]
struct AddressShape {
    line1: Option<String>,
    line2: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    zip_plus4: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
}

/// A page of contacts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageAnswer<A> {
    pagination: Pagination,
    people: Vec<A>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactPagination)]
struct Pagination {
    total_results: i64,
    current_page: i64,
    page_size: i64,
    total_pages: i64,
    has_next_page: bool,
    has_previous_page: bool,
}

impl<P: HasAnswer> From<ContactPage<P>> for PageAnswer<P::Answer> {
    fn from(page: ContactPage<P>) -> Self {
        Self {
            pagination: Pagination {
                total_results: page.total_results,
                current_page: page.current_page,
                page_size: page.page_size,
                total_pages: page.total_pages,
                has_next_page: page.current_page < page.total_pages,
                has_previous_page: page.current_page > 1,
            },
            people: page.people.into_iter().map(P::Answer::from).collect(),
        }
    }
}

/// Counts of a district's voters; the same for both products.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactStatistics)]
pub(crate) struct StatisticsAnswer {
    district_id: String,
    updated_at: Option<String>,
    total_constituents: i64,
    total_constituents_with_cell_phone: i64,
    buckets: Buckets,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactBuckets)]
struct Buckets {
    age: Vec<BucketAnswer>,
    homeowner: Vec<BucketAnswer>,
    education: Vec<BucketAnswer>,
    presence_of_children: Vec<BucketAnswer>,
    estimated_income_range: Vec<BucketAnswer>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ContactBucket)]
struct BucketAnswer {
    label: String,
    count: i64,
    /// Percentage of all, from 0 to 100.
    #[schema(value_type = f64)]
    percent: Number,
}

impl From<Statistics> for StatisticsAnswer {
    fn from(statistics: Statistics) -> Self {
        let buckets = |buckets: Vec<Bucket>| {
            let answer = |Bucket { label, count, percent }| BucketAnswer { label, count, percent };
            buckets.into_iter().map(answer).collect()
        };
        Self {
            district_id: statistics.district_id,
            updated_at: statistics.updated_at,
            total_constituents: statistics.total_constituents,
            total_constituents_with_cell_phone: statistics.total_constituents_with_cell_phone,
            buckets: Buckets {
                age: buckets(statistics.age),
                homeowner: buckets(statistics.homeowner),
                education: buckets(statistics.education),
                presence_of_children: buckets(statistics.presence_of_children),
                estimated_income_range: buckets(statistics.estimated_income_range),
            },
        }
    }
}
