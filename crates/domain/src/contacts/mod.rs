//! The voters of an organization, and the port to people-api.

mod contact;
mod csv;
mod download;
mod error;
mod list;
mod people_service;
mod search;
pub(crate) mod statistics;
mod voters;

pub use contact::{
    Bucket, Contact, ContactAddress, ContactFacts, ContactPage, ForProduct, Product, Serve,
    ServeContact, Statistics, Win, WinContact,
};
pub use csv::{Column, CsvError, CsvRewriter, CsvRows, NoColumn, PartyColumn};
pub use download::{check_download, download, segment_to_download};
pub use error::ContactsError;
pub(crate) use list::count_of;
pub use list::{PageRequest, count, find, page, require_search};
pub use people_service::{
    ContactsOf, CsvStream, Download, NoPeopleService, PageQuery, PeopleFuture, PeopleService,
    PeopleUnavailable,
};
pub use statistics::statistics;
