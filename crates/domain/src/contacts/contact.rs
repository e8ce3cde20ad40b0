//! Contacts: the voters of a district, as visible to each product (design D8).
//!
//! A candidate sees a voter's party; an elected official never does. The types enforce this: types of
//! [`Serve`] have no field for a party.
//!
//! ```
//! use winserve_domain::contacts::{Contact, Win};
//! fn party(contact: &Contact<Win>) -> &str {
//!     &contact.political_party
//! }
//! ```
//!
//! ```compile_fail
//! use winserve_domain::contacts::{Contact, Serve};
//! fn party(contact: &Contact<Serve>) -> &str {
//!     &contact.political_party // no such field
//! }
//! ```
//!
//! This is the complete list of members; a new one must be added here:
//!
//! ```
//! use winserve_domain::contacts::{Contact, ContactAddress, ContactFacts, Serve};
//! fn every_member(contact: Contact<Serve>) {
//!     let Contact::<Serve> { facts } = contact;
//!     let ContactFacts {
//!         id, lal_voter_id, first_name, middle_name, last_name, name_suffix, age, state, address,
//!         cell_phone, landline, gender, registered_voter, estimated_income_amount, voter_status,
//!         marital_status, has_children_under18, veteran_status, homeowner, business_owner,
//!         level_of_education, ethnicity_group, language,
//!     } = facts;
//!     let ContactAddress { line1, line2, city, state, zip, zip_plus4, latitude, longitude } = address;
//! }
//! ```
//!
//! A page of an elected official has no parties:
//!
//! ```
//! use winserve_domain::contacts::{ContactPage, Win};
//! fn parties(page: ContactPage<Win>) -> Vec<String> {
//!     page.people.into_iter().map(|contact| contact.political_party).collect()
//! }
//! ```
//!
//! ```compile_fail
//! use winserve_domain::contacts::{ContactPage, Serve};
//! fn parties(page: ContactPage<Serve>) -> Vec<String> {
//!     page.people.into_iter().map(|contact| contact.political_party).collect()
//! }
//! ```

use std::fmt;

use serde_json::Number;

use crate::{
    contacts::{Column, NoColumn, PartyColumn},
    saved_filters::{ServeFilter, VoterFilter, WinFilter},
};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Win {}
    impl Sealed for super::Serve {}
}

/// A product determines which voter data is visible and searchable.
pub trait Product: sealed::Sealed + Send + Sync + 'static {
    /// A voter.
    type Contact: fmt::Debug + Send + 'static;
    /// What selects voters.
    type Filter: VoterFilter;
    /// A column that its CSV may have in addition to the [shared ones](Column).
    type OwnColumn: Column;
}

/// The product for candidates.
#[derive(Debug)]
pub enum Win {}

/// The product for elected officials.
#[derive(Debug)]
pub enum Serve {}

impl Product for Win {
    type Contact = WinContact;
    type Filter = WinFilter;
    type OwnColumn = PartyColumn;
}

impl Product for Serve {
    type Contact = ServeContact;
    type Filter = ServeFilter;
    type OwnColumn = NoColumn;
}

/// An answer for an organization's product; the organization decides which one, never the caller.
#[derive(Debug)]
pub enum ForProduct<W, S> {
    /// For candidates.
    Win(W),
    /// For elected officials.
    Serve(S),
}

/// A voter as visible to a product.
pub type Contact<P> = <P as Product>::Contact;

/// A voter as visible to a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WinContact {
    /// What both products see.
    pub facts: ContactFacts,
    /// `Independent`, `Democratic`, `Republican` or `Other`.
    pub political_party: String,
}

/// A voter as visible to an elected official.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeContact {
    /// What both products see; nothing else.
    pub facts: ContactFacts,
}

/// Voter data of both products (legacy contract §5.5, upstreams §9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactFacts {
    /// people-api's key, a UUID; the same in every organization.
    pub id: String,
    /// L2's key.
    pub lal_voter_id: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Such as `Jr`.
    pub name_suffix: Option<String>,
    /// In years.
    pub age: Option<i64>,
    /// State code.
    pub state: Option<String>,
    /// Where they live.
    pub address: ContactAddress,
    /// Such as `(307) 555-0123`.
    pub cell_phone: Option<String>,
    /// Such as `(307) 555-0123`.
    pub landline: Option<String>,
    /// `Male` or `Female`.
    pub gender: Option<String>,
    /// Always `Yes`: everyone in the voter file is registered.
    pub registered_voter: Option<String>,
    /// Dollars a year.
    pub estimated_income_amount: Option<i64>,
    /// How often they vote, such as `Super`.
    pub voter_status: Option<String>,
    /// Such as `Likely Married`.
    pub marital_status: Option<String>,
    /// `Yes` or `No`.
    pub has_children_under18: Option<String>,
    /// `Yes`.
    pub veteran_status: Option<String>,
    /// `Yes`, `Likely` or `No`.
    pub homeowner: Option<String>,
    /// `Yes`.
    pub business_owner: Option<String>,
    /// Such as `College Degree`.
    pub level_of_education: Option<String>,
    /// Such as `European`.
    pub ethnicity_group: Option<String>,
    /// `English`, `Spanish` or `Other`.
    pub language: Option<String>,
}

/// Where a voter lives; every part is text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactAddress {
    /// Street and number.
    pub line1: Option<String>,
    /// Apartment.
    pub line2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State code.
    pub state: Option<String>,
    /// Five digits.
    pub zip: Option<String>,
    /// Four more.
    pub zip_plus4: Option<String>,
    /// Degrees.
    pub latitude: Option<String>,
    /// Degrees.
    pub longitude: Option<String>,
}

/// A page of contacts.
#[derive(Debug)]
pub struct ContactPage<P: Product> {
    /// Total number on all pages.
    pub total_results: i64,
    /// From 1.
    pub current_page: i64,
    /// Maximum number per page.
    pub page_size: i64,
    /// At least 1.
    pub total_pages: i64,
    /// The contacts of this page.
    pub people: Vec<Contact<P>>,
}

/// Counts of a district, computed by people-api's nightly batch. They exclude political party: the
/// buckets are the five here, whatever people-api may add (upstreams §6.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The district.
    pub district_id: String,
    /// When they were computed.
    pub updated_at: Option<String>,
    /// Voters.
    pub total_constituents: i64,
    /// Of those, with a cell phone.
    pub total_constituents_with_cell_phone: i64,
    /// By age.
    pub age: Vec<Bucket>,
    /// By home ownership.
    pub homeowner: Vec<Bucket>,
    /// By education.
    pub education: Vec<Bucket>,
    /// By presence of children.
    pub presence_of_children: Vec<Bucket>,
    /// By income.
    pub estimated_income_range: Vec<Bucket>,
}

/// A part of a district's voters.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Such as `25–35`.
    pub label: String,
    /// Voters.
    pub count: i64,
    /// Percentage of all voters.
    pub percent: Number,
}
