//! What every page has: headers, session, protection of forms, switcher.

use serde_json::json;
use winserve_testkit::{SIGN_IN_URL, SIGN_OUT_URL};

use super::{
    Visitor,
    world::{ADMIN, CANDIDATE, OTHER, app, campaign, campaigns, office},
};
use crate::fixtures::MAYOR;

#[actix_web::test]
async fn a_signed_out_visitor_signs_in_and_comes_back() {
    let app = app().await;
    let shown = Visitor::signed_out(&app).get("/app/o/x/profile?page=2").await;
    assert_eq!(shown.status, 303);
    let back = format!("{}/app/o/x/profile?page=2", app.base());
    let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    assert_eq!(shown.location(), format!("{SIGN_IN_URL}?redirect_url={back}"));
}

#[actix_web::test]
async fn the_way_back_never_leads_elsewhere() {
    let app = app().await;
    for path in [
        "/app?redirect_url=https://evil.example",
        "/app/o/@evil.example",
        "/app/o/evil.example%2f..?x=//evil.example",
    ] {
        let shown = Visitor::signed_out(&app).get(path).await;
        let query = shown.location().split_once('?').map(|(_, query)| query).unwrap_or_default();
        let (name, back) = url::form_urlencoded::parse(query.as_bytes()).next().unwrap();
        assert_eq!(name, "redirect_url");
        assert!(back.starts_with(&format!("{}/app", app.base())), "{back}");
    }
}

#[actix_web::test]
async fn pages_are_for_one_visitor_and_load_nothing_from_elsewhere() {
    let app = app().await;
    let organization = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    for path in [format!("/app/o/{organization}"), format!("/app/o/{organization}/profile")] {
        let shown = visitor.get(&path).await;
        assert_eq!(shown.status, 200);
        assert_eq!(shown.header("cache-control"), "private, no-store");
        let policy = shown.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(shown.header("x-frame-options"), "DENY");
        for inline in ["<style", " style=", " onclick", "javascript:"] {
            shown.assert_lacks(inline);
        }
        let assets = shown.html.split('"').filter(|part| part.starts_with("/app/assets/"));
        let mut bytes = shown.html.len();
        for asset in assets {
            let asset = visitor.get(asset).await;
            assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
            bytes += asset.html.len();
        }
        assert!(bytes <= 100_000, "{bytes} bytes");
    }
}

#[actix_web::test]
async fn a_visitor_with_one_organization_goes_there_and_with_several_chooses() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    visitor.get("/app").await.assert_shows(&["Welcome", "Find your office"]);
    let only = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let shown = visitor.get("/app").await;
    assert_eq!((shown.status.as_u16(), shown.location()), (303, format!("/app/o/{only}").as_str()));
    campaigns(&app, CANDIDATE, 1).await;
    visitor.get("/app").await.assert_shows(&["Your organizations", &only, "Office 1"]);
}

#[actix_web::test]
async fn an_unknown_or_foreign_organization_is_named_and_never_replaced() {
    let app = app().await;
    let own = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let foreign = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    for named in [foreign.as_str(), "0193f6a4-0000-7000-8000-00000000000a", "17"] {
        let shown = visitor.get(&format!("/app/o/{named}")).await;
        assert_eq!(shown.status, 404);
        shown.assert_shows(&["You have no organization", named, &own]);
    }
}

#[actix_web::test]
async fn an_office_that_is_not_held_any_more_has_no_pages() {
    let app = app().await;
    let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2025-11-04"})).await;
    app.database.execute("UPDATE elected_office SET is_active = false");
    let shown = Visitor::user(&app, CANDIDATE).get(&format!("/app/o/{office}")).await;
    assert_eq!(shown.status, 404);
    shown.assert_shows(&["This office is not held any more", &run]);
}

#[actix_web::test]
async fn the_switcher_has_a_fixed_order_and_tells_everything_apart() {
    let app = app().await;
    let past = json!({"positionId": MAYOR, "electionDate": "2020-11-03"});
    let past = campaign(&app, CANDIDATE, past).await;
    let current = json!({"positionId": MAYOR, "electionDate": "2028-11-07"});
    let current = campaign(&app, CANDIDATE, current).await;
    let dates = json!({"electedDate": "2020-11-03", "termStartDate": "2025-01-01", "termEndDate": "2029-01-01"});
    let held = office(&app, CANDIDATE, &past, dates).await;
    let shown = Visitor::user(&app, CANDIDATE).get(&format!("/app/o/{current}/profile")).await;
    shown.assert_shows(&[
        &format!("/app/o/{held}/profile"),
        "2025–2029",
        &format!("/app/o/{current}/profile"),
        "aria-current=\"page\"",
        "Current",
        "7 Nov 2028",
        &format!("/app/o/{past}/profile"),
        "Past",
        &format!("/app/new-campaign?from={held}"),
        "Run for re-election",
        "Run for a new office",
    ]);
    shown.assert_lacks("switcher-heading");
    shown.assert_lacks("data-switcher-search");
}

#[actix_web::test]
async fn organizations_are_grouped_from_four_on_and_searched_from_eight_on() {
    let app = app().await;
    let ids = campaigns(&app, CANDIDATE, 4).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let page = format!("/app/o/{}", ids[0]);
    let shown = visitor.get(&page).await;
    shown.assert_shows(&["Campaigns</p>"]);
    shown.assert_lacks("data-switcher-search");
    campaigns(&app, CANDIDATE, 4).await;
    visitor.get(&page).await.assert_shows(&["data-switcher-search", "Campaigns</p>"]);
}

/// Beside `<main>` there is only the switcher, whose last entries start a campaign from an office too.
#[actix_web::test]
async fn the_pages_of_an_office_have_no_words_of_a_campaign() {
    let app = app().await;
    let run =
        campaign(&app, CANDIDATE, json!({"customOffice": {"office": "Clerk", "state": "MI"}}))
            .await;
    campaigns(&app, CANDIDATE, 1).await;
    let office = office(&app, CANDIDATE, &run, json!({"electedDate": "2025-11-04"})).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    for page in ["", "/profile"] {
        let shown = visitor.get(&format!("/app/o/{office}{page}")).await;
        shown.assert_shows(&["Constituent Data", "Constituent Lists", "Polls", "<main"]);
        let main = shown.html.split_once("<main").unwrap().1.to_lowercase();
        for word in ["voter", "election", "candidate", "ballot"] {
            assert!(!main.contains(word), "{word} in {main}");
        }
    }
}

#[actix_web::test]
async fn the_home_of_a_campaign_says_what_is_next() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let next = async |id: &str| visitor.get(&format!("/app/o/{id}")).await;

    let unnamed = campaign(&app, CANDIDATE, json!({})).await;
    next(&unnamed).await.assert_shows(&["No office yet", &format!("/app/o/{unnamed}/office\"")]);

    let custom = json!({"customOffice": {"office": "Clerk", "state": "MI"}});
    let custom = campaign(&app, CANDIDATE, custom).await;
    next(&custom).await.assert_shows(&["No district yet", &format!("/app/o/{custom}/office\"")]);

    let active = json!({"positionId": MAYOR, "electionDate": "2028-11-07"});
    let active = campaign(&app, CANDIDATE, active).await;
    let contacts = format!("/app/o/{active}/contacts\"");
    next(&active).await.assert_shows(&[
        "still being set up",
        "This campaign is free",
        "Who are your voters?",
        &contacts,
    ]);
    app.database.execute("UPDATE campaign SET is_pro = true");
    let lists = format!("/app/o/{active}/lists\"");
    let shown = next(&active).await;
    shown.assert_shows(&["Which voters do you want to reach first?", &lists, "None saved yet"]);
    shown.assert_lacks("This campaign is free");

    let past = json!({"positionId": MAYOR, "electionDate": "2020-11-03"});
    let past = campaign(&app, CANDIDATE, past).await;
    let result = format!("/app/o/{past}/result\"");
    next(&past).await.assert_shows(&["How did the election end?", &result]);
}

#[actix_web::test]
async fn the_home_of_an_office_says_what_is_next() {
    let app = app().await;
    let run = json!({"positionId": MAYOR, "electionDate": "2020-11-03"});
    let run = campaign(&app, CANDIDATE, run).await;
    let dates = json!({"electedDate": "2020-11-03", "termStartDate": "2025-01-01"});
    let office = office(&app, CANDIDATE, &run, dates).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let page = format!("/app/o/{office}");
    let lists = format!("{page}/lists\"");
    visitor.get(&page).await.assert_shows(&[
        "Which constituents do you want to reach first?",
        &lists,
        "Create list",
    ]);
    app.database.execute("UPDATE elected_office SET term_end_date = '2026-01-01'");
    let again = format!("/app/new-campaign?from={office}\"");
    visitor.get(&page).await.assert_shows(&["Your term is over", &again, "Start a campaign"]);
}

#[actix_web::test]
async fn a_visitor_can_sign_out_and_come_back() {
    let app = app().await;
    let organization = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let back = format!("{}/app", app.base());
    let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let shown = Visitor::user(&app, CANDIDATE).get(&format!("/app/o/{organization}")).await;
    let profile = format!("/app/o/{organization}/profile\">Profile");
    let sign_out = format!("{SIGN_OUT_URL}?redirect_url={back}\">Sign out");
    shown.assert_shows(&["Manage account", &profile, "All organizations", &sign_out]);
    shown.assert_lacks("/app/staff");
}

#[actix_web::test]
async fn pages_of_another_origin_cannot_read_the_console() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let allowed = async |path: &str| {
        let request = client.get(format!("{}{path}", app.base()));
        let shown = visitor.send(request.header("origin", "https://app.example.org")).await;
        shown.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("/v1/organizations").await, "https://app.example.org");
    assert_eq!(allowed("/app").await, "");
}

#[actix_web::test]
async fn pages_that_do_not_exist_say_so() {
    let app = app().await;
    let shown = Visitor::user(&app, ADMIN).get("/app/nothing").await;
    assert_eq!(shown.status, 404);
    shown.assert_shows(&["This does not exist", "Go to your organizations"]);
}
