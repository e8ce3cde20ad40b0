//! What people want to do with several organizations (paper 002), from page to page.

use serde_json::json;

use crate::Tab;
use crate::{
    clerk,
    fixtures::{COUNCIL, MAYOR},
    world::{ADMIN, CANDIDATE, OTHER, campaign, campaigns, office},
};

#[actix_web::test]
async fn a_switch_stays_on_a_page_that_both_organizations_have() {
    let app = clerk::app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2024-11-05"});
    let run = campaign(&app, CANDIDATE, run).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2024-11-05"})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{run}/profile")).await;
    tab.click_at(".switcher summary").await;
    tab.click_at(&format!(".switcher a[href*='{office}']")).await;
    tab.assert_at(&format!("/app/o/{office}/profile")).await;
}

#[actix_web::test]
async fn two_tabs_work_in_two_organizations() {
    let app = clerk::app().await;
    let first = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let second = campaign(&app, CANDIDATE, json!({"positionId": COUNCIL})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{first}")).await;
    let title = tab.title().await;
    let other = tab.another().await;
    tab.open(&format!("/app/o/{second}")).await;
    assert_ne!(tab.title().await, title);
    let other = tab.switch_to(other).await;
    tab.click("Profile").await;
    tab.assert_at(&format!("/app/o/{first}/profile")).await;
    tab.switch_to(other).await;
    tab.click("Profile").await;
    tab.assert_at(&format!("/app/o/{second}/profile")).await;
}

#[actix_web::test]
async fn a_link_opens_its_organization_and_not_the_one_that_was_open_last() {
    let app = clerk::app().await;
    let linked = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let last = campaign(&app, CANDIDATE, json!({"positionId": COUNCIL})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{last}")).await;
    tab.open(&format!("/app/o/{linked}/profile")).await;
    assert!(tab.title().await.contains("Tecumseh"), "{}", tab.title().await);
    tab.click("Overview").await;
    tab.assert_at(&format!("/app/o/{linked}")).await;
}

#[actix_web::test]
async fn a_link_leads_through_the_sign_in_page_to_its_page() {
    let app = clerk::app().await;
    let linked = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    campaign(&app, CANDIDATE, json!({"positionId": COUNCIL})).await;
    let Some(tab) = Tab::of(&app).await else { return };
    tab.open(&format!("/app/o/{linked}/profile?from=mail")).await;
    tab.click("Ann Candidate").await;
    tab.assert_at(&format!("/app/o/{linked}/profile?from=mail")).await;
    tab.assert_shows("Tecumseh").await;
}

#[actix_web::test]
async fn staff_who_act_for_somebody_see_both_names() {
    let app = clerk::app().await;
    campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let Some(tab) = Tab::of(&app).await else { return };
    tab.open("/app").await;
    tab.click("impersonate as Ada Admin").await;
    tab.assert_shows("Tecumseh").await;
    for address in ["user7@example.org", "user9@example.org"] {
        tab.assert_shows(address).await;
    }
}

#[actix_web::test]
async fn a_foreign_organization_opens_nothing_and_shows_the_own_ones() {
    let app = clerk::app().await;
    let own = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let foreign = campaign(&app, OTHER, json!({"positionId": COUNCIL})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{foreign}/profile")).await;
    tab.assert_shows(&foreign).await;
    tab.assert_lacks("Cheyenne").await;
    tab.click_at(&format!("main a[href='/app/o/{own}']")).await;
    tab.assert_at(&format!("/app/o/{own}")).await;
}

#[actix_web::test]
async fn two_campaigns_without_dates_are_told_apart() {
    let app = clerk::app().await;
    let older = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    app.database.execute("UPDATE organization SET created_at = '2025-03-04'");
    let newer = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open("/app").await;
    let script = "return document.querySelector(`main a[href*='${arguments[0]}']`).innerText";
    let older = tab.run(script, json!(older)).await;
    let newer = tab.run(script, json!(newer)).await;
    assert_ne!(older, newer);
    assert!(older.as_str().unwrap().contains("4 Mar 2025"), "{older}");
}

#[actix_web::test]
async fn somebody_with_twelve_organizations_finds_one_by_typing() {
    let app = clerk::app().await;
    let organizations = campaigns(&app, CANDIDATE, 12).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{}/profile", organizations[0])).await;
    tab.click_at(".switcher summary").await;
    tab.type_text("office 11").await;
    tab.assert_shows("1 found").await;
    tab.click_at(".switcher nav a").await;
    tab.assert_at(&format!("/app/o/{}/profile", organizations[10])).await;
}

#[actix_web::test]
async fn an_address_that_leads_outside_is_not_followed() {
    let app = clerk::app().await;
    let own = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    for hostile in ["/app?redirect_url=https://evil.example", "/app?next=//evil.example"] {
        tab.open(hostile).await;
        tab.assert_at(&format!("/app/o/{own}")).await;
    }
    tab.open("/app//evil.example").await;
    tab.assert_at("/app//evil.example").await;
    tab.assert_shows("This does not exist").await;
}

/// Voter lists stay with the campaign; the office has its own.
#[actix_web::test]
async fn each_organization_has_its_own_lists() {
    let app = clerk::app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2024-11-05"});
    let run = campaign(&app, CANDIDATE, run).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2024-11-05"})).await;
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{run}/lists/new")).await;
    tab.fill("Name of the list", "Base").await;
    tab.click("Democrat").await;
    tab.click("Save list").await;
    tab.assert_shows("Base").await;
    tab.open(&format!("/app/o/{run}/lists")).await;
    tab.assert_shows("Base").await;
    tab.click_at(".switcher summary").await;
    tab.click_at(&format!(".switcher a[href*='{office}']")).await;
    tab.assert_at(&format!("/app/o/{office}/lists")).await;
    tab.assert_lacks("Base").await;
}

#[actix_web::test]
async fn an_official_meets_no_political_party() {
    let app = clerk::app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2024-11-05"});
    let run = campaign(&app, CANDIDATE, run).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2024-11-05"})).await;
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    let document = "return document.documentElement.outerHTML.toLowerCase()";
    for page in ["", "/contacts", "/contacts/statistics", "/lists/new", "/profile"] {
        tab.open(&format!("/app/o/{office}{page}")).await;
        let document = tab.run(document, json!(null)).await;
        for word in ["democrat", "republican", "party"] {
            assert!(!document.as_str().unwrap().contains(word), "{word} on {page}");
        }
    }
    tab.open(&format!("/app/o/{run}/lists/new")).await;
    tab.assert_shows("Democrat").await;
}

#[actix_web::test]
async fn a_winner_arrives_in_the_new_office() {
    let app = clerk::app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2026-02-03"});
    let run = campaign(&app, CANDIDATE, run).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{run}/result")).await;
    tab.click_at("form button").await;
    tab.assert_shows("Your office is open").await;
    let row = app.database.row("SELECT organization_id FROM elected_office");
    let office = row["organization_id"].as_str().unwrap();
    tab.assert_at(&format!("/app/o/{office}/welcome?from={run}")).await;
    tab.click("Polls").await;
    tab.assert_at(&format!("/app/o/{office}/polls")).await;
}

/// The new campaign has the district of its own office, and the office stays as it is.
#[actix_web::test]
async fn an_official_starts_a_campaign_in_another_district_and_works_in_both() {
    let app = clerk::app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2024-11-05"});
    let run = campaign(&app, CANDIDATE, run).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2024-11-05"})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{office}")).await;
    tab.click_at(".switcher summary").await;
    tab.click("Run for a new office").await;
    tab.fill("ZIP code", "49286").await;
    tab.fill("Office name", "sheriff").await;
    tab.click("Search offices").await;
    tab.click_at("main .choice").await;
    tab.assert_shows("Nothing is started yet").await;
    tab.click("Start this campaign").await;
    tab.assert_shows("Your campaign is started").await;
    tab.assert_shows("LENAWEE").await;
    let started = tab.address().await;
    let started = started.split('/').nth(3).unwrap().to_owned();
    assert!(started != office && started != run);
    tab.open(&format!("/app/o/{started}/contacts")).await;
    tab.assert_shows("Voter").await;
    tab.open(&format!("/app/o/{office}/profile")).await;
    tab.assert_shows("TECUMSEH CITY").await;
    tab.open(&format!("/app/o/{office}/contacts")).await;
    tab.assert_shows("1,250").await;
}

#[actix_web::test]
async fn staff_change_the_district_of_somebody_else_and_find_it_in_the_history() {
    let app = clerk::app().await;
    campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let Some(tab) = Tab::signed_in(&app, ADMIN).await else { return };
    tab.open("/app/staff?q=user7@example.org").await;
    tab.click_at("main a[href*='/staff/organizations/']").await;
    tab.fill("District type", "County").await;
    tab.fill("District name", "LENAWEE").await;
    tab.click_at("[aria-labelledby=district] button").await;
    tab.assert_shows("LENAWEE").await;
    tab.click("Make this change").await;
    tab.assert_shows("Done").await;
    for text in ["History", "user9@example.org", "override LENAWEE"] {
        tab.assert_shows(text).await;
    }
}

#[actix_web::test]
async fn staff_retry_what_could_not_be_synced() {
    let app = clerk::app_with_outbox().await;
    let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    app.database.execute(
        "UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'name-refused', attempts = 20",
    );
    let Some(tab) = Tab::signed_in(&app, ADMIN).await else { return };
    tab.open("/app/staff/dead-letters").await;
    tab.assert_shows("name-refused").await;
    tab.click("Retry all").await;
    tab.assert_shows("1 will be tried again").await;
    tab.assert_lacks(&run).await;
    assert_eq!(app.database.row("SELECT count(dead_at) AS dead FROM clerk_outbox")["dead"], 0);
}
