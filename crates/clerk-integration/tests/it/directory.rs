//! Clerk's organizations: one contract, kept by the emulator and, in an ignored test that needs a key, by a real
//! development instance.
//!
//! `WINSERVE_TEST_CLERK_SECRET_KEY` is the secret key of a development instance with organizations enabled;
//! with `WINSERVE_TEST_CLERK_USER_ID`, one of its users, members are tested too. The tests delete what they
//! create there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;
use winserve_clerk::{ClerkClient, ClerkOptions};
use winserve_domain::{
    base::OrganizationId,
    clerk::{
        ClerkOrganizationId, ClerkUserId, DirectoryEntry, DirectoryFailure, DirectoryRefusal,
        DirectorySettings, InstanceProblem, NewDirectoryEntry, OrganizationDirectory as _, Profile,
        UnreportedSetting,
    },
    organizations::OrganizationKind,
    positions::BallotReadyId,
};
use winserve_emulators::{Action, ClerkEmulator, InstanceSettings, Person};

/// A Clerk that is tested against the contract.
struct Instance {
    client: ClerkClient,
    user: Option<ClerkUserId>,
    /// Lists of a real one may lag.
    patience: Duration,
    /// The emulator, if it is one.
    emulator: Option<ClerkEmulator>,
}

fn client(emulator: &ClerkEmulator) -> ClerkClient {
    let options = ClerkOptions {
        timeout: Duration::from_millis(500),
        ..ClerkOptions::new(&emulator.api_url(), emulator.secret_key().into(), emulator.url())
    };
    ClerkClient::new(&options).unwrap()
}

fn stand_in(has_slugs: bool) -> Instance {
    let emulator = ClerkEmulator::start().unwrap();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.set(InstanceSettings { slug_disabled: !has_slugs, ..InstanceSettings::default() });
    Instance {
        client: client(&emulator),
        user: ClerkUserId::parse("user_1"),
        patience: Duration::ZERO,
        emulator: Some(emulator),
    }
}

/// The real Clerk.
fn development_instance() -> Instance {
    #[expect(clippy::disallowed_methods, reason = "the one way to hand a key to a test")]
    let variable = |name: &str| std::env::var(name).ok();
    let key = variable("WINSERVE_TEST_CLERK_SECRET_KEY")
        .unwrap_or_else(|| panic!("set WINSERVE_TEST_CLERK_SECRET_KEY"));
    assert!(key.starts_with("sk_test_"), "the key of a development instance begins with sk_test_");
    let options = ClerkOptions {
        timeout: Duration::from_secs(10),
        ..ClerkOptions::new("https://api.clerk.com/v1", key.into(), "https://clerk.invalid")
    };
    Instance {
        client: ClerkClient::new(&options).unwrap(),
        user: variable("WINSERVE_TEST_CLERK_USER_ID").and_then(|id| ClerkUserId::parse(&id)),
        patience: Duration::from_secs(20),
        emulator: None,
    }
}

fn profile(position: Option<&str>) -> Profile {
    Profile {
        organization: OrganizationId(Uuid::now_v7()),
        source: Uuid::now_v7(),
        kind: OrganizationKind::Campaign,
        position: position.and_then(BallotReadyId::parse),
    }
}

impl Instance {
    /// How a list shows an organization, once it does.
    async fn listed(
        &self,
        list: impl AsyncFn() -> Vec<DirectoryEntry>,
        profile: &Profile,
    ) -> Option<DirectoryEntry> {
        let deadline = std::time::Instant::now() + self.patience;
        loop {
            let found =
                list().await.into_iter().find(|it| it.organization == Some(profile.organization));
            if found.is_some() || std::time::Instant::now() >= deadline {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn keeps_the_contract(&self) {
        let DirectorySettings { has_slugs, owner_role, .. } = self.client.settings().await.unwrap();
        let mut profile = profile(Some("Z2lkOi8v"));
        let slug = has_slugs.then(|| profile.slug());
        let new = NewDirectoryEntry {
            name: "Winserve test, to be deleted".to_owned(),
            slug: slug.clone(),
            creator: None,
            profile: profile.clone(),
        };
        let id = self.client.create(&new).await.unwrap();
        let entry = self.client.find(&id).await.unwrap().unwrap();
        assert!(entry.shows(&profile), "{entry:?}");
        assert_eq!((&entry.id, entry.members), (&id, Some(0)));
        if let Some(slug) = &slug {
            assert_eq!(self.client.find_by_slug(slug).await.unwrap().unwrap().id, id);
            let taken = self.client.create(&new).await.unwrap_err();
            assert!(
                matches!(taken, DirectoryFailure::Refused(DirectoryRefusal::SlugTaken)),
                "{taken}"
            );
        }
        // Other organizations may fill the first page.
        if self.patience.is_zero() {
            let page = self.client.page(0).await.unwrap();
            assert!(page.first().is_some_and(|first| first.shows(&profile)));
        }
        let list = async || self.client.search("Winserve").await.unwrap();
        assert!(self.listed(list, &profile).await.unwrap().shows(&profile));
        self.client.rename(&id, &profile.working_name()).await.unwrap();
        let name = profile.working_name();
        let list = async || self.client.search(&name).await.unwrap();
        assert_eq!(self.listed(list, &profile).await.unwrap().name, name);

        profile.position = None;
        profile.kind = OrganizationKind::ElectedOffice;
        assert!(self.client.describe(&id, &profile).await.unwrap().shows(&profile));
        assert!(self.client.find(&id).await.unwrap().unwrap().shows(&profile));

        if let Some(user) = &self.user {
            self.client.add_member(&id, user, &owner_role).await.unwrap();
            let again = self.client.add_member(&id, user, &owner_role).await.unwrap_err();
            assert!(
                matches!(again, DirectoryFailure::Refused(DirectoryRefusal::AlreadyMember)),
                "{again}"
            );
            let list = async || self.client.of_member(user, 0).await.unwrap();
            assert_eq!(self.listed(list, &profile).await.unwrap().id, id);
            assert_eq!(self.client.find(&id).await.unwrap().unwrap().members, Some(1));
        }
        self.client.remove(&id).await.unwrap();
        let again = self.client.remove(&id).await.unwrap_err();
        assert!(matches!(again, DirectoryFailure::Refused(DirectoryRefusal::NotFound)), "{again}");
        assert_eq!(self.client.find(&id).await.unwrap(), None);
        let gone = self.client.describe(&id, &profile).await.unwrap_err();
        assert!(matches!(gone, DirectoryFailure::Refused(DirectoryRefusal::NotFound)), "{gone}");

        let unknown = NewDirectoryEntry { creator: ClerkUserId::parse("user_nobody"), ..new };
        let refused = self.client.create(&unknown).await.unwrap_err();
        assert!(
            matches!(refused, DirectoryFailure::Refused(DirectoryRefusal::CreatorUnknown)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn the_stand_in_keeps_the_contract_with_slugs_and_without() {
    for has_slugs in [false, true] {
        let instance = stand_in(has_slugs);
        assert_eq!(instance.client.settings().await.unwrap().has_slugs, has_slugs);
        instance.keeps_the_contract().await;
    }
}

#[tokio::test]
#[ignore = "asks Clerk itself: set WINSERVE_TEST_CLERK_SECRET_KEY to the key of a development instance"]
async fn a_development_instance_keeps_the_contract() {
    development_instance().keeps_the_contract().await;
}

#[tokio::test]
async fn a_creator_is_the_first_member() {
    let instance = stand_in(false);
    let profile = profile(None);
    let new = NewDirectoryEntry {
        name: "2028 Campaign".to_owned(),
        slug: None,
        creator: instance.user.clone(),
        profile: profile.clone(),
    };
    let id = instance.client.create(&new).await.unwrap();
    let entry = instance.client.find(&id).await.unwrap().unwrap();
    assert!(entry.shows(&profile) && entry.members == Some(1), "{entry:?}");
}

#[tokio::test]
async fn what_a_failure_says_of_what_was_done() {
    let emulator = ClerkEmulator::start().unwrap();
    let client = client(&emulator);
    let new = NewDirectoryEntry {
        name: "2028 Campaign".to_owned(),
        slug: None,
        creator: None,
        profile: profile(None),
    };
    let status = |status, code: &str| Action::Status { status, code: code.to_owned() };
    let instance = |problem| format!("{:?}", DirectoryRefusal::Instance(problem));
    for (action, expected) in [
        (Action::Hang, "unknown".to_owned()),
        (Action::CommitThenDrop, "unknown".to_owned()),
        (Action::TruncateBody, "unknown".to_owned()),
        (Action::BadJson, "unknown".to_owned()),
        (Action::HtmlError { status: 502 }, "unknown".to_owned()),
        (status(500, "internal_clerk_error"), "unknown".to_owned()),
        (status(401, "clerk_key_invalid"), instance(InstanceProblem::SecretKey)),
        (status(402, "unsupported_subscription_plan_features"), instance(InstanceProblem::Plan)),
        (status(403, "organization_not_enabled_in_instance"), instance(InstanceProblem::Disabled)),
        (status(403, "organization_quota_exceeded"), instance(InstanceProblem::Full)),
        (status(403, "org_creation_limit_exceeded"), "CreatorFull".to_owned()),
        (
            status(403, "organization_membership_quota_exceeded"),
            "Other(\"organization_membership_quota_exceeded\")".to_owned(),
        ),
        (status(409, "resource_locked"), "Conflict".to_owned()),
        (status(422, "form_param_value_invalid"), "Other(\"form_param_value_invalid\")".to_owned()),
        (Action::HtmlError { status: 403 }, "Unexplained(403)".to_owned()),
        (Action::HtmlError { status: 404 }, "Unexplained(404)".to_owned()),
        (Action::RateLimit { retry_after: 7 }, "retry after 7 s".to_owned()),
    ] {
        emulator.heal();
        emulator.fail("/v1/organizations", action.clone());
        let failure = client.create(&new).await.unwrap_err();
        let said = failure.to_string();
        assert!(said.contains(&expected), "{action:?}: {said}, not {expected}");
    }
    // Calls are paused as Clerk asked.
    emulator.heal();
    let requests = emulator.count("/v1/organizations");
    assert!(matches!(client.create(&new).await, Err(DirectoryFailure::Busy(_))));
    assert_eq!(emulator.count("/v1/organizations"), requests);
}

/// The caller has a request budget, which counts one request per call.
#[tokio::test]
async fn every_call_is_one_request_whatever_its_outcome() {
    let emulator = ClerkEmulator::start().unwrap();
    let client = client(&emulator);
    let new = NewDirectoryEntry {
        name: "2028 Campaign".to_owned(),
        slug: None,
        creator: None,
        profile: profile(None),
    };
    emulator.fail_once("/v1/organizations", Action::CommitThenDrop);
    assert!(client.create(&new).await.is_err());
    assert_eq!(emulator.organizations().len(), 1);
    let id = ClerkOrganizationId::parse(&emulator.organizations()[0].id).unwrap();
    let user = ClerkUserId::parse("user_1").unwrap();
    for action in [
        Action::CommitThenDrop,
        Action::ResetBeforeCommit,
        Action::HtmlError { status: 503 },
        Action::BadJson,
    ] {
        emulator.heal();
        emulator.fail("*", action);
        let before = requests(&emulator);
        let calls = [
            client.settings().await.is_err(),
            client.find(&id).await.is_err(),
            client.find_by_slug("a-slug").await.is_err(),
            client.of_member(&user, 0).await.is_err(),
            client.search("text").await.is_err(),
            client.page(0).await.is_err(),
            client.create(&new).await.is_err(),
            client.describe(&id, &new.profile).await.is_err(),
            client.rename(&id, "Name").await.is_err(),
            client.add_member(&id, &user, "org:admin").await.is_err(),
            client.remove(&id).await.is_err(),
        ];
        assert_eq!(calls, [true; 11]);
        assert_eq!(requests(&emulator) - before, calls.len());
    }
}

#[tokio::test]
async fn an_odd_organization_does_not_spoil_a_list_and_settings_that_do_not_suit_are_named() {
    let emulator = ClerkEmulator::start().unwrap();
    let client = client(&emulator);
    let base = emulator.api_url();
    for private in [json!({"ref": 5}), json!({"ref": "x", "source": null}), json!({})] {
        let body =
            json!({"name": "Odd", "private_metadata": private, "public_metadata": {"type": []}});
        let request = reqwest_client().post(format!("{base}/organizations")).json(&body);
        assert!(
            request.bearer_auth(emulator.secret_key()).send().await.unwrap().status().is_success()
        );
    }
    let page = client.page(0).await.unwrap();
    assert_eq!(page.len(), 3);
    assert!(page.iter().all(|entry| entry.organization.is_none() && entry.kind.is_none()));
    for (settings, expected) in [
        (
            InstanceSettings { enabled: false, ..InstanceSettings::default() },
            InstanceProblem::Disabled,
        ),
        (
            InstanceSettings { force_organization_selection: true, ..InstanceSettings::default() },
            InstanceProblem::MembershipRequired,
        ),
    ] {
        emulator.set(settings);
        let refused = client.settings().await;
        let Err(DirectoryFailure::Refused(DirectoryRefusal::Instance(problem))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(problem, expected);
    }
}

/// 0 is no limit, and an owner is one member.
#[tokio::test]
async fn any_limit_of_members_leaves_room_for_an_owner_and_what_is_not_said_is_named() {
    let instance = stand_in(false);
    let emulator = instance.emulator.as_ref().unwrap();
    for limit in [0, 1, 5] {
        let settings = InstanceSettings { max_allowed_memberships: limit, ..Default::default() };
        emulator.set(settings);
        assert_eq!(instance.client.settings().await.unwrap().unreported, []);
        instance.keeps_the_contract().await;
    }
    let unreported = async |hidden: &[&str]| {
        let hidden = hidden.iter().map(|&name| name.to_owned()).collect();
        emulator.set(InstanceSettings { hidden, ..Default::default() });
        instance.client.settings().await.unwrap().unreported
    };
    let membership = "force_organization_selection";
    assert_eq!(unreported(&[membership]).await, [UnreportedSetting::MembershipRequired]);
    let both = [membership, "max_allowed_memberships"];
    assert_eq!(
        unreported(&both).await,
        [UnreportedSetting::MembershipRequired, UnreportedSetting::MemberLimit]
    );
}

fn reqwest_client() -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

/// Number of received requests.
fn requests(emulator: &ClerkEmulator) -> usize {
    let methods = ["GET", "POST", "PATCH", "DELETE"];
    methods.iter().map(|method| emulator.count_of(method, "*")).sum()
}
