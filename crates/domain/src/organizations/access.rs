//! Permissions on the voters of an organization (design §5, access). Refusals of requests and the
//! `capabilities` that clients see come from the same functions.

use crate::{
    base::state,
    organizations::{OrganizationItem, OrganizationKind},
    positions::{BallotLevel, District, Electorate, ElectorateError, LinkedDistrict, VoterArea},
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
        let is_live = item.elected_office.as_ref().is_none_or(|office| office.term.is_active);
        let Some(electorate) = item.electorate.as_ref().filter(|_| is_live) else {
            return Self::NONE;
        };
        let contacts = voter_area(electorate) != Err(ElectorateError::ApprovalRequired);
        let may_search = may_search(item.kind, item.is_paid_for);
        Self {
            contacts,
            search: contacts && may_search,
            download: contacts && may_search,
            save_segments: may_search && item.keeps_filters,
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

/// Where to look for voters. A district with a known id needs no state.
///
/// The whole state, which also applies to a holder without a district, requires a state or
/// federal position and staff approval.
///
/// # Errors
/// See [`ElectorateError`].
pub fn voter_area(electorate: &Electorate) -> Result<VoterArea, ElectorateError> {
    if !electorate.has_details {
        return Err(ElectorateError::DetailsMissing);
    }
    let code = electorate.state.as_deref().filter(|code| state::is_code(code)).map(str::to_owned);
    if let Some(own) = &electorate.district
        && !own.district.is_statewide()
        && own.id.is_some()
    {
        // people-api needs nothing else.
        return Ok(VoterArea { state: code, district: own.clone(), is_statewide: false });
    }
    let state = code.ok_or(ElectorateError::StateInvalid)?;
    let is_approved = electorate.can_download_federal
        && matches!(electorate.ballot_level, Some(BallotLevel::State | BallotLevel::Federal));
    match &electorate.district {
        Some(own) if !own.district.is_statewide() => {
            Ok(VoterArea { state: Some(state), district: own.clone(), is_statewide: false })
        }
        Some(_) if !is_approved => Err(ElectorateError::ApprovalRequired),
        None if !is_approved => Err(ElectorateError::DistrictMissing),
        whole => {
            // people-api uses the state code, whatever the holder's text says.
            let district = District { kind: "State".to_owned(), name: state.clone() };
            let id = whole.as_ref().and_then(|whole| whole.id.clone());
            let district = LinkedDistrict { id, district };
            Ok(VoterArea { state: Some(state), district, is_statewide: true })
        }
    }
}

/// How far from its position a district may be, depending on who sets it (design §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Inside the position's state, but not the whole state.
    WithinState,
    /// Any district, including a whole state or one in another state.
    Anywhere,
}

impl Reach {
    /// Staff and machines may set any district; an owner may with `can_download_federal`.
    #[must_use]
    pub const fn of(is_staff_or_machine: bool, can_download_federal: bool) -> Self {
        if is_staff_or_machine || can_download_federal { Self::Anywhere } else { Self::WithinState }
    }
}

/// A district that a holder is to have after a change.
#[derive(Debug, Clone, Copy)]
pub struct DistrictClaim<'a> {
    /// Type and name.
    pub district: &'a District,
    /// Whether it is outside the position's state.
    pub is_elsewhere: bool,
    /// Whether the holder already has it.
    pub is_held: bool,
    /// Whether the holder's office is a different one now, or is in a different state.
    pub is_office_new: bool,
}

/// Whether a holder may have a district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistrictPermission {
    /// The holder keeps it, even if election-api does not know it.
    Keep,
    /// The author may set it, if it exists.
    Set,
    /// The author may not set it.
    Forbidden,
}

/// Who may set which district, and which district a holder keeps (design §5).
///
/// In the same office and state, a holder keeps its district, whoever chose it. With a new office
/// or state, it is kept unchecked only if the author may set any district.
#[must_use]
pub fn district_permission(reach: Reach, claim: DistrictClaim<'_>) -> DistrictPermission {
    let is_unlimited = reach == Reach::Anywhere;
    if claim.is_held && (is_unlimited || !claim.is_office_new) {
        DistrictPermission::Keep
    } else if is_unlimited || !(claim.district.is_statewide() || claim.is_elsewhere) {
        DistrictPermission::Set
    } else {
        DistrictPermission::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::{
        DistrictClaim,
        DistrictPermission::{self, Forbidden, Keep, Set},
        Reach, district_permission,
    };
    use crate::positions::District;

    #[derive(Clone, Copy)]
    enum Office {
        Same,
        New,
    }

    fn permission(
        can_download_federal: bool,
        kind: &str,
        is_elsewhere: bool,
        held_in: Option<Office>,
    ) -> DistrictPermission {
        let district = District { kind: kind.to_owned(), name: "MI".to_owned() };
        let claim = DistrictClaim {
            district: &district,
            is_elsewhere,
            is_held: held_in.is_some(),
            is_office_new: matches!(held_in, Some(Office::New)),
        };
        district_permission(Reach::of(false, can_download_federal), claim)
    }

    #[test]
    fn an_owner_needs_permission_for_a_whole_state_or_another_state() {
        assert_eq!(permission(false, "County", false, None), Set);
        assert_eq!(permission(false, "County", true, None), Forbidden);
        assert_eq!(permission(false, "State", false, None), Forbidden);
        assert_eq!(permission(true, "County", true, None), Set);
        assert_eq!(permission(true, "State", false, None), Set);
    }

    #[test]
    fn a_holder_keeps_its_district_while_its_office_stays() {
        for (kind, is_elsewhere) in [("County", true), ("State", false)] {
            assert_eq!(permission(false, kind, is_elsewhere, Some(Office::Same)), Keep);
            assert_eq!(permission(false, kind, is_elsewhere, Some(Office::New)), Forbidden);
            assert_eq!(permission(true, kind, is_elsewhere, Some(Office::New)), Keep);
        }
        assert_eq!(permission(false, "County", false, Some(Office::New)), Set);
    }
}
