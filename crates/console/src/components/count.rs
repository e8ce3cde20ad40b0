//! How many people a district has, or why that is not known: never a zero for an outage.

use winserve_domain::{
    contacts::{ContactsError, PeopleUnavailable},
    positions::ElectorateError,
};

use crate::{components::pager::grouped, mode::Mode};

/// The number as a text, or a sentence.
pub(crate) fn shown(counted: Result<i64, ContactsError>, mode: Mode) -> String {
    let people = mode.words().people;
    match counted {
        Ok(count) => format!("{} {people}", grouped(count.unsigned_abs())),
        Err(ContactsError::Electorate(ElectorateError::ApprovalRequired)) => {
            format!("Our staff have to approve {people} of a whole state.")
        }
        Err(ContactsError::Electorate(_)) => {
            format!("None: without a district there are no {people}.")
        }
        Err(ContactsError::People(PeopleUnavailable::UnknownDistrict)) => {
            "None yet: there is no data for this district.".to_owned()
        }
        Err(_away) => "Not known now: the service that counts did not answer.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_no_zero() {
        assert_eq!(shown(Ok(1_250), Mode::Office), "1,250 constituents");
        let away = ContactsError::People(PeopleUnavailable::Overloaded);
        assert!(shown(Err(away), Mode::Campaign).starts_with("Not known now"));
    }
}
