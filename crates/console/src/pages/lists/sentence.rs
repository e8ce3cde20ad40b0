//! A list as one sentence.

use winserve_domain::saved_filters::FilterContent;

use super::groups::{self, Extra, Group};
use crate::mode::Mode;

/// Whom a list selects, such as `Voters with age 18–25 or 25–35, and a cell phone.`
pub(crate) fn sentence(content: &FilterContent, mode: Mode) -> String {
    let of_mode = groups::groups().filter(|group| group.is_of(mode));
    let extras = groups::extras(content, mode);
    let mut clauses: Vec<String> = of_mode.filter_map(|group| clause(group, content)).collect();
    clauses.extend(extras.iter().map(|Extra { label, .. }| lower_case(label)));
    let people = mode.words().people_capital;
    match clauses.as_slice() {
        [] => format!("{}.", mode.words().everybody),
        [only] => format!("{people} with {only}."),
        [most @ .., last] => format!("{people} with {}, and {last}.", most.join(", ")),
    }
}

fn clause(group: &Group, content: &FilterContent) -> Option<String> {
    let chosen = group.choices.iter().filter(|choice| choice.value.is_in(content));
    let phrases: Vec<&str> = chosen.map(|choice| choice.phrase).collect();
    (!phrases.is_empty())
        .then(|| format!("{} {}", group.noun, phrases.join(" or ")).trim().to_owned())
}

/// `Turnout: super` as `turnout super`.
fn lower_case(label: &str) -> String {
    label.replacen(": ", " ", 1).to_lowercase()
}
