//! Compares Clerk's list with the database.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{DirectoryEntry, Profile},
    organizations::OrganizationKind,
    positions::{BallotReadyId, PositionId},
};
use winserve_persistence::clerk_outbox::ClerkLink;

/// A kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// In Clerk, from this database, without an organization here.
    Orphan,
    /// In Clerk, a duplicate of an organization.
    Double,
    /// Stored here, but not in Clerk.
    Missing,
    /// In Clerk, but its id is not stored here.
    Unstored,
    /// In Clerk, with outdated metadata.
    Differing,
    /// In Clerk, without a member, although its owner has a Clerk account.
    Memberless,
    /// In Clerk, from another database. Not a defect.
    Foreign,
}

impl Category {
    pub(super) const ALL: [Self; 7] = [
        Self::Orphan,
        Self::Double,
        Self::Missing,
        Self::Unstored,
        Self::Differing,
        Self::Memberless,
        Self::Foreign,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::Double => "double",
            Self::Missing => "missing",
            Self::Unstored => "unstored",
            Self::Differing => "differing",
            Self::Memberless => "memberless",
            Self::Foreign => "foreign",
        }
    }
}

/// One difference.
pub(super) struct Found {
    pub(super) category: Category,
    pub(super) organization: Uuid,
    /// Clerk's id.
    pub(super) clerk: String,
}

/// Stored ids that are not in a list of all organizations in Clerk.
pub(super) fn unlisted(entries: &[DirectoryEntry], links: &[ClerkLink]) -> Vec<(Uuid, String)> {
    let listed: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let stored = links.iter().filter_map(|link| {
        let id = link.clerk_organization.as_ref()?;
        Some((link.organization, id.clone()))
    });
    stored.filter(|(_, id)| !listed.contains(id.as_str())).collect()
}

/// The differences. Clerk has none of the `missing`, so another organization in Clerk may take its
/// place.
pub(super) fn compare(
    entries: &[DirectoryEntry],
    links: &[ClerkLink],
    missing: Vec<Found>,
    source: Uuid,
) -> Vec<Found> {
    let by_organization: HashMap<Uuid, &ClerkLink> =
        links.iter().map(|link| (link.organization, link)).collect();
    let by_clerk_id: HashMap<&str, &ClerkLink> =
        links.iter().filter_map(|link| Some((link.clerk_organization.as_deref()?, link))).collect();
    let mut without: HashSet<Uuid> = links
        .iter()
        .filter(|link| link.clerk_organization.is_none())
        .map(|link| link.organization)
        .chain(missing.iter().map(|it| it.organization))
        .collect();
    let mut found = missing;
    // Oldest first: a sweep keeps that one.
    for entry in entries {
        let (category, organization) =
            match (by_clerk_id.get(entry.id.as_str()), entry.organization) {
                (Some(link), _) if !shows(entry, link, source) => {
                    (Category::Differing, link.organization)
                }
                (Some(link), _) if link.has_linked_owner && entry.members == Some(0) => {
                    (Category::Memberless, link.organization)
                }
                (Some(_), _) => continue,
                (None, None) => (Category::Foreign, Uuid::nil()),
                (None, Some(id)) => match by_organization.get(&id.0) {
                    None if entry.source == Some(source) => (Category::Orphan, id.0),
                    Some(_) if entry.is_of(id, source) => {
                        let is_free = without.remove(&id.0);
                        (if is_free { Category::Unstored } else { Category::Double }, id.0)
                    }
                    _ => (Category::Foreign, id.0),
                },
            };
        found.push(Found { category, organization, clerk: entry.id.to_string() });
    }
    found
}

fn shows(entry: &DirectoryEntry, link: &ClerkLink, source: Uuid) -> bool {
    let position = link.position.as_deref().and_then(PositionId::parse);
    let kind =
        if link.is_campaign { OrganizationKind::Campaign } else { OrganizationKind::ElectedOffice };
    let position: Option<BallotReadyId> = position.and_then(|it| it.ballot_ready().cloned());
    let organization = OrganizationId(link.organization);
    entry.shows(&Profile { organization, source, kind, position })
}
