//! What stands in the place of people or figures that cannot be shown.

use winserve_domain::{
    contacts::{ContactsError, PeopleUnavailable},
    positions::ElectorateError,
    saved_filters::{FilterProblem, UnknownValue, UnusableFilter},
};
use winserve_http::ErrorCode;

use crate::{
    components::notice::{Kind, Notice},
    failure::Failure,
    navigation::Section,
    session::InOrganization,
};

/// The notice for an error that costs a part of a page; the failure of the page for others.
pub(crate) fn away(error: ContactsError, page: &InOrganization) -> Result<Notice, Failure> {
    let people = page.mode().words().people;
    let address = |section: Section| section.address(page.id());
    let lists = |notice: Notice| notice.with_link(address(Section::Lists), "Go to your lists");
    let office = |notice: Notice, text| notice.with_link(address(Section::Office), text);
    Ok(match error {
        ContactsError::Gone => return Err(Failure::NoSuchPage),
        ContactsError::Store(error) => return Err(error.into()),
        ContactsError::ProRequired => pro(page),
        ContactsError::NoFilter => {
            let sentence = "It was deleted, or it belongs to another organization.";
            let notice = Notice::new(Kind::Warning, "This list does not exist", sentence);
            notice.with_link(address(Section::Contacts), format!("Show all {people}"))
        }
        ContactsError::Party(_) | ContactsError::Unusable(UnusableFilter::Party) => lists(
            Notice::new(Kind::Warning, "This list cannot be used", "It does not fit this office."),
        ),
        ContactsError::Unusable(UnusableFilter::UnknownValues(values)) => {
            let heading = "This list selects nobody";
            lists(Notice::new(Kind::Warning, heading, unknown(&values)))
        }
        ContactsError::Electorate(ElectorateError::ApprovalRequired) => {
            let sentence = format!(
                "Your district is a whole state. Our staff have to approve it before you see its {people}."
            );
            let notice = Notice::new(Kind::Info, "Waiting for approval", sentence);
            office(notice, "Choose a smaller district")
        }
        ContactsError::Electorate(_) => {
            let sentence = format!("Choose your office. Its district has your {people}.");
            office(Notice::new(Kind::Info, "No district yet", sentence), "Find your office")
        }
        ContactsError::WholeState => {
            let sentence = "Figures are computed for districts within a state only.";
            Notice::new(Kind::Info, "No figures of a whole state", sentence)
        }
        ContactsError::NoStatistics => Notice::of(ErrorCode::NoStatistics),
        ContactsError::People(PeopleUnavailable::UnknownDistrict) => {
            let sentence = "There is no data for your district. Check that it is the right one.";
            let heading = format!("No {people} in this district");
            office(Notice::new(Kind::Warning, heading, sentence), "Check your office")
        }
        ContactsError::People(PeopleUnavailable::TimedOut(_) | PeopleUnavailable::Overloaded) => {
            Notice::of(ErrorCode::UpstreamTimeout)
        }
        ContactsError::People(_) | ContactsError::Election(_) => {
            Notice::of(ErrorCode::UpstreamFailed)
        }
    })
}

/// What a campaign without Pro reads in the place of what needs it.
pub(crate) fn pro(page: &InOrganization) -> Notice {
    let sentence = "Searching, downloading and saving lists need Pro.";
    Notice::new(Kind::Info, "Pro", sentence)
        .with_link(Section::Profile.address(page.id()), "See your plan")
}

/// What is wrong with a list, value by value; `None` if nothing is.
pub(crate) fn of_list(problem: Option<&FilterProblem>) -> Option<String> {
    let FilterProblem { is_usable, unknown_values } = problem?;
    let consequence = if *is_usable {
        "The list works without them."
    } else {
        "The list cannot be used until you change it."
    };
    Some(format!("{} {consequence}", not_in_the_data(unknown_values)))
}

fn unknown(values: &[UnknownValue]) -> String {
    format!("{} Change the list, then try again.", not_in_the_data(values))
}

fn not_in_the_data(values: &[UnknownValue]) -> String {
    let values: Vec<_> = values.iter().map(|unknown| format!("“{}”", unknown.value)).collect();
    format!("The data has nobody with {} any more.", values.join(" or "))
}
