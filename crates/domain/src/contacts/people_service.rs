//! Port to people-api, which has the voter file.
//!
//! It is asked for each product apart, so that an answer for elected officials has no place where a
//! political party could be (design D8).

use crate::{
    base::{BoxError, BoxFuture},
    contacts::{Contact, ContactPage, CsvRows, Product, Serve, Statistics, Win},
    positions::DistrictId,
};

/// Why people-api has no answer. Its own words are in the source only, for logs: they name columns and
/// filters, and MUST NOT reach a client.
#[derive(Debug, thiserror::Error)]
pub enum PeopleUnavailable {
    /// `people_api.url` is not set.
    #[error("people-api is not configured")]
    NotConfigured,
    /// No answer in time.
    #[error("people-api did not answer in time")]
    TimedOut(#[source] BoxError),
    /// Too many requests wait for it: there was no turn in time.
    #[error("too many requests are waiting for people-api")]
    Overloaded,
    /// It could not be reached, or its answer is none that was agreed upon.
    #[error("people-api gave no usable answer")]
    Failed(#[source] BoxError),
    /// It does not know the district: no outage, but nothing to show either.
    #[error("people-api has no such district")]
    UnknownDistrict,
    /// The file broke off, or may have.
    #[error("people-api's file is incomplete")]
    Truncated,
}

/// An answer to come.
pub type PeopleFuture<'a, T> = BoxFuture<'a, Result<T, PeopleUnavailable>>;

/// Which contacts are asked for.
#[derive(Debug)]
pub struct PageQuery<'a, P: Product> {
    /// Of this district.
    pub district: &'a DistrictId,
    /// Selected so.
    pub filter: &'a P::Filter,
    /// A name or a telephone number.
    pub search: Option<&'a str>,
    /// From 1.
    pub page: u32,
    /// At least 1.
    pub page_size: u32,
}

/// Asks people-api for one product. Every method fails with [`PeopleUnavailable`]; who is not there is
/// `None`, not an error.
pub trait ContactsOf<P: Product>: Send + Sync {
    /// A page of contacts; of a page beyond the last one, the last.
    fn page<'a>(&'a self, query: PageQuery<'a, P>) -> PeopleFuture<'a, ContactPage<P>>;

    /// One contact, by its key, if they live in the district.
    fn contact<'a>(
        &'a self,
        district: &'a DistrictId,
        id: &'a str,
    ) -> PeopleFuture<'a, Option<Contact<P>>>;

    /// The contacts of a district as CSV. The answer comes as soon as people-api's begins.
    fn download<'a>(
        &'a self,
        district: &'a DistrictId,
        filter: P::Filter,
    ) -> PeopleFuture<'a, Download<P>>;
}

/// A CSV file on its way.
pub type Download<P> = Box<dyn CsvStream<P>>;

/// A CSV file on its way; people-api stops when it is dropped.
pub trait CsvStream<P>: Send {
    /// The next rows, at least one byte; `None` once the file has ended and is whole.
    ///
    /// An error, such as [`Truncated`](PeopleUnavailable::Truncated), ends the stream: what was sent
    /// before is not the whole file.
    fn next(&mut self) -> PeopleFuture<'_, Option<CsvRows<P>>>;
}

/// people-api, for both products.
pub trait PeopleService: ContactsOf<Win> + ContactsOf<Serve> {
    /// Counts of a district; `None` when they are not computed yet.
    fn statistics<'a>(&'a self, district: &'a DistrictId) -> PeopleFuture<'a, Option<Statistics>>;
}

/// people-api where it is not configured.
#[derive(Debug, Clone, Copy)]
pub struct NoPeopleService;

fn not_configured<'a, T>() -> PeopleFuture<'a, T>
where
    T: 'a,
{
    Box::pin(async { Err(PeopleUnavailable::NotConfigured) })
}

impl<P: Product> ContactsOf<P> for NoPeopleService {
    fn page<'a>(&'a self, _: PageQuery<'a, P>) -> PeopleFuture<'a, ContactPage<P>> {
        not_configured()
    }

    fn contact<'a>(
        &'a self,
        _: &'a DistrictId,
        _: &'a str,
    ) -> PeopleFuture<'a, Option<Contact<P>>> {
        not_configured()
    }

    fn download<'a>(&'a self, _: &'a DistrictId, _: P::Filter) -> PeopleFuture<'a, Download<P>> {
        not_configured()
    }
}

impl PeopleService for NoPeopleService {
    fn statistics<'a>(&'a self, _: &'a DistrictId) -> PeopleFuture<'a, Option<Statistics>> {
        not_configured()
    }
}
