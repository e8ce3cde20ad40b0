//! The form for an office that the search does not know.

use askama::{Template, filters::HtmlSafe};
use winserve_domain::{
    base::state,
    positions::{CustomOffice, CustomOfficeChange},
};

use crate::{
    components::field::{ErrorSummary, Field},
    days,
    form::Fields,
    mode::Mode,
};

/// Longest text of a field.
const LONGEST: usize = 200;

/// The form.
#[derive(Template)]
#[template(path = "components/custom_office.html")]
pub(crate) struct CustomOfficeForm {
    action: String,
    fields: Vec<Field>,
    summary: Option<ErrorSummary>,
}

impl HtmlSafe for CustomOfficeForm {}

impl CustomOfficeForm {
    /// The form with what a query holds. Sending it leads to `action`, with the fields in the query.
    pub(crate) fn new(action: String, query: &Fields, mode: Mode) -> Self {
        let is_sent = query.all("office").next().is_some();
        let checked = |check: fn(&Fields) -> Option<&'static str>| {
            if is_sent { check(query) } else { None }
        };
        let text = |name, label: &str| Field::text(name, label).value(query.text(name));
        let mut states = vec![(String::new(), "Choose a state".to_owned())];
        states.extend(state::codes().map(|code| (code.to_owned(), code.to_owned())));
        let mut fields = vec![
            text("office", "Office name").required().error(checked(wrong_name)),
            Field::choice("state", "State", states)
                .value(query.text("state"))
                .required()
                .error(checked(wrong_state)),
            text("city", "City, town or county").error(checked(|query| too_long(query, "city"))),
            text("district", "District")
                .hint("A number or a name, such as Ward 2")
                .error(checked(|query| too_long(query, "district"))),
        ];
        if !mode.is_office() {
            fields.push(
                Field::date("date", "General election date")
                    .value(query.text("date"))
                    .error(days::typed(query.filled("date")).err()),
            );
        }
        let summary = ErrorSummary::new(None, &fields);
        Self { action, fields, summary }
    }

    /// Whether something is wrong with it.
    pub(crate) fn is_refused(&self) -> bool {
        self.summary.is_some()
    }
}

/// Whether the fields describe an office as the form wants it.
pub(crate) fn is_complete(fields: &Fields) -> bool {
    let long = ["city", "district"].into_iter().find_map(|name| too_long(fields, name));
    wrong_name(fields).or(wrong_state(fields)).or(long).is_none()
}

fn wrong_name(query: &Fields) -> Option<&'static str> {
    if query.filled("office").is_none() {
        return Some("Enter the name of the office");
    }
    too_long(query, "office")
}

fn wrong_state(query: &Fields) -> Option<&'static str> {
    (!state::is_code(query.text("state"))).then_some("Choose the state of the office")
}

fn too_long(query: &Fields, name: &str) -> Option<&'static str> {
    (query.text(name).chars().count() > LONGEST).then_some("Use at most 200 characters")
}

/// A described office of a new campaign.
pub(crate) fn office(fields: &Fields) -> CustomOffice {
    let text = |name: &str| fields.filled(name).map(str::to_owned);
    CustomOffice {
        office: fields.text("office").to_owned(),
        state: text("state"),
        city: text("city"),
        district: text("district"),
        ..CustomOffice::default()
    }
}

/// A described office that replaces another one as a whole.
pub(crate) fn change(fields: &Fields) -> CustomOfficeChange {
    let CustomOffice { office, state, county, city, district, zip, level } = office(fields);
    CustomOfficeChange {
        office: Some(office),
        state: Some(state),
        county: Some(county),
        city: Some(city),
        district: Some(district),
        zip: Some(zip),
        level: Some(level),
    }
}
