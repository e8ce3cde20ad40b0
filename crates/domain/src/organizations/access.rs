//! Who may do what with the voters of an organization (design §5, access). What a request is refused and what
//! clients see as `capabilities` come from the same functions.

use crate::{
    organizations::{OrganizationItem, OrganizationKind},
    positions::{Electorate, ElectorateError, VoterArea},
};

/// What an organization's members may do with its voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Lists, persons and statistics.
    pub contacts: bool,
    /// Search among them.
    pub search: bool,
    /// Download them.
    pub download: bool,
    /// Make and change saved filters.
    pub save_segments: bool,
    /// See and filter by political party (design D8).
    pub political_party: bool,
}

impl Capabilities {
    /// None at all: of an organization that requests cannot use.
    const NONE: Self = Self {
        contacts: false,
        search: false,
        download: false,
        save_segments: false,
        political_party: false,
    };

    /// What the members of an organization may do. What they may do can still fail for want of something, such as a
    /// district that nobody has chosen yet.
    #[must_use]
    pub fn of(item: &OrganizationItem) -> Self {
        let is_live = item.elected_office.as_ref().is_none_or(|office| office.is_active);
        let Some(electorate) = item.electorate.as_ref().filter(|_| is_live) else {
            return Self::NONE;
        };
        let contacts = voter_area(electorate) != Err(ElectorateError::ApprovalRequired);
        let may_search = may_search(item.kind, item.is_paid_for);
        Self {
            contacts,
            search: contacts && may_search,
            download: contacts && may_search,
            save_segments: may_search,
            political_party: may_use_party(item.kind),
        }
    }
}

/// Whether voters may be searched and downloaded, and saved filters created and changed: for an elected office, or
/// a campaign that is paid for.
#[must_use]
pub const fn may_search(kind: OrganizationKind, is_paid_for: bool) -> bool {
    match kind {
        OrganizationKind::Campaign => is_paid_for,
        OrganizationKind::ElectedOffice => true,
    }
}

/// Whether political party may be seen and asked for: for campaigns only (design D8).
#[must_use]
pub const fn may_use_party(kind: OrganizationKind) -> bool {
    matches!(kind, OrganizationKind::Campaign)
}

/// The voters that may be seen.
///
/// # Errors
/// See [`ElectorateError`].
pub fn voter_area(electorate: &Electorate) -> Result<VoterArea, ElectorateError> {
    electorate.area()
}
