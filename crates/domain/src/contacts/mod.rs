//! The voters of an organization, and the port to people-api.

mod contact;
mod csv;
mod people_service;
mod voters;

pub use contact::{
    Bucket, Contact, ContactAddress, ContactFacts, ContactPage, Product, Serve, ServeContact,
    Statistics, Win, WinContact,
};
pub use csv::{Column, CsvError, CsvRewriter, CsvRows, NoColumn, PartyColumn};
pub use people_service::{
    ContactsOf, CsvStream, Download, NoPeopleService, PageQuery, PeopleFuture, PeopleService,
    PeopleUnavailable,
};
pub use voters::{ContactsError, ContactsRequest, ask_before_contacts, remember_district};
