//! Office and district: the search, the preview, the change.

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault, PeopleCall};
use winserve_testkit::{Phase, TestApp};

use super::{
    Shown, Visitor,
    world::{CANDIDATE, OTHER, app, app_in, campaign, office},
};
use crate::fixtures::{COUNCIL, MAYOR};

/// The seconds of the stopped clock of servers, for election-api.
const NOW: i64 = 1_772_022_896;

/// A server, a candidate for mayor in Tecumseh, and the address of their office page.
async fn candidate() -> (TestApp, Visitor, String) {
    let app = app().await;
    app.election.set_clock(NOW);
    let run = json!({"positionId": MAYOR, "electionDate": "2028-11-07", "raceId": "race"});
    let run = campaign(&app, CANDIDATE, run).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    (app, visitor, format!("/app/o/{run}/office"))
}

/// The mayor of Tecumseh.
async fn official() -> (TestApp, Visitor, String) {
    let (app, visitor, page) = candidate().await;
    let run = page.split('/').nth(3).unwrap();
    let held = office(&app, CANDIDATE, run, json!({"electedDate": "2024-11-05"})).await;
    (app, visitor, format!("/app/o/{held}/office"))
}

fn item(app: &TestApp) -> Value {
    app.database.row("SELECT position_id, l2_district_name AS district, details FROM campaign")
}

fn assert_no_words_of_a_campaign(shown: &Shown) {
    let main = shown.html.split_once("<main").unwrap().1.to_lowercase();
    for word in ["voter", "election", "candidate", "ballot"] {
        assert!(!main.contains(word), "{word} in {main}");
    }
}

#[actix_web::test]
async fn a_candidate_finds_offices_by_zip_code_under_the_year_of_their_election() {
    let (_app, visitor, page) = candidate().await;
    let shown = visitor.get(&page).await;
    shown.assert_shows(&[
        "Tecumseh City Mayor",
        "TECUMSEH CITY (City)",
        "value=\"49286\"",
        "Enter your ZIP code",
    ]);
    let shown = visitor.get(&format!("{page}?zip=49286&name=tecumseh")).await;
    shown.assert_shows(&[
        "value=\"tecumseh\"",
        "offices found",
        "2028</h2>",
        "Tecumseh City Council",
    ]);
    shown.assert_shows(&["Election date: 7 Nov 2028"]);
    let preview = format!("{page}/preview?position=");
    shown.assert_shows(&[preview.as_str(), "date=2028-11-07"]);
}

#[actix_web::test]
async fn a_search_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed() {
    let (app, visitor, page) = candidate().await;
    let shown = visitor.get(&format!("{page}?zip=4928&name=mayor")).await;
    shown.assert_shows(&[
        "A ZIP code has five digits",
        "value=\"4928\"",
        "aria-invalid",
        "value=\"mayor\"",
    ]);
    let shown = visitor.get(&format!("{page}?name=ma")).await;
    shown.assert_shows(&["at least three letters"]);
    assert_eq!(app.election.count(Call::PositionsSearch), 0);
}

#[actix_web::test]
async fn a_search_without_offices_or_without_an_answer_says_what_to_do() {
    let (app, visitor, page) = candidate().await;
    let shown = visitor.get(&format!("{page}?zip=10001")).await;
    shown.assert_shows(&["0 offices found", "Try another ZIP code", "I don't see my office"]);
    app.election.fail_always(Call::PositionsSearch, Fault::Down);
    let shown = visitor.get(&format!("{page}?zip=49286")).await;
    assert_eq!(shown.status, 200, "only the search is missing");
    shown.assert_shows(&["Tecumseh City Mayor", "Try again in a minute"]);
}

#[actix_web::test]
async fn an_official_finds_each_office_once_and_reads_no_words_of_a_campaign() {
    let (_app, visitor, page) = official().await;
    let shown = visitor.get(&format!("{page}?zip=49286&name=tecumseh%20city%20m")).await;
    shown.assert_shows(&["1 office found", "Tecumseh City Mayor"]);
    assert_no_words_of_a_campaign(&shown);
    let preview = visitor.get(&format!("{page}/preview?position={COUNCIL}")).await;
    preview.assert_shows(&["Cheyenne City Council", "constituents"]);
    assert_no_words_of_a_campaign(&preview);
    for path in ["/custom", "/district"] {
        assert_no_words_of_a_campaign(&visitor.get(&format!("{page}{path}")).await);
    }
}

#[actix_web::test]
async fn another_office_is_previewed_then_changed_with_the_day_of_its_election() {
    let (app, visitor, page) = candidate().await;
    let before = item(&app);
    let chosen = format!("position={COUNCIL}&date=2026-11-03");
    let preview = visitor.get(&format!("{page}/preview?{chosen}")).await;
    assert_eq!(preview.status, 200);
    preview.assert_shows(&[
        "Nothing is changed yet",
        "(now Tecumseh City Mayor)",
        "CHEYENNE CITY WARD 1 (City Ward)",
        "(now TECUMSEH CITY (City))",
        " voters</dd>",
        "name=\"seen\"",
        "Make this change",
    ]);
    assert_eq!(item(&app), before);
    let fields = [("position", COUNCIL), ("date", "2026-11-03")];
    let changed = visitor.submit(&page, &fields).await;
    assert_eq!(
        (changed.status.as_u16(), changed.location()),
        (303, format!("{page}?done=office").as_str())
    );
    let after = item(&app);
    assert_eq!(after["position_id"], COUNCIL);
    assert_eq!(after["details"]["electionDate"], "2026-11-03");
    assert_eq!(after["details"].get("raceId"), None, "the race of the former office");
    visitor
        .get(changed.location())
        .await
        .assert_shows(&["Your office is changed", "Cheyenne City Council"]);
}

#[actix_web::test]
async fn the_office_is_changed_before_phase_3_too() {
    for phase in [Phase::One, Phase::Two] {
        let app = app_in(phase).await;
        let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
        let (visitor, page) = (Visitor::user(&app, CANDIDATE), format!("/app/o/{run}/office"));
        let preview = visitor.get(&format!("{page}/preview?position={COUNCIL}")).await;
        preview.assert_shows(&["CHEYENNE CITY WARD 1", "(now TECUMSEH CITY", "Make this change"]);
        let fields = [("position", COUNCIL), ("date", "2026-11-03")];
        assert_eq!(visitor.submit(&page, &fields).await.status, 303);
        let after = item(&app);
        assert_eq!(
            (&after["position_id"], &after["details"]["electionDate"]),
            (&json!(COUNCIL), &json!("2026-11-03"))
        );
    }
}

#[actix_web::test]
async fn a_preview_names_the_lists_and_says_when_nobody_could_count() {
    let (app, visitor, page) = candidate().await;
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    let run = page.split('/').nth(3).unwrap();
    let client = app.user(CANDIDATE).naming(run);
    client
        .post("/v1/voters/voter-file/filter", json!({"name": "Women", "genderFemale": true}))
        .await;
    app.people.fail_always(PeopleCall::List, Fault::Down);
    let preview = visitor.get(&format!("{page}/preview?position={COUNCIL}")).await;
    preview.assert_shows(&["Not known now", "select voters of the new district", "Women"]);
}

#[actix_web::test]
async fn what_changed_after_the_preview_is_not_overwritten() {
    let (_app, visitor, page) = candidate().await;
    let fields = [("position", COUNCIL), ("seen", "1")];
    let refused = visitor.submit(&page, &fields).await;
    assert_eq!(refused.status, 412);
    refused.assert_shows(&["Somebody else changed this", "Choose again"]);
}

#[actix_web::test]
async fn an_office_that_is_not_found_is_described() {
    let (app, visitor, page) = candidate().await;
    let refused = visitor.get(&format!("{page}/preview?office=&state=MI&city=Adrian")).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["Enter the name of the office", "value=\"Adrian\""]);
    let described = "office=Dog+Catcher&state=MI&city=Adrian&district=&date=2026-11-03";
    let preview = visitor.get(&format!("{page}/preview?{described}")).await;
    preview.assert_shows(&[
        "Dog Catcher",
        "None (now TECUMSEH CITY",
        "without a district there are no voters",
    ]);
    let fields = [("office", "Dog Catcher"), ("state", "MI"), ("city", "Adrian")];
    assert_eq!(visitor.submit(&page, &fields).await.status, 303);
    let custom = "SELECT office, city FROM ballot_position WHERE source = 'custom'";
    assert_eq!(app.database.row(custom), json!({"office": "Dog Catcher", "city": "Adrian"}));
    assert_eq!(visitor.submit(&page, &[("office", "Clerk"), ("state", "XX")]).await.status, 400);
}

#[actix_web::test]
async fn a_district_is_chosen_by_type_and_name_and_reset() {
    let (app, visitor, page) = candidate().await;
    let types = visitor.get(&format!("{page}/district")).await;
    types.assert_shows(&["Now: TECUMSEH CITY (City)", "District Type", ">County</option>"]);
    types.assert_lacks(">State</option>");
    let names = visitor.get(&format!("{page}/district?type=County")).await;
    names.assert_shows(&["District Type: County", "value=\"LENAWEE\""]);
    let preview = visitor.get(&format!("{page}/preview?type=County&name=LENAWEE")).await;
    preview.assert_shows(&["Stays Tecumseh City Mayor", "LENAWEE (County)"]);
    let fields = [("type", "County"), ("name", "LENAWEE")];
    assert_eq!(visitor.submit(&page, &fields).await.location(), format!("{page}?done=district"));
    assert_eq!(item(&app)["district"], "LENAWEE");
    let own = visitor.get(&format!("{page}/district")).await;
    own.assert_shows(&[
        "Reset to default",
        "Brings back the district of your office: TECUMSEH CITY (City)",
    ]);
    let other = visitor.get(&format!("{page}/preview?position={COUNCIL}")).await;
    other.assert_shows(&["LENAWEE (County), is not kept"]);
    assert_eq!(visitor.submit(&page, &[("reset", "1")]).await.status, 303);
    assert_eq!(item(&app)["district"], Value::Null);
}

#[actix_web::test]
async fn a_district_that_is_not_allowed_or_not_known_is_refused() {
    let (_app, visitor, page) = candidate().await;
    for (fields, status, sentence) in [
        ([("type", "State"), ("name", "MI")], 403, "You may not do this"),
        ([("type", "County"), ("name", "NOWHERE")], 400, "This district is not known"),
    ] {
        let refused = visitor.submit(&page, &fields).await;
        assert_eq!(refused.status, status);
        refused.assert_shows(&[sentence, "Choose again"]);
    }
}

#[actix_web::test]
async fn districts_without_an_answer_or_without_a_state_are_no_dead_end() {
    let (app, visitor, page) = candidate().await;
    app.election.fail_always(Call::DistrictsTypes, Fault::Down);
    let shown = visitor.get(&format!("{page}/district")).await;
    assert_eq!(shown.status, 200);
    shown.assert_shows(&["Try again in a minute"]);
    let run = campaign(&app, OTHER, json!({"customOffice": {"office": "Clerk"}})).await;
    let shown = Visitor::user(&app, OTHER).get(&format!("/app/o/{run}/office/district")).await;
    shown.assert_shows(&["Your office has no state yet", "Find your office"]);
}
