//! The two products, and the words of each. Pages take every word that differs from here.

use winserve_domain::organizations::OrganizationKind;

/// Which product a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Win: the user runs for an office.
    Campaign,
    /// Serve: the user holds an office.
    Office,
}

/// The words of a mode.
#[derive(Debug)]
pub(crate) struct Words {
    /// Several people.
    pub(crate) people: &'static str,
    /// [`people`](Self::people) at the start of a sentence.
    pub(crate) people_capital: &'static str,
    /// The page that lists them.
    pub(crate) data_page: &'static str,
    /// A saved filter.
    pub(crate) list: &'static str,
    /// The page that lists the saved filters.
    pub(crate) lists_page: &'static str,
    /// The list without a filter.
    pub(crate) everybody: &'static str,
    /// What the organization is.
    pub(crate) organization: &'static str,
    /// Whether a person is registered.
    pub(crate) registered: &'static str,
    /// The state of the registration.
    pub(crate) registration_status: &'static str,
}

static CAMPAIGN: Words = Words {
    people: "voters",
    people_capital: "Voters",
    data_page: "Voter Data",
    list: "voter list",
    lists_page: "Voter Lists",
    everybody: "All voters",
    organization: "campaign",
    registered: "Registered voter",
    registration_status: "Voter status",
};
static OFFICE: Words = Words {
    people: "constituents",
    people_capital: "Constituents",
    data_page: "Constituent Data",
    list: "constituent list",
    lists_page: "Constituent Lists",
    everybody: "All constituents",
    organization: "office",
    registered: "Registered",
    registration_status: "Registration status",
};

impl Mode {
    /// The mode of an organization's pages.
    pub(crate) const fn of(kind: OrganizationKind) -> Self {
        match kind {
            OrganizationKind::Campaign => Self::Campaign,
            OrganizationKind::ElectedOffice => Self::Office,
        }
    }

    /// Whether it is that of an elected office.
    pub(crate) const fn is_office(self) -> bool {
        matches!(self, Self::Office)
    }

    /// Its words.
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::Campaign => &CAMPAIGN,
            Self::Office => &OFFICE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_has_no_words_of_a_campaign() {
        let words = format!("{OFFICE:?}").to_lowercase();
        for word in ["voter", "election", "candidate", "ballot"] {
            assert!(!words.contains(word), "{word} in {words}");
        }
    }
}
