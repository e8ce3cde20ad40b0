//! Implements the domain's port for Clerk's organizations: requests are clerk-rs's, answers are our own
//! types, which require only what we read. `winserve_domain` decides the order of calls for an organization.

use std::collections::HashMap;

use chrono::DateTime;
use clerk_rs::models::{
    CreateOrganizationMembershipRequest, CreateOrganizationRequest,
    MergeOrganizationMetadataRequest,
};
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{
        ClerkOrganizationId, ClerkUserId, DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure,
        DirectoryRefusal, DirectorySettings, InstanceProblem, NewDirectoryEntry,
        OrganizationDirectory, Profile, Told, Unsaid,
    },
    organizations::OrganizationKind,
    positions::BallotReadyId,
};

use crate::{api::ClerkFailure, client::ClerkClient};

/// Role of an owner if the instance does not name one.
const ADMIN: &str = "org:admin";

/// An organization in Clerk's answers; members that we do not read may be missing or malformed.
#[derive(Debug, Deserialize)]
pub(crate) struct Organization {
    id: String,
    #[serde(default)]
    name: String,
    /// Milliseconds since 1970.
    created_at: i64,
    #[serde(default)]
    members_count: Option<u32>,
    #[serde(default)]
    public_metadata: Value,
    #[serde(default)]
    private_metadata: Value,
}

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Organization>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// The relevant settings of the instance.
#[derive(Deserialize)]
struct Settings {
    enabled: bool,
    #[serde(default)]
    slug_disabled: Option<bool>,
    #[serde(default)]
    creator_role: Option<String>,
    /// Whether membership is required. Undocumented in Clerk's description of the route.
    #[serde(default)]
    force_organization_selection: Option<bool>,
    /// Member limit of a new organization; 0 means no limit, and any other leaves room for the owner. Clerk
    /// reports its limit on organizations only by refusing one.
    #[serde(default)]
    max_allowed_memberships: Option<u32>,
}

impl Settings {
    fn unsaid(&self) -> Vec<Unsaid> {
        let membership = self.force_organization_selection.is_none();
        let limit = self.max_allowed_memberships.is_none();
        [(membership, Unsaid::MembershipRequired), (limit, Unsaid::MemberLimit)]
            .into_iter()
            .filter_map(|(is_unsaid, what)| is_unsaid.then_some(what))
            .collect()
    }
}

/// What Clerk's clients see of an organization. (For organizations created by others, anything.)
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PublicMetadata {
    r#type: Value,
    position_id: Value,
}

/// What only the Backend API sees.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct PrivateMetadata {
    r#ref: Value,
    source: Value,
}

const fn kind_name(kind: OrganizationKind) -> &'static str {
    match kind {
        OrganizationKind::Campaign => "campaign",
        OrganizationKind::ElectedOffice => "electedOffice",
    }
}

impl Organization {
    /// `None` for an id that cannot be Clerk's.
    pub(crate) fn into_entry(self) -> Option<DirectoryEntry> {
        let public: PublicMetadata =
            serde_json::from_value(self.public_metadata).unwrap_or_default();
        let private: PrivateMetadata =
            serde_json::from_value(self.private_metadata).unwrap_or_default();
        let uuid = |value: &Value| value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        let kinds = [OrganizationKind::Campaign, OrganizationKind::ElectedOffice];
        Some(DirectoryEntry {
            id: ClerkOrganizationId::parse(&self.id)?,
            name: self.name,
            created_at: DateTime::from_timestamp_millis(self.created_at)?,
            members: self.members_count,
            organization: uuid(&private.r#ref).map(OrganizationId),
            source: uuid(&private.source),
            kind: kinds.into_iter().find(|kind| public.r#type == kind_name(*kind)),
            position: public.position_id.as_str().map(str::to_owned),
        })
    }
}

type Metadata = HashMap<String, Value>;

/// The public and the private metadata.
fn metadata(profile: &Profile) -> (Metadata, Metadata) {
    let public = PublicMetadata {
        r#type: kind_name(profile.kind).into(),
        position_id: profile.position.as_ref().map(BallotReadyId::as_str).into(),
    };
    let private = PrivateMetadata {
        r#ref: profile.organization.to_string().into(),
        source: profile.source.to_string().into(),
    };
    (members(&public), members(&private))
}

fn members(metadata: &impl Serialize) -> Metadata {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
    .into_iter()
    .collect()
}

fn odd(what: &str) -> DirectoryFailure {
    DirectoryFailure::Unknown {
        rest: None,
        source: format!("Clerk answered with {what} that is invalid").into(),
    }
}

impl ClerkClient {
    fn organization_request(&self, id: &ClerkOrganizationId) -> RequestBuilder {
        self.get(&format!("organizations/{id}?include_members_count=true"))
    }

    async fn listed(&self, query: &str) -> Result<Vec<DirectoryEntry>, DirectoryFailure> {
        let path = format!("organizations?limit={DIRECTORY_PAGE}&{query}");
        let page: Page = self.list(self.get(&path)).await?;
        let entries = page.data.into_iter().map(Organization::into_entry);
        entries.collect::<Option<_>>().ok_or_else(|| odd("an organization"))
    }

    async fn found(
        &self,
        request: RequestBuilder,
    ) -> Result<Option<DirectoryEntry>, DirectoryFailure> {
        match self.once::<Organization>(request).await.map_err(DirectoryFailure::from) {
            Ok(found) => found.into_entry().map(Some).ok_or_else(|| odd("an organization")),
            Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn read_settings(&self) -> Result<DirectorySettings, DirectoryFailure> {
        let settings = self.once(self.get("instance/organization_settings")).await;
        // Otherwise workers would pause without saying why.
        let settings: Settings = settings.inspect_err(|error: &ClerkFailure| {
            tracing::warn!(%error, "cannot read the settings of the Clerk instance");
        })?;
        let problem = if !settings.enabled {
            Some(InstanceProblem::Disabled)
        } else if settings.force_organization_selection == Some(true) {
            Some(InstanceProblem::MembershipRequired)
        } else {
            None
        };
        match problem {
            Some(problem) => Err(DirectoryFailure::Refused(DirectoryRefusal::Instance(problem))),
            None => Ok(DirectorySettings {
                // Silence means no slugs: a refused slug would fail every creation.
                has_slugs: settings.slug_disabled == Some(false),
                unsaid: settings.unsaid(),
                owner_role: settings.creator_role.unwrap_or_else(|| ADMIN.to_owned()),
            }),
        }
    }

    async fn create_organization(
        &self,
        new: &NewDirectoryEntry,
    ) -> Result<ClerkOrganizationId, DirectoryFailure> {
        let (public, private) = metadata(&new.profile);
        let request = CreateOrganizationRequest {
            created_by: new.creator.as_ref().map(|user| Some(user.to_string())),
            slug: new.slug.clone().map(Some),
            public_metadata: Some(Some(public)),
            private_metadata: Some(Some(private)),
            ..CreateOrganizationRequest::new(new.name.clone())
        };
        let created: Created = self.once(self.post("organizations").json(&request)).await?;
        ClerkOrganizationId::parse(&created.id).ok_or_else(|| odd("an id"))
    }

    async fn merge_metadata(
        &self,
        id: &ClerkOrganizationId,
        profile: &Profile,
    ) -> Result<DirectoryEntry, DirectoryFailure> {
        let (public, private) = metadata(profile);
        let request = MergeOrganizationMetadataRequest {
            public_metadata: Some(public),
            private_metadata: Some(private),
        };
        let path = format!("organizations/{id}/metadata");
        let described: Organization = self.once(self.patch(&path).json(&request)).await?;
        described.into_entry().ok_or_else(|| odd("an organization"))
    }

    async fn change_name(
        &self,
        id: &ClerkOrganizationId,
        name: &str,
    ) -> Result<(), DirectoryFailure> {
        let path = format!("organizations/{id}");
        self.once::<Value>(self.patch(&path).json(&json!({"name": name}))).await?;
        Ok(())
    }

    async fn create_membership(
        &self,
        id: &ClerkOrganizationId,
        user: &ClerkUserId,
        role: &str,
    ) -> Result<(), DirectoryFailure> {
        let request = CreateOrganizationMembershipRequest::new(user.to_string(), role.to_owned());
        let path = format!("organizations/{id}/memberships");
        self.once::<Value>(self.post(&path).json(&request)).await?;
        Ok(())
    }

    async fn delete_organization(&self, id: &ClerkOrganizationId) -> Result<(), DirectoryFailure> {
        let path = format!("organizations/{id}");
        self.once::<Value>(self.delete(&path)).await?;
        Ok(())
    }
}

impl OrganizationDirectory for ClerkClient {
    fn settings(&self) -> Told<'_, DirectorySettings> {
        Box::pin(self.read_settings())
    }

    fn find<'a>(&'a self, id: &'a ClerkOrganizationId) -> Told<'a, Option<DirectoryEntry>> {
        Box::pin(self.found(self.organization_request(id)))
    }

    fn find_by_slug<'a>(&'a self, slug: &'a str) -> Told<'a, Option<DirectoryEntry>> {
        Box::pin(self.found(self.get(&format!("organizations/{slug}"))))
    }

    fn of_member<'a>(
        &'a self,
        user: &'a ClerkUserId,
        offset: usize,
    ) -> Told<'a, Vec<DirectoryEntry>> {
        Box::pin(async move { self.listed(&format!("user_id={user}&offset={offset}")).await })
    }

    fn search<'a>(&'a self, text: &'a str) -> Told<'a, Vec<DirectoryEntry>> {
        Box::pin(async move { self.listed(&format!("query={text}")).await })
    }

    fn page(&self, offset: usize) -> Told<'_, Vec<DirectoryEntry>> {
        Box::pin(async move {
            let query =
                format!("order_by=%2Bcreated_at&include_members_count=true&offset={offset}");
            self.listed(&query).await
        })
    }

    fn create<'a>(&'a self, new: &'a NewDirectoryEntry) -> Told<'a, ClerkOrganizationId> {
        Box::pin(self.create_organization(new))
    }

    fn describe<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        profile: &'a Profile,
    ) -> Told<'a, DirectoryEntry> {
        Box::pin(self.merge_metadata(id, profile))
    }

    fn rename<'a>(&'a self, id: &'a ClerkOrganizationId, name: &'a str) -> Told<'a, ()> {
        Box::pin(self.change_name(id, name))
    }

    fn add_member<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        user: &'a ClerkUserId,
        role: &'a str,
    ) -> Told<'a, ()> {
        Box::pin(self.create_membership(id, user, role))
    }

    fn remove<'a>(&'a self, id: &'a ClerkOrganizationId) -> Told<'a, ()> {
        Box::pin(self.delete_organization(id))
    }
}

impl From<ClerkFailure> for DirectoryFailure {
    fn from(failure: ClerkFailure) -> Self {
        match failure {
            ClerkFailure::NotSent(source) => Self::NotSent(source),
            ClerkFailure::Unknown { retry_after, source } => {
                Self::Unknown { rest: retry_after, source }
            }
            ClerkFailure::Refused { retry_after: Some(rest), .. } => Self::Busy(rest),
            ClerkFailure::Refused { status, codes, .. } => Self::Refused(refusal(status, &codes)),
        }
    }
}

/// What a refusal means (the facts about Clerk, §1.6); a code is more specific than a status.
fn refusal(status: u16, codes: &[String]) -> DirectoryRefusal {
    let instance = DirectoryRefusal::Instance;
    for code in codes {
        return match code.as_str() {
            "already_a_member_in_organization" => DirectoryRefusal::AlreadyMember,
            "organization_creator_not_found" => DirectoryRefusal::CreatorUnknown,
            "org_creation_limit_exceeded" => DirectoryRefusal::CreatorFull,
            "form_identifier_exists" => DirectoryRefusal::SlugTaken,
            "resource_not_found" | "form_resource_not_found" => DirectoryRefusal::NotFound,
            // Slugs were on a moment ago, so the settings are read again.
            "conflict" | "resource_locked" | "organization_slugs_disabled" => {
                DirectoryRefusal::Conflict
            }
            "organization_not_enabled_in_instance" => instance(InstanceProblem::Disabled),
            "organization_quota_exceeded" | "quota_exceeded" => instance(InstanceProblem::Full),
            "unsupported_subscription_plan_features" => instance(InstanceProblem::Plan),
            _ => continue,
        };
    }
    match (status, codes.first()) {
        (401, _) => instance(InstanceProblem::SecretKey),
        (402, _) => instance(InstanceProblem::Plan),
        // Without one of Clerk's codes, it may be about the URL rather than about an organization.
        (status, None) => DirectoryRefusal::Unexplained(status),
        (404, Some(_)) => DirectoryRefusal::NotFound,
        (409, Some(_)) => DirectoryRefusal::Conflict,
        (_, Some(code)) => DirectoryRefusal::Other(code.clone()),
    }
}
