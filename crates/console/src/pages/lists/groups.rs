//! What lists can be filtered by: one table for the form, its answers and the sentence.

use winserve_domain::saved_filters::{FilterContent, Flag};

use crate::mode::Mode;

/// Groups under one heading.
pub(crate) struct Section {
    /// Its heading.
    pub(crate) heading: &'static str,
    /// Its groups, in order.
    pub(crate) groups: &'static [Group],
}

/// Alternatives: a person must match one choice of each group that has any.
pub(crate) struct Group {
    /// Its name in the form.
    pub(crate) legend: &'static str,
    /// What its choices follow in the sentence, such as `age`; empty if they say it themselves.
    pub(crate) noun: &'static str,
    /// The mode that has it; `None` for both.
    pub(crate) only: Option<Mode>,
    /// Its choices.
    pub(crate) choices: &'static [Choice],
}

/// A value to filter by.
pub(crate) struct Choice {
    /// Its name in the form.
    pub(crate) label: &'static str,
    /// Its name in the sentence.
    pub(crate) phrase: &'static str,
    /// Where a filter keeps it.
    pub(crate) value: Value,
}

/// Where a filter keeps a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A flag, by its key.
    Flag(&'static str),
    /// A language, by its code.
    Language(&'static str),
    /// A range of income, by its label.
    Income(&'static str),
}

impl Value {
    /// The name of its check box.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Flag(_) => FLAG,
            Self::Language(_) => LANGUAGE,
            Self::Income(_) => INCOME,
        }
    }

    /// The value of its check box.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Flag(text) | Self::Language(text) | Self::Income(text) => text,
        }
    }

    /// Whether a filter selects by it.
    pub(crate) fn is_in(self, content: &FilterContent) -> bool {
        let has = |list: &Option<Vec<String>>, text| list.iter().flatten().any(|it| it == text);
        match self {
            Self::Flag(key) => is_on(content, key),
            Self::Language(code) => has(&content.language_codes, code),
            Self::Income(label) => has(&content.income_ranges, label),
        }
    }
}

/// The name of check boxes of flags.
pub(crate) const FLAG: &str = "flag";
/// The name of check boxes of languages.
pub(crate) const LANGUAGE: &str = "language";
/// The name of check boxes of ranges of income.
pub(crate) const INCOME: &str = "income";
/// The name of check boxes of voter statuses, which only older lists have.
pub(crate) const STATUS: &str = "status";

/// Whether a flag is on.
pub(crate) fn is_on(content: &FilterContent, key: &str) -> bool {
    Flag::parse(key).is_some_and(|flag| content.flags.get(&flag) == Some(&true))
}

const fn flag(key: &'static str, label: &'static str, phrase: &'static str) -> Choice {
    Choice { label, phrase, value: Value::Flag(key) }
}

const fn language(code: &'static str, name: &'static str) -> Choice {
    Choice { label: name, phrase: name, value: Value::Language(code) }
}

/// The voter file's label is the value.
const fn income(label: &'static str, phrase: &'static str) -> Choice {
    Choice { label, phrase, value: Value::Income(label) }
}

const fn group(legend: &'static str, noun: &'static str, choices: &'static [Choice]) -> Group {
    Group { legend, noun, only: None, choices }
}

impl Group {
    const fn of_campaigns(self) -> Self {
        Self { only: Some(Mode::Campaign), ..self }
    }

    /// Whether the form of a mode has it.
    pub(crate) fn is_of(&self, mode: Mode) -> bool {
        self.only.is_none_or(|only| only == mode)
    }
}

/// Every group, in the order of the form.
pub(crate) const SECTIONS: [Section; 4] = [
    Section {
        heading: "General information",
        groups: &[
            group(
                "Gender",
                "gender",
                &[
                    flag("genderMale", "Male", "male"),
                    flag("genderFemale", "Female", "female"),
                    flag("genderUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Age",
                "age",
                &[
                    flag("age18_25", "18–25", "18–25"),
                    flag("age25_35", "25–35", "25–35"),
                    flag("age35_50", "35–50", "35–50"),
                    flag("age50Plus", "50+", "50+"),
                    flag("ageUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Political party",
                "party",
                &[
                    flag("partyDemocrat", "Democrat", "Democrat"),
                    flag("partyIndependent", "Independent", "Independent"),
                    flag("partyRepublican", "Republican", "Republican"),
                    flag("partyUnknown", "Unknown", "unknown"),
                ],
            )
            .of_campaigns(),
        ],
    },
    Section {
        heading: "Contact information",
        groups: &[
            group("Cell phone", "", &[flag("hasCellPhone", "Has cell phone", "a cell phone")]),
            group("Landline", "", &[flag("hasLandline", "Has landline", "a landline")]),
            group(
                "Language",
                "language",
                &[language("en", "English"), language("es", "Spanish"), language("other", "Other")],
            ),
        ],
    },
    Section {
        heading: "Household",
        groups: &[
            group(
                "Likely to vote",
                "turnout",
                &[
                    flag("audienceFirstTimeVoters", "First time", "first time"),
                    flag("audienceLikelyVoters", "Likely", "likely"),
                    flag("audienceSuperVoters", "Super", "super"),
                    flag("audienceUnlikelyVoters", "Unlikely", "unlikely"),
                    flag("audienceUnknown", "Unknown", "unknown"),
                ],
            )
            .of_campaigns(),
            group(
                "Children",
                "",
                &[
                    flag("hasChildrenYes", "Yes", "children"),
                    flag("hasChildrenNo", "No", "no children"),
                    flag("hasChildrenUnknown", "Unknown", "children unknown"),
                ],
            ),
            group(
                "Homeowner",
                "homeowner",
                &[
                    flag("homeownerYes", "Yes", "yes"),
                    flag("homeownerLikely", "Likely", "likely"),
                    flag("homeownerNo", "No", "no"),
                    flag("homeownerUnknown", "Unknown", "unknown"),
                ],
            ),
        ],
    },
    Section {
        heading: "Demographic information",
        groups: &[
            group(
                "Marital status",
                "marital status",
                &[
                    flag("married", "Married", "married"),
                    flag("likelyMarried", "Likely married", "likely married"),
                    flag("single", "Single", "single"),
                    flag("likelySingle", "Likely single", "likely single"),
                    flag("maritalUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Veteran status",
                "veteran",
                &[flag("veteranYes", "Yes", "yes"), flag("veteranUnknown", "Unknown", "unknown")],
            ),
            group(
                "Business owner",
                "business owner",
                &[
                    flag("businessOwnerYes", "Yes", "yes"),
                    flag("businessOwnerUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Level of education",
                "education",
                &[
                    flag("educationNone", "None", "none"),
                    flag(
                        "educationHighSchoolDiploma",
                        "High school diploma",
                        "high school diploma",
                    ),
                    flag("educationTechnicalSchool", "Technical school", "technical school"),
                    flag("educationSomeCollege", "Some college", "some college"),
                    flag("educationCollegeDegree", "College degree", "college degree"),
                    flag("educationGraduateDegree", "Graduate degree", "graduate degree"),
                    flag("educationUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Household income",
                "household income",
                &[
                    income("Under $25k", "under $25k"),
                    income("$25k - $35k", "$25k–$35k"),
                    income("$35k - $50k", "$35k–$50k"),
                    income("$50k - $75k", "$50k–$75k"),
                    income("$75k - $100k", "$75k–$100k"),
                    income("$100k - $125k", "$100k–$125k"),
                    income("$125k - $150k", "$125k–$150k"),
                    income("$150k - $200k", "$150k–$200k"),
                    income("$200k+", "$200k+"),
                    flag("incomeUnknown", "Unknown", "unknown"),
                ],
            ),
            group(
                "Ethnicity",
                "ethnicity",
                &[
                    flag("ethnicityAfricanAmerican", "African American", "African American"),
                    flag("ethnicityAsian", "Asian", "Asian"),
                    flag("ethnicityEuropean", "European", "European"),
                    flag("ethnicityHispanic", "Hispanic", "Hispanic"),
                    flag("ethnicityOther", "Other", "other"),
                    flag("ethnicityUnknown", "Unknown", "unknown"),
                ],
            ),
        ],
    },
];

/// Flags that no form offers.
const NEVER_OFFERED: Group = group(
    "Also filtered by",
    "",
    &[
        flag("audienceUnreliableVoters", "Turnout: unreliable", "turnout unreliable"),
        flag("registeredVoterTrue", "Registered: yes", "registered yes"),
        flag("registeredVoterFalse", "Registered: no", "registered no"),
        flag("registeredVoterUnknown", "Registered: unknown", "registered unknown"),
    ],
);

/// All groups, of every section.
pub(crate) fn groups() -> impl Iterator<Item = &'static Group> {
    SECTIONS.iter().flat_map(|section| section.groups)
}

/// A value that a list has and the form of a mode does not offer. It is shown as a checked box, so
/// that saving the form keeps it, and whoever wants to can take it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extra {
    /// The name of its check box.
    pub(crate) field: &'static str,
    /// The value of its check box.
    pub(crate) text: String,
    /// Its name, such as `Turnout: super`.
    pub(crate) label: String,
}

/// The values of a list that the form of a mode does not offer.
pub(crate) fn extras(content: &FilterContent, mode: Mode) -> Vec<Extra> {
    let mut extras = Vec::new();
    let mut add = |field, text: &str, label| {
        extras.push(Extra { field, text: text.to_owned(), label });
    };
    let not_here = || groups().filter(|group| !group.is_of(mode));
    for group in not_here() {
        for choice in group.choices.iter().filter(|choice| choice.value.is_in(content)) {
            let label = format!("{}: {}", capitalized(group.noun), choice.phrase);
            add(choice.value.field(), choice.value.text(), label);
        }
    }
    for choice in NEVER_OFFERED.choices.iter().filter(|choice| choice.value.is_in(content)) {
        add(FLAG, choice.value.text(), choice.label.to_owned());
    }
    let is_offered = |value: &str, of: fn(&'static str) -> Value| {
        groups()
            .flat_map(|group| group.choices)
            .any(|choice| choice.value.text() == value && choice.value == of(choice.value.text()))
    };
    for code in content.language_codes.iter().flatten() {
        if !is_offered(code, Value::Language) {
            add(LANGUAGE, code, format!("Language: {code}"));
        }
    }
    for range in content.income_ranges.iter().flatten() {
        if !is_offered(range, Value::Income) {
            add(INCOME, range, format!("Household income: {range}"));
        }
    }
    for status in content.voter_status.iter().flatten() {
        add(STATUS, status, format!("Turnout: {status}"));
    }
    extras
}

/// The name of a party, by its flag; `None` for another flag.
pub(crate) fn party(key: &str) -> Option<&'static str> {
    let key = Flag::parse(key).filter(|flag| flag.is_party())?.key();
    let mut choices = groups().flat_map(|group| group.choices);
    choices.find(|choice| choice.value == Value::Flag(key)).map(|choice| choice.label)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_offered_or_shown() {
        for flag in Flag::ALL {
            let content =
                FilterContent { flags: [(flag, true)].into(), ..FilterContent::default() };
            let is_offered = groups().any(|group| {
                group.is_of(Mode::Campaign)
                    && group.choices.iter().any(|it| it.value.is_in(&content))
            });
            let is_shown = !extras(&content, Mode::Campaign).is_empty();
            assert!(is_offered != is_shown, "{}", flag.key());
        }
    }

    #[test]
    fn the_form_of_an_office_offers_neither_party_nor_turnout() {
        let legends = groups().filter(|group| group.is_of(Mode::Office)).map(|group| group.legend);
        let legends: Vec<_> = legends.collect();
        assert!(!legends.contains(&"Political party") && !legends.contains(&"Likely to vote"));
        assert_eq!(legends.len(), groups().count() - 2);
    }

    #[test]
    fn values_that_the_form_does_not_offer_are_shown() {
        let list = |text: &str| Some(vec![text.to_owned()]);
        let flags = ["audienceSuperVoters", "registeredVoterTrue"];
        let content = FilterContent {
            language_codes: list("fr"),
            income_ranges: list("a lot"),
            voter_status: list("Likely"),
            flags: flags.iter().filter_map(|key| Some((Flag::parse(key)?, true))).collect(),
            ..FilterContent::default()
        };
        let labels = |mode| {
            let extras = extras(&content, mode).into_iter();
            extras.map(|extra| extra.label).collect::<Vec<_>>()
        };
        let everywhere =
            ["Registered: yes", "Language: fr", "Household income: a lot", "Turnout: Likely"];
        assert_eq!(labels(Mode::Campaign), everywhere);
        assert_eq!(labels(Mode::Office)[0], "Turnout: super");
        assert_eq!(labels(Mode::Office)[1..], everywhere);
    }
}
