//! The pages of an organization: which mode has which, what they are called, and where they are. The only
//! place to add one.

use winserve_domain::base::OrganizationId;

use crate::{ROOT, mode::Mode};

/// A page of an organization, or a group of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Its home.
    Overview,
    /// Its voters or constituents.
    Contacts,
    /// Its saved lists.
    Lists,
    /// Its polls.
    Polls,
    /// Position and district.
    Office,
    /// "I won my race".
    Result,
    /// All that is known of it.
    Profile,
}

/// In the order of the navigation.
const ALL: [Section; 7] = [
    Section::Overview,
    Section::Contacts,
    Section::Lists,
    Section::Polls,
    Section::Office,
    Section::Result,
    Section::Profile,
];

impl Section {
    /// The last part of its address; empty for the home.
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Contacts => "/contacts",
            Self::Lists => "/lists",
            Self::Polls => "/polls",
            Self::Office => "/office",
            Self::Result => "/result",
            Self::Profile => "/profile",
        }
    }

    /// What it is called.
    pub(crate) const fn label(self, mode: Mode) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Contacts => mode.words().data_page,
            Self::Lists => mode.words().lists_page,
            Self::Polls => "Polls",
            Self::Office => "Office and district",
            Self::Result => "Election Results",
            Self::Profile => "Profile",
        }
    }

    /// Whether organizations of a mode have it.
    pub(crate) const fn is_in(self, mode: Mode) -> bool {
        match self {
            Self::Polls => mode.is_office(),
            Self::Result => !mode.is_office(),
            Self::Overview | Self::Contacts | Self::Lists | Self::Office | Self::Profile => true,
        }
    }

    /// Its address in an organization.
    pub(crate) fn address(self, organization: OrganizationId) -> String {
        format!("{ROOT}/o/{organization}{}", self.path())
    }

    /// Where a switch to another organization leads from here: the same page if the other one has it, else
    /// its home. A detail page has the section of its list, so that it leads there.
    pub(crate) fn after_switch(self, organization: OrganizationId, mode: Mode) -> String {
        let section = if self.is_in(mode) { self } else { Self::Overview };
        section.address(organization)
    }
}

/// An entry of the navigation.
pub(crate) struct Entry {
    pub(crate) label: &'static str,
    pub(crate) address: String,
    pub(crate) is_current: bool,
}

/// The navigation of an organization.
pub(crate) fn entries(organization: OrganizationId, mode: Mode, current: Section) -> Vec<Entry> {
    let entry = |section: Section| Entry {
        label: section.label(mode),
        address: section.address(organization),
        is_current: section == current,
    };
    ALL.into_iter().filter(|section| section.is_in(mode)).map(entry).collect()
}
