//! Port to people-api, which has the voter file.
//!
//! Each product has separate methods, so that an answer for elected officials cannot contain a
//! political party (design D8).

use crate::{
    base::{BoxError, BoxFuture},
    contacts::{Contact, ContactPage, CsvRows, Product, Serve, Statistics, Win},
    positions::DistrictId,
};

/// Why people-api has no answer. Its own messages are only in the source, for logs: they contain
/// column and filter names, and MUST NOT reach a client.
#[derive(Debug, thiserror::Error)]
pub enum PeopleUnavailable {
    /// `people_api.url` is not set.
    #[error("people-api is not configured")]
    NotConfigured,
    /// No answer in time.
    #[error("people-api did not answer in time")]
    TimedOut(#[source] BoxError),
    /// Too many requests are waiting for it; this one timed out in the queue.
    #[error("too many requests are waiting for people-api")]
    Overloaded,
    /// It could not be reached, or its answer violates the contract.
    #[error("people-api gave no usable answer")]
    Failed(#[source] BoxError),
    /// It does not know the district: not an outage, but there is nothing to show.
    #[error("people-api has no such district")]
    UnknownDistrict,
    /// The file is truncated, or may be.
    #[error("people-api's file is incomplete")]
    Truncated,
}

/// A pending answer.
pub type PeopleFuture<'a, T> = BoxFuture<'a, Result<T, PeopleUnavailable>>;

/// Which contacts are requested.
#[derive(Debug)]
pub struct PageQuery<'a, P: Product> {
    /// In this district.
    pub district: &'a DistrictId,
    /// Matching this filter.
    pub filter: &'a P::Filter,
    /// A name or a telephone number.
    pub search: Option<&'a str>,
    /// From 1.
    pub page: u32,
    /// At least 1.
    pub page_size: u32,
}

/// Asks people-api for one product. Every method fails with [`PeopleUnavailable`]; a missing person
/// is `None`, not an error.
pub trait ContactsOf<P: Product>: Send + Sync {
    /// A page of contacts; beyond the last page, the last one.
    fn page<'a>(&'a self, query: PageQuery<'a, P>) -> PeopleFuture<'a, ContactPage<P>>;

    /// One contact, by its key, if they live in the district.
    fn contact<'a>(
        &'a self,
        district: &'a DistrictId,
        id: &'a str,
    ) -> PeopleFuture<'a, Option<Contact<P>>>;

    /// The contacts of a district as CSV. Returns as soon as people-api's answer begins.
    fn download<'a>(
        &'a self,
        district: &'a DistrictId,
        filter: P::Filter,
    ) -> PeopleFuture<'a, Download<P>>;
}

/// A CSV download in progress.
pub type Download<P> = Box<dyn CsvStream<P>>;

/// A CSV download in progress; dropping it stops people-api.
pub trait CsvStream<P>: Send {
    /// The next rows, one byte or more; `None` once the file has ended and is complete.
    ///
    /// An error, such as [`Truncated`](PeopleUnavailable::Truncated), ends the stream: the rows
    /// sent so far are not the whole file.
    fn next(&mut self) -> PeopleFuture<'_, Option<CsvRows<P>>>;
}

/// people-api, for both products.
pub trait PeopleService: ContactsOf<Win> + ContactsOf<Serve> {
    /// Counts of a district; `None` if they are not computed yet.
    fn statistics<'a>(&'a self, district: &'a DistrictId) -> PeopleFuture<'a, Option<Statistics>>;
}

/// Used if people-api is not configured.
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
