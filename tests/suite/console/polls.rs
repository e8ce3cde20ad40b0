//! Polls of an office.

use serde_json::json;
use winserve_emulators::{Fault, PeopleCall};
use winserve_testkit::TestApp;

use super::{
    Visitor,
    world::{CANDIDATE, OTHER, app, campaign, office},
};
use crate::fixtures::MAYOR;

/// The mayor of Tecumseh, and the page of their polls.
async fn official() -> (TestApp, Visitor, String) {
    let app = app().await;
    let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let dates = json!({"electedDate": "2024-11-05", "swornInDate": "2025-01-06"});
    let held = office(&app, CANDIDATE, &run, dates).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    (app, visitor, format!("/app/o/{held}/polls"))
}

#[actix_web::test]
async fn the_first_poll_is_created_listed_and_shown() {
    let (app, visitor, page) = official().await;
    visitor.get(&page).await.assert_shows(&["Create your first poll"]);
    let form = format!("{page}/new");
    visitor.get(&form).await.assert_shows(&["500 constituents with a cell phone", "Your message"]);
    let created = visitor.submit(&form, &[("message", "What <matters> to you?")]).await;
    assert_eq!(created.status, 303, "{}", created.html);
    let poll = visitor.get(created.location()).await;
    poll.assert_shows(&[
        "Top Community Issues",
        "In progress",
        "What &#60;matters&#62; to you?",
        "500",
    ]);
    let list = visitor.get(&page).await;
    list.assert_shows(&["Top Community Issues", "In progress", "None yet", "500"]);
    for shown in [&poll, &list] {
        let main = shown.html.split_once("<main").unwrap().1.to_lowercase();
        for word in ["voter", "election", "candidate", "ballot"] {
            assert!(!main.contains(word), "{word} in {main}");
        }
    }
    let sworn_in = app.database.row("SELECT sworn_in_date::text AS day FROM elected_office");
    assert_eq!(sworn_in["day"], "2025-01-06", "the oath stays");
    let second = visitor.submit(&form, &[("message", "Again?")]).await;
    assert_eq!(second.status, 409);
    second.assert_shows(&["You have a poll already", "Again?"]);
}

#[actix_web::test]
async fn a_message_that_is_refused_stays_in_its_field() {
    let (app, visitor, page) = official().await;
    let form = format!("{page}/new");
    let empty = visitor.submit(&form, &[("message", "  ")]).await;
    assert_eq!(empty.status, 400);
    empty.assert_shows(&["Enter what you want to ask"]);
    let long = "x".repeat(1_701);
    let refused = visitor.submit(&form, &[("message", &long)]).await;
    refused.assert_shows(&["Shorten your message", &long]);
    app.people.fail_always(PeopleCall::Statistics, Fault::Down);
    let away = visitor.submit(&form, &[("message", "What matters?")]).await;
    assert!(away.status.is_server_error());
    away.assert_shows(&["Try again in a minute", "What matters?"]);
    assert!(app.database.rows("SELECT FROM poll").is_empty());
}

#[actix_web::test]
async fn a_campaign_has_no_polls_and_polls_of_others_do_not_exist() {
    let (app, visitor, page) = official().await;
    let created = visitor.submit(&format!("{page}/new"), &[("message", "What matters?")]).await;
    let poll = created.location().rsplit('/').next().unwrap().to_owned();
    let run = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let other = Visitor::user(&app, OTHER);
    assert_eq!(other.get(&format!("/app/o/{run}/polls")).await.status, 404);
    let held = office(&app, OTHER, &run, json!({"electedDate": "2024-11-05"})).await;
    assert_eq!(other.get(&format!("/app/o/{held}/polls/{poll}")).await.status, 404);
    assert_eq!(other.get(created.location()).await.status, 404);
}
