//! Elected offices: a user holds an office (Serve).

pub(crate) mod complete;
mod elected_office;
mod from_campaign;
mod overlap;
mod repository;
mod result;
mod take;
mod terms;
pub(crate) mod update;
pub(crate) mod win;

pub use elected_office::{ElectedOffice, Term, TermChange};
pub use repository::ElectedOffices;
pub use result::{ElectionResult, RecordResultError, ResultSoFar, record_result, result_so_far};
pub use take::{TakeOffice, take};
pub use terms::Status;
pub use update::{ElectedOfficeError, OfficeAuthor, find, find_active, mine, page, update};
pub use win::{NewOffice, NewOfficeError, win};
