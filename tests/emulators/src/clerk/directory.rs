//! Organizations with their members, and their recent history.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

/// Number of changes kept for lists that lag.
const REMEMBERED: usize = 20_000;

/// An organization in Clerk, as the control routes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkOrganization {
    /// `org_…`; later ids are greater.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its slug; none if slugs are off.
    pub slug: Option<String>,
    /// Its recorded creator.
    pub created_by: Option<String>,
    /// Visible to its members; an object unless null was put.
    pub public_metadata: Value,
    /// Visible only to servers; an object unless null was put.
    pub private_metadata: Value,
    /// Maximum number of members; 0 means no limit.
    pub max_allowed_memberships: u32,
    /// Whether its administrators may delete it.
    pub admin_delete_enabled: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; increases with every change.
    pub updated_at: i64,
    /// Its members, by user id.
    pub memberships: BTreeMap<String, ClerkMembership>,
}

/// A user in an organization, as the control routes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkMembership {
    /// `orgmem_…`; later ids are greater.
    pub id: String,
    /// For example `org:admin`.
    pub role: String,
    /// Visible to its members.
    pub public_metadata: Value,
    /// Visible only to servers.
    pub private_metadata: Value,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; increases with every change.
    pub updated_at: i64,
}

/// All organizations, indexed by id, slug, member and creator.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    organizations: BTreeMap<String, Arc<ClerkOrganization>>,
    slugs: BTreeMap<String, String>,
    of_user: BTreeMap<String, BTreeSet<String>>,
    created: BTreeMap<String, usize>,
    past: VecDeque<Change>,
}

/// Before a certain time, an organization was different or absent.
#[derive(Debug)]
struct Change {
    at: i64,
    id: String,
    before: Option<Arc<ClerkOrganization>>,
}

/// The directory at a certain time.
#[derive(Debug)]
pub(crate) struct View<'a> {
    directory: &'a Directory,
    before: BTreeMap<&'a str, Option<&'a ClerkOrganization>>,
}

impl Directory {
    pub(crate) fn get(&self, id: &str) -> Option<&ClerkOrganization> {
        self.organizations.get(id).map(Arc::as_ref)
    }

    /// Every organization, in the order of their ids.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &ClerkOrganization> {
        self.organizations.values().map(Arc::as_ref)
    }

    pub(crate) fn has_slug(&self, slug: &str) -> bool {
        self.slugs.contains_key(slug)
    }

    /// Existing organizations that a user has created.
    pub(crate) fn created_by(&self, user: &str) -> usize {
        self.created.get(user).copied().unwrap_or_default()
    }

    /// Ids of the organizations that a user is a member of.
    pub(crate) fn of_user(&self, user: &str) -> impl Iterator<Item = &str> {
        self.of_user.get(user).into_iter().flatten().map(String::as_str)
    }

    /// Adds or replaces an organization; `now` is in milliseconds since 1970.
    pub(crate) fn put(&mut self, now: i64, organization: ClerkOrganization) {
        let id = organization.id.clone();
        let before = self.forget(&id);
        self.index(&organization);
        self.organizations.insert(id.clone(), Arc::new(organization));
        self.remember(Change { at: now, id, before });
    }

    /// Removes an organization; `now` is in milliseconds since 1970.
    pub(crate) fn remove(&mut self, now: i64, id: &str) {
        if let Some(before) = self.forget(id) {
            self.remember(Change { at: now, id: id.to_owned(), before: Some(before) });
        }
    }

    fn remember(&mut self, change: Change) {
        if self.past.len() >= REMEMBERED {
            self.past.pop_front();
        }
        self.past.push_back(change);
    }

    fn index(&mut self, organization: &ClerkOrganization) {
        let id = &organization.id;
        if let Some(slug) = &organization.slug {
            self.slugs.insert(slug.clone(), id.clone());
        }
        if let Some(creator) = &organization.created_by {
            *self.created.entry(creator.clone()).or_default() += 1;
        }
        for user in organization.memberships.keys() {
            self.of_user.entry(user.clone()).or_default().insert(id.clone());
        }
    }

    fn forget(&mut self, id: &str) -> Option<Arc<ClerkOrganization>> {
        let organization = self.organizations.remove(id)?;
        if let Some(slug) = &organization.slug {
            self.slugs.remove(slug);
        }
        if let Some(count) =
            organization.created_by.as_ref().and_then(|user| self.created.get_mut(user))
        {
            *count -= 1;
        }
        for user in organization.memberships.keys() {
            if let Some(ids) = self.of_user.get_mut(user) {
                ids.remove(id);
            }
        }
        Some(organization)
    }

    /// The directory at a time in milliseconds since 1970; none means now.
    pub(crate) fn as_of(&self, moment: Option<i64>) -> View<'_> {
        let later = |change: &&Change| moment.is_some_and(|moment| change.at > moment);
        // Starts with the newest, because clocks go forward: the oldest change found counts.
        let changes = self.past.iter().rev().take_while(later);
        let before = changes.map(|change| (change.id.as_str(), change.before.as_deref())).collect();
        View { directory: self, before }
    }
}

impl<'a> View<'a> {
    pub(crate) fn get(&self, id: &str) -> Option<&'a ClerkOrganization> {
        self.before.get(id).copied().unwrap_or_else(|| self.directory.get(id))
    }

    pub(crate) fn find(&self, id_or_slug: &str) -> Option<&'a ClerkOrganization> {
        let of_slug = || {
            let has_slug = |organization: &&ClerkOrganization| {
                organization.slug.as_deref() == Some(id_or_slug)
            };
            let now = self.directory.slugs.get(id_or_slug).and_then(|id| self.get(id));
            now.filter(has_slug).or_else(|| self.before.values().copied().flatten().find(has_slug))
        };
        self.get(id_or_slug).or_else(of_slug)
    }

    /// Every organization.
    pub(crate) fn all(&self) -> Vec<&'a ClerkOrganization> {
        let unchanged = self.directory.all().filter(|now| !self.before.contains_key(&*now.id));
        unchanged.chain(self.before.values().copied().flatten()).collect()
    }

    /// The organizations that a user is a member of.
    pub(crate) fn of_user(&self, user: &str) -> Vec<&'a ClerkOrganization> {
        let unchanged = self.directory.of_user(user).filter(|id| !self.before.contains_key(id));
        let has = |organization: &&ClerkOrganization| organization.memberships.contains_key(user);
        let before = self.before.values().copied().flatten().filter(has);
        unchanged.filter_map(|id| self.directory.get(id)).chain(before).collect()
    }
}
