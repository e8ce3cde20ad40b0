//! Elected offices: a user holds an office (Serve).

mod elected_office;
mod repository;
pub(crate) mod win;

pub use elected_office::{ElectedOffice, Term, TermChange};
pub use repository::ElectedOffices;
pub use win::{
    ElectedOfficeError, NewOffice, NewOfficeError, OfficeAuthor, TakeOffice,
    ask_before_office_update, ask_before_win, read_elected_office, take_office,
    update_elected_office, win_election,
};
