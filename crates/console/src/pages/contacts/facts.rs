//! What is shown of a person, in groups.

use winserve_domain::contacts::{ContactFacts, ForProduct, ServeContact, WinContact};

use crate::{components::known::Known, mode::Mode};

/// A heading and what belongs under it.
pub(crate) struct FactGroup {
    /// Its heading.
    pub(crate) heading: &'static str,
    /// Its facts, in order.
    pub(crate) facts: Vec<Fact>,
}

/// Something that may be known of a person.
pub(crate) struct Fact {
    /// What it is.
    pub(crate) label: &'static str,
    /// What is known of it.
    pub(crate) value: Known,
}

/// What is shown of a person. Only what a candidate sees has the party and the turnout.
pub(crate) fn groups(person: ForProduct<WinContact, ServeContact>) -> Vec<FactGroup> {
    match person {
        ForProduct::Win(WinContact { facts, political_party }) => {
            let mut registration = registration(&facts, Mode::Campaign);
            let status = Mode::Campaign.words().registration_status;
            registration.facts.push(fact(status, facts.voter_status.as_deref()));
            registration.facts.push(fact("Political party", Some(&political_party)));
            vec![reachable(&facts), registration, demographic(&facts)]
        }
        ForProduct::Serve(ServeContact { facts }) => {
            vec![reachable(&facts), registration(&facts, Mode::Office), demographic(&facts)]
        }
    }
}

fn registration(facts: &ContactFacts, mode: Mode) -> FactGroup {
    let registered = fact(mode.words().registered, facts.registered_voter.as_deref());
    FactGroup { heading: "Registration", facts: vec![registered] }
}

fn fact(label: &'static str, value: Option<&str>) -> Fact {
    Fact { label, value: Known(value.map(str::to_owned)) }
}

fn reachable(facts: &ContactFacts) -> FactGroup {
    FactGroup {
        heading: "Contact information",
        facts: vec![
            fact("Address", address(facts).as_deref()),
            fact("Cell phone", facts.cell_phone.as_deref()),
            fact("Landline", facts.landline.as_deref()),
        ],
    }
}

fn demographic(facts: &ContactFacts) -> FactGroup {
    FactGroup {
        heading: "Demographic information",
        facts: vec![
            fact("Marital status", facts.marital_status.as_deref()),
            fact("Has children under 18", facts.has_children_under18.as_deref()),
            fact("Veteran", facts.veteran_status.as_deref()),
            fact("Homeowner", facts.homeowner.as_deref()),
            fact("Business owner", facts.business_owner.as_deref()),
            fact("Level of education", facts.level_of_education.as_deref()),
            fact("Household income", facts.estimated_income_amount.map(income).as_deref()),
            fact("Language", facts.language.as_deref()),
            fact("Ethnicity", facts.ethnicity_group.as_deref()),
        ],
    }
}

/// First and last name with suffix, as far as they are known.
pub(crate) fn name(facts: &ContactFacts) -> String {
    of_parts(&[&facts.first_name, &facts.last_name, &facts.name_suffix])
}

/// [`name`] with the middle name.
pub(crate) fn full_name(facts: &ContactFacts) -> String {
    of_parts(&[&facts.first_name, &facts.middle_name, &facts.last_name, &facts.name_suffix])
}

fn of_parts(parts: &[&Option<String>]) -> String {
    let name = joined(parts, " ");
    if name.is_empty() { "Name not known".to_owned() } else { name }
}

/// `Female, 47 years old`, as far as it is known.
pub(crate) fn summary(facts: &ContactFacts) -> Option<String> {
    let age = facts.age.map(|age| format!("{age} years old"));
    let summary = joined(&[&facts.gender, &age], ", ");
    (!summary.is_empty()).then_some(summary)
}

fn address(facts: &ContactFacts) -> Option<String> {
    let address = &facts.address;
    let city = joined(&[&address.city, &address.state], ", ");
    let city = joined(&[&Some(city), &address.zip], " ");
    let lines = joined(&[&address.line1, &address.line2, &Some(city)], ", ");
    (!lines.is_empty()).then_some(lines)
}

fn joined(parts: &[&Option<String>], with: &str) -> String {
    let parts = parts.iter().filter_map(|part| part.as_deref());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(with)
}

/// Where the ranges of income begin after the first, in thousands of dollars.
const THOUSANDS: [i64; 12] = [1, 15, 25, 35, 50, 75, 100, 125, 150, 175, 200, 250];

/// The range of an income: the amount is an estimate.
fn income(dollars: i64) -> String {
    let mut ranges = THOUSANDS.iter().zip(THOUSANDS.iter().skip(1));
    match ranges.find(|(_, to)| dollars < **to * 1_000) {
        _ if dollars < 1_000 => "Less than $1k".to_owned(),
        Some((from, to)) => format!("${from}k–${to}k"),
        None => "$250k+".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::income;

    #[test]
    fn an_income_is_shown_as_a_range() {
        for (dollars, range) in [
            (-1, "Less than $1k"),
            (999, "Less than $1k"),
            (1_000, "$1k–$15k"),
            (74_999, "$50k–$75k"),
            (75_000, "$75k–$100k"),
            (249_999, "$200k–$250k"),
            (250_000, "$250k+"),
        ] {
            assert_eq!(income(dollars), range);
        }
    }
}
