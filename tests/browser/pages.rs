//! Every page and state of the console, looked at as people do: at a desk and on a phone, in light and in dark.

use std::collections::BTreeMap;

use serde_json::json;
use winserve_emulators::{Call, Fault, PeopleCall, TokenRequest};
use winserve_testkit::TestApp;

use crate::{
    Tab,
    clerk::{self, clerk_id},
    fixtures::{COUNCIL, MAYOR},
    tab::{NARROW, WIDE},
    world::{ADMIN, CANDIDATE, campaign, campaigns, office},
};

/// Bytes of the first rendering of a page, with style sheet and script.
const MOST_BYTES: u64 = 100_000;

/// What a visitor does on a page before it is looked at.
#[derive(Clone, Copy)]
enum Step {
    /// Opens a menu: a CSS selector.
    Open(&'static str),
    /// Enters a value into the field with a label.
    Enter(&'static str, &'static str),
    /// Sends a form, although the browser would not: what its button reads.
    Send(&'static str),
}

/// Name, address and what is done there. Names in braces stand for organizations and positions of the test.
type State = (&'static str, &'static str, &'static [Step]);

const OF_A_CAMPAIGN: &[State] = &[
    ("choose", "/app", &[]),
    ("switcher", "/app/o/{campaign}", &[Step::Open(".switcher summary")]),
    ("account-menu", "/app/o/{campaign}", &[Step::Open(".account summary")]),
    ("campaign", "/app/o/{campaign}", &[]),
    ("campaign-without-office", "/app/o/{without-office}", &[]),
    ("campaign-past", "/app/o/{past}", &[]),
    ("campaign-profile", "/app/o/{campaign}/profile", &[]),
    ("voters", "/app/o/{campaign}/contacts", &[]),
    ("voters-found", "/app/o/{campaign}/contacts?search=young", &[]),
    ("voters-none", "/app/o/{campaign}/contacts?search=nobody", &[]),
    ("voters-of-a-list", "/app/o/{campaign}/contacts?list={list}&did=saved", &[]),
    ("voters-without-pro", "/app/o/{free}/contacts", &[]),
    ("voters-without-office", "/app/o/{without-office}/contacts", &[]),
    ("voters-statistics", "/app/o/{campaign}/contacts/statistics", &[]),
    ("voter", "/app/o/{campaign}/contacts", &[Step::Open("tbody a")]),
    ("voter-unknown", "/app/o/{campaign}/contacts/0193f6a4-0000-7000-8000-00000000000a", &[]),
    ("voter-lists", "/app/o/{campaign}/lists", &[]),
    ("voter-lists-none", "/app/o/{past}/lists", &[]),
    ("voter-list-new", "/app/o/{campaign}/lists/new", &[]),
    ("voter-list-refused", "/app/o/{campaign}/lists/new", &[Step::Send("Save list")]),
    ("voter-list-edit", "/app/o/{campaign}/lists/{list}/edit", &[]),
    ("voter-list-rename", "/app/o/{campaign}/lists/{list}/rename", &[]),
    ("voter-list-copy", "/app/o/{campaign}/lists/{list}/copy", &[]),
    ("voter-list-delete", "/app/o/{campaign}/lists/{list}/delete", &[]),
    ("campaign-office", "/app/o/{campaign}/office", &[]),
    ("campaign-office-found", "/app/o/{campaign}/office?zip=49286", &[]),
    ("campaign-office-none", "/app/o/{campaign}/office?zip=10001", &[]),
    ("campaign-office-refused", "/app/o/{campaign}/office?zip=4928", &[]),
    ("campaign-office-custom", "/app/o/{campaign}/office/custom", &[]),
    ("campaign-office-custom-refused", "/app/o/{campaign}/office/preview?office=&state=MI", &[]),
    ("campaign-office-preview", "/app/o/{campaign}/office/preview?position={council}", &[]),
    ("campaign-district", "/app/o/{campaign}/office/district", &[]),
    ("campaign-district-names", "/app/o/{campaign}/office/district?type=County", &[]),
    ("campaign-result", "/app/o/{campaign}/result", &[]),
    (
        "campaign-result-refused",
        "/app/o/{campaign}/result",
        &[
            Step::Enter("Term ends", ""),
            Step::Enter("Term starts", ""),
            Step::Send("I won my race"),
        ],
    ),
    ("campaign-won", "/app/o/{past}/result", &[]),
    ("campaign-welcome", "/app/o/{campaign}/welcome", &[]),
    ("unknown-organization", "/app/o/0193f6a4-0000-7000-8000-00000000000a", &[]),
    ("unknown-page", "/app/nothing", &[]),
];

const OF_AN_OFFICE: &[State] = &[
    ("office", "/app/o/{office}", &[]),
    ("office-switcher", "/app/o/{office}", &[Step::Open(".switcher summary")]),
    ("office-profile", "/app/o/{office}/profile", &[]),
    ("constituents", "/app/o/{office}/contacts", &[]),
    ("constituents-statistics", "/app/o/{office}/contacts/statistics", &[]),
    ("constituent", "/app/o/{office}/contacts", &[Step::Open("tbody a")]),
    ("constituent-lists", "/app/o/{office}/lists", &[]),
    ("constituent-list-new", "/app/o/{office}/lists/new", &[]),
    ("office-office", "/app/o/{office}/office?zip=49286", &[]),
    ("office-preview", "/app/o/{office}/office/preview?position={council}", &[]),
    ("office-welcome", "/app/o/{office}/welcome?from={past}", &[]),
    ("office-polls-none", "/app/o/{office-without-polls}/polls", &[]),
    ("office-polls", "/app/o/{office}/polls", &[]),
    ("office-poll-new", "/app/o/{office-without-polls}/polls/new", &[]),
    ("office-poll-refused", "/app/o/{office-without-polls}/polls/new", &[Step::Send("Send poll")]),
    ("new-campaign", "/app/new-campaign", &[]),
    ("new-campaign-found", "/app/new-campaign?zip=49286", &[]),
    ("new-campaign-custom", "/app/new-campaign/custom", &[]),
    ("new-campaign-preview", "/app/new-campaign/preview?position={council}", &[]),
    ("re-election", "/app/new-campaign?from={office}", &[]),
];

const OF_STAFF: &[State] = &[
    ("welcome", "/app", &[]),
    ("staff", "/app/staff", &[]),
    ("staff-found", "/app/staff?q=ann", &[]),
    ("staff-none", "/app/staff?q=nobody", &[]),
    ("staff-user", "/app/staff/users/7", &[]),
    ("staff-organization", "/app/staff/organizations/{campaign}", &[]),
    ("staff-preview", "/app/staff/organizations/{campaign}/preview?position={council}", &[]),
    (
        "staff-refused",
        "/app/staff/organizations/{campaign}/preview?type=City_Ward&name=NOWHERE",
        &[],
    ),
    ("staff-dead-letters", "/app/staff/dead-letters", &[]),
];

const OF_OTHERS_BY_STAFF: &[State] =
    &[("acting", "/app/o/{campaign}", &[]), ("not-for-you", "/app/staff", &[])];

const WHILE_OTHERS_ARE_AWAY: &[State] = &[
    ("away-voters", "/app/o/{campaign}/contacts", &[]),
    ("away-statistics", "/app/o/{campaign}/contacts/statistics", &[]),
    ("away-lists", "/app/o/{campaign}/lists", &[]),
    ("away-office", "/app/o/{campaign}/office?zip=49286", &[]),
    ("away-preview", "/app/o/{campaign}/office/preview?position={council}", &[]),
    ("away-district", "/app/o/{campaign}/office/district", &[]),
    ("away-new-campaign", "/app/new-campaign?zip=49286", &[]),
];

#[actix_web::test]
async fn every_page_of_a_campaign_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let world = world(&app).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    assert_sound(&tab, OF_A_CAMPAIGN, &world).await;
}

#[actix_web::test]
async fn every_page_of_an_office_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let world = world(&app).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    assert_sound(&tab, OF_AN_OFFICE, &world).await;
}

#[actix_web::test]
async fn every_page_of_staff_is_accessible_light_and_still() {
    let app = clerk::app_with_outbox().await;
    let world = world(&app).await;
    app.database.execute(
        "UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'name-refused', attempts = 20",
    );
    let Some(tab) = Tab::signed_in(&app, ADMIN).await else { return };
    assert_sound(&tab, OF_STAFF, &world).await;
    let act = Some(json!({"sub": clerk_id(ADMIN)}));
    tab.sign_in(&app, &TokenRequest { act, ..TokenRequest::of(&clerk_id(CANDIDATE)) }).await;
    assert_sound(&tab, OF_OTHERS_BY_STAFF, &world).await;
}

#[actix_web::test]
async fn a_page_whose_data_is_away_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let world = world(&app).await;
    for call in [Call::PositionsSearch, Call::Position, Call::DistrictsTypes] {
        app.election.fail_always(call, Fault::Down);
    }
    for call in [PeopleCall::List, PeopleCall::Person, PeopleCall::Statistics] {
        app.people.fail_always(call, Fault::Down);
    }
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    assert_sound(&tab, WHILE_OTHERS_ARE_AWAY, &world).await;
}

/// What the names in the tables stand for.
async fn world(app: &TestApp) -> BTreeMap<&'static str, String> {
    let run = async |date| {
        campaign(app, CANDIDATE, json!({"positionId": MAYOR, "electionDate": date})).await
    };
    // Only as the first.
    let without_office = campaign(app, CANDIDATE, json!({})).await;
    let past = run("2024-11-05").await;
    let term = json!({"electedDate": "2024-11-05", "termStartDate": "2025-01-01", "termEndDate": "2029-01-01"});
    let held = office(app, CANDIDATE, &past, term.clone()).await;
    let current = run("2028-11-07").await;
    campaigns(app, CANDIDATE, 3).await;
    let ward = json!({"positionId": COUNCIL, "electionDate": "2024-11-05"});
    let ward = campaign(app, CANDIDATE, ward).await;
    let without_polls = office(app, CANDIDATE, &ward, term).await;
    let poll = json!({"message": "What matters to you?", "swornInDate": "2025-01-06"});
    let client = app.user(CANDIDATE).naming(held.as_str());
    assert_eq!(client.post("/v1/polls/initial-poll", poll).await.status, 201);
    let free = campaign(app, CANDIDATE, json!({"positionId": COUNCIL})).await;
    app.database.execute_unmapped(&format!(
        "UPDATE campaign SET is_pro = true WHERE organization_id = '{current}'"
    ));
    let mut lists = Vec::new();
    for (organization, list) in [
        (&current, json!({"name": "Women", "genderFemale": true, "age50Plus": true})),
        (&current, json!({"name": "Base", "partyDemocrat": true, "languageCodes": ["es", "xx"]})),
        (&held, json!({"name": "Families", "hasChildrenYes": true})),
    ] {
        let client = app.user(CANDIDATE).naming(organization.as_str());
        let saved = client.post("/v1/voters/voter-file/filter", list).await;
        assert_eq!(saved.status, 201);
        lists.push(saved.json()["id"].to_string());
    }
    BTreeMap::from([
        ("campaign", current),
        ("past", past),
        ("office", held),
        ("free", free),
        ("list", lists.swap_remove(0)),
        ("without-office", without_office),
        ("office-without-polls", without_polls),
        ("mayor", MAYOR.to_owned()),
        ("council", COUNCIL.to_owned()),
    ])
}

/// Looks at all states, takes their pictures, and fails with everything that is wrong.
async fn assert_sound(tab: &Tab, states: &[State], world: &BTreeMap<&'static str, String>) {
    let mut wrong = Vec::new();
    for (name, address, steps) in states {
        let mut address = (*address).to_owned();
        for (name, meant) in world {
            address = address.replace(&format!("{{{name}}}"), meant);
        }
        assert!(!address.contains('{'), "{address} names something that is not there");
        let found = faults(tab, name, &address, steps).await;
        wrong.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn faults(tab: &Tab, name: &str, address: &str, steps: &[Step]) -> Vec<String> {
    let mut faults = Vec::new();
    for width in [WIDE, NARROW] {
        tab.look(width, "light").await;
        tab.open(address).await;
        faults.extend(tab.shifts().await);
    }
    let bytes = tab.bytes().await;
    if bytes > MOST_BYTES {
        faults.push(format!("{bytes} bytes are loaded"));
    }
    for step in steps {
        match *step {
            Step::Open(selector) => tab.click_at(selector).await,
            Step::Enter(label, value) => tab.fill(label, value).await,
            Step::Send(button) => {
                let lenient = "for (const form of document.forms) form.noValidate = true";
                tab.run(lenient, json!(null)).await;
                tab.click(button).await;
            }
        }
    }
    // Without loading it again: axe-core stays in the page.
    tab.load_axe_core().await;
    for width in [NARROW, WIDE] {
        tab.look(width, "light").await;
        tab.picture(&format!("{name}-{width}")).await;
        faults.extend(tab.too_wide().await);
        faults.extend(tab.violations().await);
        tab.look(width, "dark").await;
        faults.extend(tab.pale().await.into_iter().map(|fault| format!("dark: {fault}")));
    }
    faults
}
