//! Resolves which organization a request is about (design D7 and the truth table of §5).

use std::fmt;

use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
    clerk::ClerkOrganizationId,
    organizations::{OrganizationKind, OrganizationReference, access},
};

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteScope {
    /// Campaigns only.
    Campaign,
    /// Elected offices only.
    ElectedOffice,
    /// Both.
    Shared,
    /// Both; if the request names none, an elected office, and a campaign only without one.
    OfficeOrCampaign,
}

impl RouteScope {
    /// The kinds considered for a request that names none.
    #[must_use]
    pub fn of_unnamed(self, holdings: &[Holding]) -> Self {
        match self {
            Self::OfficeOrCampaign if holds_office(holdings) => Self::ElectedOffice,
            Self::OfficeOrCampaign => Self::Campaign,
            other => other,
        }
    }
}

/// The header of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// Not sent.
    Absent,
    /// Sent twice, or not a valid id.
    Invalid,
    /// It names an organization.
    Names(OrganizationReference),
}

/// How a request names its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedOrganization {
    /// The header, which takes precedence.
    pub header: Header,
    /// The active organization of the session.
    pub claim: Option<ClerkOrganizationId>,
}

/// The holder of an organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A campaign.
    Campaign(CampaignId),
    /// An elected office.
    ElectedOffice(ElectedOfficeId),
}

/// A campaign or an elected office of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The holder.
    pub holder: Holder,
    /// Its organization; `None` from before phase 1.
    pub organization: Option<OrganizationId>,
    /// Clerk's id of the organization, once Clerk has created it.
    pub clerk_organization: Option<ClerkOrganizationId>,
    /// `false` for an office that is no longer active.
    pub is_live: bool,
    /// Whether it is a campaign that is paid, directly or otherwise. Before phase 2, an office pays
    /// for the campaigns of its holder (legacy contract §5.3).
    pub is_paid_for: bool,
    /// Stored size of its JSON in bytes. Compressed, so that it may be much more in memory.
    pub json_bytes: u64,
}

/// The organization that a request is about, owned by the user who sent it. Only [`resolve`]
/// creates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveOrganization {
    owner: UserId,
    holding: Holding,
}

impl ActiveOrganization {
    /// The owner: the user who sent the request.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        self.owner
    }

    /// Its campaign or elected office.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holding.holder
    }

    /// Its id; `None` for a campaign or an office from before phase 1.
    #[must_use]
    pub const fn id(&self) -> Option<OrganizationId> {
        self.holding.organization
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> OrganizationKind {
        match self.holding.holder {
            Holder::Campaign(_) => OrganizationKind::Campaign,
            Holder::ElectedOffice(_) => OrganizationKind::ElectedOffice,
        }
    }

    /// Whether its owner may search and download voters, and create and change saved filters.
    #[must_use]
    pub const fn may_search(&self) -> bool {
        access::may_search(self.kind(), self.holding.is_paid_for)
    }

    /// Whether political party may be seen and selected by.
    #[must_use]
    pub const fn may_use_party(&self) -> bool {
        access::may_use_party(self.kind())
    }

    /// The campaign, if it belongs to one.
    #[must_use]
    pub const fn campaign(&self) -> Option<ActiveCampaign> {
        match self.holding.holder {
            Holder::Campaign(id) => Some(ActiveCampaign { owner: self.owner, id }),
            Holder::ElectedOffice(_) => None,
        }
    }

    /// The elected office, if it belongs to one.
    #[must_use]
    pub fn elected_office(&self) -> Option<ActiveOffice> {
        match &self.holding.holder {
            Holder::Campaign(_) => None,
            Holder::ElectedOffice(id) => Some(ActiveOffice { owner: self.owner, id: id.clone() }),
        }
    }
}

/// The campaign that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveCampaign {
    owner: UserId,
    id: CampaignId,
}

impl ActiveCampaign {
    /// The owner: the user who sent the request.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        self.owner
    }

    /// Its key.
    #[must_use]
    pub const fn id(&self) -> CampaignId {
        self.id
    }
}

/// The elected office that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveOffice {
    owner: UserId,
    id: ElectedOfficeId,
}

impl ActiveOffice {
    /// The owner: the user who sent the request.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        self.owner
    }

    /// Its key.
    #[must_use]
    pub const fn id(&self) -> &ElectedOfficeId {
        &self.id
    }
}

/// Why there is no active organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// An organization was named before organizations exist.
    #[error("there are no organizations in this phase")]
    NotMigrated,
    /// The header is not a valid id, or was sent twice.
    #[error("the header names no organization")]
    InvalidHeader,
    /// The named one is unknown, belongs to another user, or is of the other kind.
    #[error("there is no such organization")]
    NotFound,
    /// The named office is no longer active.
    #[error("the office is not active")]
    Inactive,
    /// The user has none for this route.
    #[error("the user has no organization")]
    None,
    /// The user has several for this route, and the request named none.
    #[error("the user has several organizations")]
    Required,
}

/// How a composition of the migration may differ if a request names no organization, or names one
/// before organizations exist.
pub trait NamingRule: fmt::Debug + Sync {
    /// The reference of the request, as far as it applies.
    ///
    /// # Errors
    /// [`Unresolved::NotMigrated`] for a reference before organizations exist.
    fn requested(
        &self,
        requested: &RequestedOrganization,
    ) -> Result<RequestedOrganization, Unresolved> {
        Ok(requested.clone())
    }

    /// The organization of a request that names none, unless it must be the only one.
    fn unnamed<'h>(&self, _scope: RouteScope, _holdings: &'h [Holding]) -> Option<&'h Holding> {
        None
    }
}

/// The final rule.
#[derive(Debug)]
pub struct CurrentNaming;

impl NamingRule for CurrentNaming {}

/// The rule. A named organization is used or is an error, never replaced by another; an unnamed one
/// is the only one that the route allows.
///
/// # Errors
/// See [`Unresolved`].
pub fn resolve(
    scope: RouteScope,
    naming: &dyn NamingRule,
    owner: UserId,
    requested: &RequestedOrganization,
    holdings: &[Holding],
) -> Result<ActiveOrganization, Unresolved> {
    let holding = match named(naming, requested, holdings)? {
        Some(named) => usable(scope, named)?,
        None => match naming.unnamed(scope, holdings) {
            Some(meant) => meant,
            None => sole(scope.of_unnamed(holdings), holdings)?,
        },
    };
    Ok(ActiveOrganization { owner, holding: holding.clone() })
}

/// The named organization, among all that its user holds; `None` if the request names none. A route
/// that does not need an organization also refuses an unusable reference.
///
/// # Errors
/// [`Unresolved::InvalidHeader`], [`Unresolved::NotMigrated`] and [`Unresolved::NotFound`].
pub fn named<'h>(
    naming: &dyn NamingRule,
    requested: &RequestedOrganization,
    holdings: &'h [Holding],
) -> Result<Option<&'h Holding>, Unresolved> {
    let RequestedOrganization { header, claim } = naming.requested(requested)?;
    let reference = match header {
        Header::Invalid => return Err(Unresolved::InvalidHeader),
        Header::Names(reference) => Some(reference),
        Header::Absent => claim.map(OrganizationReference::Clerk),
    };
    let Some(reference) = reference else { return Ok(None) };
    find(&reference, holdings).map(Some).ok_or(Unresolved::NotFound)
}

fn find<'h>(reference: &OrganizationReference, holdings: &'h [Holding]) -> Option<&'h Holding> {
    holdings.iter().find(|holding| match reference {
        OrganizationReference::Ours(id) => holding.organization == Some(*id),
        OrganizationReference::Clerk(id) => holding.clerk_organization.as_ref() == Some(id),
    })
}

fn usable(scope: RouteScope, holding: &Holding) -> Result<&Holding, Unresolved> {
    if !serves(scope, holding) {
        Err(Unresolved::NotFound)
    } else if !holding.is_live {
        Err(Unresolved::Inactive)
    } else {
        Ok(holding)
    }
}

const fn serves(scope: RouteScope, holding: &Holding) -> bool {
    matches!(
        (scope, &holding.holder),
        (RouteScope::Shared | RouteScope::OfficeOrCampaign, _)
            | (RouteScope::Campaign, Holder::Campaign(_))
            | (RouteScope::ElectedOffice, Holder::ElectedOffice(_))
    )
}

/// The possible organizations for a user who names none.
pub fn candidates(scope: RouteScope, holdings: &[Holding]) -> impl Iterator<Item = &Holding> {
    holdings.iter().filter(move |holding| holding.is_live && serves(scope, holding))
}

fn holds_office(holdings: &[Holding]) -> bool {
    candidates(RouteScope::ElectedOffice, holdings).next().is_some()
}

/// Whether a request names none of several possible organizations. `organization_missing_total`
/// counts these requests, because phase 2 and later reject them.
#[must_use]
pub fn is_ambiguous(
    scope: RouteScope,
    naming: &dyn NamingRule,
    requested: &RequestedOrganization,
    holdings: &[Holding],
) -> bool {
    let is_named = naming
        .requested(requested)
        .map_or(true, |it| it.header != Header::Absent || it.claim.is_some());
    !is_named && candidates(scope.of_unnamed(holdings), holdings).nth(1).is_some()
}

fn sole(scope: RouteScope, holdings: &[Holding]) -> Result<&Holding, Unresolved> {
    let mut candidates = candidates(scope, holdings);
    match (candidates.next(), candidates.next()) {
        (Some(sole), None) => Ok(sole),
        (None, _) => Err(Unresolved::None),
        (Some(_), Some(_)) => Err(Unresolved::Required),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: UserId = UserId(7);

    /// Our id is built from the letter, Clerk's is `org_<letter>`; lower case is a campaign, upper
    /// case an office, and `X` an inactive office.
    fn holding(letter: char) -> Holding {
        let number = u128::from(u32::from(letter));
        Holding {
            holder: if letter.is_lowercase() {
                Holder::Campaign(CampaignId(i32::try_from(number).unwrap_or_default()))
            } else {
                Holder::ElectedOffice(ElectedOfficeId(letter.to_string()))
            },
            organization: Some(OrganizationId(uuid::Uuid::from_u128(number))),
            clerk_organization: ClerkOrganizationId::parse(&format!("org_{letter}")),
            is_live: letter != 'X',
            is_paid_for: false,
            json_bytes: 0,
        }
    }

    fn reference(letter: char) -> OrganizationReference {
        OrganizationReference::Ours(OrganizationId(uuid::Uuid::from_u128(u32::from(letter).into())))
    }

    /// The resolved letter, or the error's first word.
    fn resolved(scope: RouteScope, requested: &RequestedOrganization, held: &[Holding]) -> String {
        match resolve(scope, &CurrentNaming, OWNER, requested, held) {
            Ok(active) => {
                assert_eq!(active.owner(), OWNER);
                match active.holder() {
                    Holder::Campaign(id) => {
                        u8::try_from(id.0).map(char::from).map(String::from).unwrap_or_default()
                    }
                    Holder::ElectedOffice(id) => id.0.clone(),
                }
            }
            Err(unresolved) => format!("{unresolved:?}"),
        }
    }

    /// Held, header, claim, and the results on routes for campaigns, for offices, for both, and for
    /// both with offices first. `?` is never used, `!` is not a valid id.
    const TABLE: [(&str, &str, &str, [&str; 4]); 19] = [
        ("a", "a", "", ["a", "NotFound", "a", "a"]),
        ("abO", "b", "", ["b", "NotFound", "b", "b"]),
        ("abO", "O", "", ["NotFound", "O", "O", "O"]),
        ("ab", "a", "b", ["a", "NotFound", "a", "a"]),
        ("a", "!", "a", ["InvalidHeader", "InvalidHeader", "InvalidHeader", "InvalidHeader"]),
        ("a", "?", "a", ["NotFound", "NotFound", "NotFound", "NotFound"]),
        ("ab", "", "b", ["b", "NotFound", "b", "b"]),
        ("aO", "", "O", ["NotFound", "O", "O", "O"]),
        ("a", "", "?", ["NotFound", "NotFound", "NotFound", "NotFound"]),
        ("a", "", "", ["a", "None", "a", "a"]),
        ("O", "", "", ["None", "O", "O", "O"]),
        ("", "", "", ["None", "None", "None", "None"]),
        ("aO", "", "", ["a", "O", "Required", "O"]),
        ("ab", "", "", ["Required", "None", "Required", "Required"]),
        ("OP", "", "", ["None", "Required", "Required", "Required"]),
        ("aX", "", "", ["a", "None", "a", "a"]),
        ("X", "", "", ["None", "None", "None", "None"]),
        ("aX", "X", "", ["NotFound", "Inactive", "Inactive", "Inactive"]),
        ("aX", "", "X", ["NotFound", "Inactive", "Inactive", "Inactive"]),
    ];
    #[test]
    fn the_table_holds() {
        let scopes = [
            RouteScope::Campaign,
            RouteScope::ElectedOffice,
            RouteScope::Shared,
            RouteScope::OfficeOrCampaign,
        ];
        for row in &TABLE {
            let (held, header, claim, expected) = row;
            let held: Vec<_> = held.chars().map(holding).collect();
            let requested = RequestedOrganization {
                header: match header.chars().next() {
                    None => Header::Absent,
                    Some('!') => Header::Invalid,
                    Some(letter) => Header::Names(reference(letter)),
                },
                claim: match *claim {
                    "?" => ClerkOrganizationId::parse("org_never"),
                    claim => ClerkOrganizationId::parse(&format!("org_{claim}")),
                },
            };
            for (scope, expected) in scopes.into_iter().zip(expected) {
                let found = resolved(scope, &requested, &held);
                assert_eq!(found, *expected, "{row:?} for {scope:?}");
                if found == "Required" {
                    assert!(is_ambiguous(scope, &CurrentNaming, &requested, &held), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn an_office_and_a_campaign_that_is_paid_for_may_search() {
        let unnamed = RequestedOrganization { header: Header::Absent, claim: None };
        let may = |held: Holding| {
            resolve(RouteScope::Shared, &CurrentNaming, OWNER, &unnamed, &[held])
                .map(|active| active.may_search())
        };
        assert_eq!(may(holding('a')), Ok(false));
        assert_eq!(may(Holding { is_paid_for: true, ..holding('a') }), Ok(true));
        assert_eq!(may(holding('O')), Ok(true));
    }
}
