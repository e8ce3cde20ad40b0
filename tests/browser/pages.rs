//! Every page and state of the console, looked at as people do: at a desk and on a phone, in light and in dark.

use std::collections::BTreeMap;

use serde_json::json;
use winserve_testkit::TestApp;

use crate::{
    Tab,
    tab::{NARROW, WIDE},
};
use crate::{
    clerk,
    fixtures::MAYOR,
    world::{ADMIN, CANDIDATE, campaign, campaigns, office},
};

/// Bytes of the first rendering of a page, with style sheet and script.
const MOST_BYTES: u64 = 100_000;

/// What a visitor does on a page before it is looked at.
#[derive(Clone, Copy)]
enum Step {
    /// Opens a menu: a CSS selector.
    Open(&'static str),
    #[expect(dead_code, reason = "no page has a form yet")]
    /// Sends a form as it is, although the browser would not: what its button reads.
    Send(&'static str),
}

/// Name, address and what is done there. Names in braces stand for organizations of the test's world.
type State = (&'static str, &'static str, &'static [Step]);

const OF_A_CAMPAIGN: &[State] = &[
    ("choose", "/app", &[]),
    ("campaign-overview", "/app/o/{campaign}", &[]),
    ("campaign-profile", "/app/o/{campaign}/profile", &[]),
    ("campaign-without-office", "/app/o/{without-office}", &[]),
    ("switcher", "/app/o/{campaign}", &[Step::Open(".switcher summary")]),
    ("account-menu", "/app/o/{campaign}", &[Step::Open(".account summary")]),
    ("unknown-organization", "/app/o/0193f6a4-0000-7000-8000-00000000000a", &[]),
    ("unknown-page", "/app/nothing", &[]),
];

const OF_AN_OFFICE: &[State] = &[
    ("office-overview", "/app/o/{office}", &[]),
    ("office-profile", "/app/o/{office}/profile", &[]),
    ("office-switcher", "/app/o/{office}", &[Step::Open(".switcher summary")]),
];

const OF_NOBODY_YET: &[State] = &[("welcome", "/app", &[])];

#[actix_web::test]
async fn every_page_of_a_campaign_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let organizations = organizations(&app).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    assert_sound(&tab, OF_A_CAMPAIGN, &organizations).await;
}

#[actix_web::test]
async fn every_page_of_an_office_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let organizations = organizations(&app).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    assert_sound(&tab, OF_AN_OFFICE, &organizations).await;
}

#[actix_web::test]
async fn every_page_of_staff_and_newcomers_is_accessible_light_and_still() {
    let app = clerk::app().await;
    let Some(tab) = Tab::signed_in(&app, ADMIN).await else { return };
    assert_sound(&tab, OF_NOBODY_YET, &BTreeMap::new()).await;
}

/// The candidate's organizations, by the names in the tables.
async fn organizations(app: &TestApp) -> BTreeMap<&'static str, String> {
    let past = json!({"positionId": MAYOR, "electionDate": "2024-11-05"});
    let past = campaign(app, CANDIDATE, past).await;
    let office = office(app, CANDIDATE, &past, json!({"termStartDate": "2025-01-01"})).await;
    let current = json!({"positionId": MAYOR, "electionDate": "2028-11-07"});
    let current = campaign(app, CANDIDATE, current).await;
    let without_office = campaign(app, CANDIDATE, json!({})).await;
    campaigns(app, CANDIDATE, 4).await;
    BTreeMap::from([
        ("campaign", current),
        ("past", past),
        ("office", office),
        ("without-office", without_office),
    ])
}

/// Looks at all states, takes their pictures, and fails with everything that is wrong.
async fn assert_sound(tab: &Tab, states: &[State], organizations: &BTreeMap<&'static str, String>) {
    let mut wrong = Vec::new();
    for (name, address, steps) in states {
        let mut address = (*address).to_owned();
        for (name, organization) in organizations {
            address = address.replace(&format!("{{{name}}}"), organization);
        }
        assert!(!address.contains('{'), "{address} names an organization that is not there");
        for width in [WIDE, NARROW] {
            let found = faults(tab, &format!("{name}-{width}"), &address, steps, width).await;
            wrong.extend(found.into_iter().map(|fault| format!("{name}, {width} px: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn faults(
    tab: &Tab,
    picture: &str,
    address: &str,
    steps: &[Step],
    width: u32,
) -> Vec<String> {
    let mut faults = Vec::new();
    tab.look(width, "light").await;
    tab.open(address).await;
    let (shift, bytes) = (tab.layout_shift().await, tab.bytes().await);
    if shift > 0.0 {
        faults.push(format!("the layout shifts by {shift}"));
    }
    if bytes > MOST_BYTES {
        faults.push(format!("{bytes} bytes are loaded"));
    }
    for step in steps {
        match *step {
            Step::Open(menu) => tab.click_at(menu).await,
            Step::Send(button) => {
                let lenient = "for (const form of document.forms) form.noValidate = true";
                tab.run(lenient, json!(null)).await;
                tab.click(button).await;
            }
        }
    }
    let overflow = tab.overflow().await;
    if overflow > 0 {
        faults.push(format!("the page is {overflow} pixels too wide"));
    }
    tab.picture(picture).await;
    faults.extend(tab.violations().await);
    tab.look(width, "dark").await;
    faults.extend(tab.violations().await.into_iter().map(|fault| format!("dark: {fault}")));
    faults
}
