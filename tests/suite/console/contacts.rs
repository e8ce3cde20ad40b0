//! People, persons, figures and files.

use serde_json::json;
use winserve_emulators::{Fault, Parties, PeopleCall};
use winserve_testkit::TestApp;

use super::{
    Shown, Visitor, lists,
    world::{CANDIDATE, app, campaign, campaigns, office},
};
use crate::{api::contacts::rows, fixtures::MAYOR};

/// The voters of the mayor's city.
const VOTERS: &str = "1,250";

/// A paid campaign for a mayor and the office won with it.
pub(super) async fn both(app: &TestApp) -> [String; 2] {
    let run = campaign(app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let office = office(app, CANDIDATE, &run, json!({"electedDate": "2025-11-04"})).await;
    app.database.execute("UPDATE campaign SET is_pro = true");
    [run, office]
}

fn contacts(organization: &str) -> String {
    format!("/app/o/{organization}/contacts")
}

/// The addresses of the people on a page.
fn people(shown: &Shown, organization: &str) -> Vec<String> {
    let start = format!("href=\"{}/", contacts(organization));
    let rows = shown.html.split_once("<tbody>").unwrap().1;
    let links = rows.split(&start).skip(1).filter_map(|rest| rest.split_once('"'));
    links.map(|(id, _)| format!("{}/{id}", contacts(organization))).collect()
}

#[actix_web::test]
async fn people_are_listed_page_by_page_with_their_number() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let first = visitor.get(&contacts(&run)).await;
    first.assert_shows(&[
        "Voter Data</h1>",
        "Current list",
        "All voters</option>",
        "All voters.",
        "Download 1,250 rows (CSV)",
        "<th scope=\"col\">Name</th>",
        "1–20 of 1,250",
    ]);
    assert_eq!(people(&first, &run).len(), 20);
    let last = visitor.get(&format!("{}?list=all&size=100&page=13", contacts(&run))).await;
    last.assert_shows(&["<option value=\"100\" selected", "1,201–1,250 of 1,250", "size=100"]);
    assert_eq!(people(&last, &run).len(), 50);
    let longest = visitor.get(&format!("{}?size=100", contacts(&run))).await;
    assert!(longest.html.len() <= 80_000, "{} bytes", longest.html.len());
    let texting = visitor.get(&format!("{}?list=texting", contacts(&run))).await;
    texting.assert_shows(&["<option value=\"texting\" selected", "Voters with a cell phone."]);
    let old = visitor.get(&format!("{}?size=7&page=x", contacts(&run))).await;
    assert_eq!(people(&old, &run), people(&first, &run));
}

#[actix_web::test]
async fn a_search_says_its_rules_and_finds_names_in_any_capitalization() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let found = visitor.get(&format!("{}?search=yOUNG", contacts(&run))).await;
    found.assert_shows(&["Names must be complete.", "value=\"yOUNG\"", "Young</a>"]);
    found.assert_lacks("(CSV)");
    let nobody = visitor.get(&format!("{}?search=%3Cnobody%3E", contacts(&run))).await;
    nobody.assert_shows(&["value=\"&#60;nobody&#62;\"", "Nobody found", "names must be complete"]);
}

#[actix_web::test]
async fn a_campaign_that_does_not_pay_learns_what_needs_pro() {
    let app = app().await;
    let [run, _] = both(&app).await;
    app.database.execute("UPDATE campaign SET is_pro = false");
    let visitor = Visitor::user(&app, CANDIDATE);
    let shown = visitor.get(&format!("{}?search=Young", contacts(&run))).await;
    shown.assert_shows(&[
        "Search <span class=\"badge\">Pro",
        "id=\"pro\"",
        "need Pro.",
        "Create list <span class=\"badge\">Pro",
        VOTERS,
    ]);
    shown.assert_lacks("name=\"search\"");
    let refused = visitor.get(&format!("{}/download?list=all", contacts(&run))).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["This needs Pro"]);
}

#[actix_web::test]
async fn an_outage_costs_its_part_of_a_page() {
    let app = app().await;
    let [_, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let person = people(&visitor.get(&contacts(&office)).await, &office).remove(0);
    let calls =
        [PeopleCall::List, PeopleCall::Statistics, PeopleCall::Person, PeopleCall::Download];
    for call in calls {
        app.people.fail_always(call, Fault::Status { status: 500, message: "SELECT".to_owned() });
    }
    let figures = format!("{}/statistics", contacts(&office));
    for (address, rest) in
        [(&contacts(&office), "Current list"), (&figures, "District figures"), (&person, "Person")]
    {
        let shown = visitor.get(address).await;
        assert_eq!(shown.status, 200);
        shown.assert_shows(&[rest, "This data is not available now"]);
        shown.assert_lacks("SELECT");
    }
    let file = visitor.get(&format!("{}/download", contacts(&office))).await;
    assert_eq!(file.status, 502);
    file.assert_shows(&["This data is not available now"]);
}

#[actix_web::test]
async fn who_has_no_district_finds_their_office_first() {
    let app = app().await;
    let organization = campaigns(&app, CANDIDATE, 1).await.remove(0);
    let visitor = Visitor::user(&app, CANDIDATE);
    for page in ["", "/statistics"] {
        let shown = visitor.get(&format!("{}{page}", contacts(&organization))).await;
        assert_eq!(shown.status, 200);
        let office = format!("/app/o/{organization}/office\">Find your office");
        shown.assert_shows(&["No district yet", &office]);
    }
}

#[actix_web::test]
async fn a_list_that_does_not_exist_is_not_replaced_by_everybody() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    for list in ["99", "nothing"] {
        let shown = visitor.get(&format!("{}?list={list}", contacts(&run))).await;
        shown.assert_shows(&["This list does not exist", "Show all voters"]);
        shown.assert_lacks("<tbody>");
        shown.assert_lacks("All voters.");
    }
}

#[actix_web::test]
async fn figures_of_the_district_are_five_charts_with_their_tables() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let page = format!("{}/statistics", contacts(&run));
    let shown = Visitor::user(&app, CANDIDATE).get(&page).await;
    shown.assert_shows(&[
        "not of a list",
        VOTERS,
        "Age</figcaption>",
        "18-25",
        "51+",
        "Homeowner</figcaption>",
        "Children under 18</figcaption>",
        "Level of education</figcaption>",
        "Household income</figcaption>",
    ]);
    assert_eq!(shown.html.matches("role=\"img\"").count(), 5);
    assert_eq!(shown.html.matches("<table>").count(), 5);
}

#[actix_web::test]
async fn a_person_is_linked_and_only_a_candidate_sees_the_party() {
    let app = app().await;
    let [run, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let person = people(&visitor.get(&contacts(&run)).await, &run).remove(0);
    let shown = visitor.get(&person).await;
    shown.assert_shows(&[
        "Contact information",
        "Registered voter",
        "Political party",
        "Homeowner",
    ]);
    let shown = visitor.get(&person.replace(&run, &office)).await;
    shown.assert_shows(&["Contact information", "Registered</dt>", "Homeowner"]);
    shown.assert_lacks("arty");
    for nobody in ["0193f6a4-0000-7000-8000-00000000000a", "7"] {
        let shown = visitor.get(&format!("{}/{nobody}", contacts(&run))).await;
        assert_eq!(shown.status, 404);
    }
}

#[actix_web::test]
async fn a_file_has_as_many_rows_as_its_button_says() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let file = visitor.get(&format!("{}/download?list=all", contacts(&run))).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").contains("contacts.csv"));
    assert_eq!(rows(file.html.as_bytes()).len(), 1 + 1_250);
}

/// The page, without the token of its forms.
fn without_token(shown: &Shown) -> String {
    let mut parts = shown.html.split("name=\"form_token\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| page + part.split_once('"').unwrap().1)
}

#[actix_web::test]
async fn an_office_sees_the_same_whatever_parties_its_constituents_have() {
    let app = app().await;
    let [run, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let list = [("name", "Women"), ("flag", "genderFemale"), ("flag", "partyDemocrat")];
    let list = lists::save(&visitor, &office, &list).await;
    let (edit, copy) = (format!("/lists/{list}/edit"), format!("/lists/{list}/copy"));
    let person = people(&visitor.get(&contacts(&office)).await, &office).remove(3);
    let person = person.trim_start_matches(&format!("/app/o/{office}")).to_owned();
    let pages = [
        "/contacts?list=texting&size=100",
        "/contacts?search=Young",
        "/contacts/statistics",
        "/contacts/download?list=all",
        &person,
        "/lists",
        "/lists/new",
        &edit,
        &copy,
        "",
        "/profile",
    ];
    app.people.set_future(true);
    let worlds = [Parties::A, Parties::B, Parties::Canary, Parties::None];
    let (mut seen, mut candidates) = (Vec::new(), Vec::new());
    for world in worlds {
        app.people.set_parties(world);
        let mut all = String::new();
        for page in pages {
            let shown = visitor.get(&format!("/app/o/{office}{page}")).await;
            assert_eq!(shown.status, 200, "{page}");
            all += &without_token(&shown);
        }
        seen.push(all);
        candidates.push(without_token(&visitor.get(&format!("/app/o/{run}{person}")).await));
    }
    assert!(seen.iter().all(|world| *world == seen[0]), "an office's pages differ");
    for trace in ["CANARY", "party", "Party", "Democrat", "Republican"] {
        assert!(!seen[0].contains(trace), "{trace} is on an office's page");
    }
    assert!(candidates.iter().any(|world| *world != candidates[0]), "nothing could be seen");
}

#[actix_web::test]
async fn an_office_reads_no_words_of_a_campaign_in_any_state() {
    let app = app().await;
    let [_, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let pages = ["/contacts", "/contacts?list=99", "/contacts/statistics", "/lists", "/lists/new"];
    let assert_clean = async |state: &str| {
        for page in pages {
            let shown = visitor.get(&format!("/app/o/{office}{page}")).await;
            let main = shown.html.split_once("<main").unwrap().1.to_lowercase();
            for word in ["voter", "election", "candidate", "ballot"] {
                assert!(!main.contains(word), "{word} on {page}, {state}: {main}");
            }
        }
    };
    assert_clean("as usual").await;
    for fault in [Fault::Down, Fault::Status { status: 404, message: "x".to_owned() }] {
        app.people.fail_always(PeopleCall::List, fault.clone());
        app.people.fail_always(PeopleCall::Statistics, fault);
        assert_clean("without people-api").await;
    }
}
