//! Permissions on the voters of an organization (design §5, access). Refusals of requests and the
//! `capabilities` that clients see come from the same functions.

use crate::{
    organizations::{OrganizationItem, OrganizationKind},
    positions::{Electorate, ElectorateError, VoterArea},
};

/// What an organization's members may do with its voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Lists, single contacts and statistics.
    pub contacts: bool,
    /// Search them.
    pub search: bool,
    /// Download them.
    pub download: bool,
    /// Create and change saved filters.
    pub save_segments: bool,
    /// See and filter by political party (design D8).
    pub political_party: bool,
}

impl Capabilities {
    /// Nothing: for an organization that requests cannot use.
    const NONE: Self = Self {
        contacts: false,
        search: false,
        download: false,
        save_segments: false,
        political_party: false,
    };

    /// What the members of an organization may do. A permitted action can still fail, for example
    /// if no district has been chosen yet.
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

/// Whether voters may be searched and downloaded, and saved filters created and changed: for an
/// elected office or a paid campaign.
#[must_use]
pub const fn may_search(kind: OrganizationKind, is_paid_for: bool) -> bool {
    match kind {
        OrganizationKind::Campaign => is_paid_for,
        OrganizationKind::ElectedOffice => true,
    }
}

/// Whether political party may be seen and selected by: for campaigns only (design D8).
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
