//! What Clerk lists, against what the database says.

use std::collections::{HashMap, HashSet};

use crate::sql::ClerkLink;
use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{DirectoryEntry, Profile},
    organizations::OrganizationKind,
    positions::{BallotReadyId, PositionId},
};

/// What is wrong, or worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    /// At Clerk, of this database, and of no organization any more.
    Orphan,
    /// At Clerk, of an organization that has another one.
    Double,
    /// Stored, and not at Clerk.
    Missing,
    /// At Clerk, of an organization that does not know it.
    Unstored,
    /// At Clerk, and shows something else than it should.
    Differing,
    /// At Clerk, without a member, though its owner is a user of Clerk's.
    Memberless,
    /// At Clerk, and not of this database.
    Foreign,
}

impl Category {
    pub(crate) const ALL: [Self; 7] = [
        Self::Orphan,
        Self::Double,
        Self::Missing,
        Self::Unstored,
        Self::Differing,
        Self::Memberless,
        Self::Foreign,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
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

/// One thing that a sweep found.
pub(crate) struct Found {
    pub(crate) category: Category,
    pub(crate) organization: Uuid,
    /// Clerk's id, of what it has or should have.
    pub(crate) clerk: String,
}

/// Stored ids that a list of all that Clerk has lacks.
pub(crate) fn unlisted(entries: &[DirectoryEntry], links: &[ClerkLink]) -> Vec<(Uuid, String)> {
    let listed: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let stored = links.iter().filter_map(|link| {
        let id = link.clerk_organization.as_ref()?;
        Some((link.organization, id.clone()))
    });
    stored.filter(|(_, id)| !listed.contains(id.as_str())).collect()
}

/// What differs. Clerk has none of the `missing`, so that another one of the organization may take its place.
pub(crate) fn compare(
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
    // The oldest first, which is what is kept.
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
