//! Saved lists: cards and forms.

use serde_json::json;
use winserve_emulators::{Fault, PeopleCall};

use super::{
    Visitor,
    contacts::both,
    world::{CANDIDATE, OTHER, app, campaign, campaigns},
};
use crate::{api::saved_filters, fixtures::MAYOR};

/// Saves a list; returns its id.
pub(super) async fn save(visitor: &Visitor, organization: &str, fields: &[(&str, &str)]) -> String {
    let saved = visitor.submit(&format!("/app/o/{organization}/lists/new"), fields).await;
    assert_eq!(saved.status, 303, "{}", saved.html);
    let list = saved.location().split_once("list=").and_then(|(_, rest)| rest.split_once('&'));
    list.unwrap().0.to_owned()
}

#[actix_web::test]
async fn a_saved_list_is_chosen_and_counted() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let form = visitor.get(&format!("/app/o/{run}/lists/new")).await;
    form.assert_shows(&[
        "value=\"Custom list 1\"",
        "Political party",
        "Likely to vote",
        "All voters.",
    ]);
    let fields = [
        ("name", "Custom list 1"),
        ("flag", "age50Plus"),
        ("flag", "ageUnknown"),
        ("language", "es"),
    ];
    let list = save(&visitor, &run, &fields).await;
    let people = visitor.get(&format!("/app/o/{run}/contacts?list={list}&did=saved")).await;
    people.assert_shows(&[
        "The list is saved",
        "selected>Custom list 1</option>",
        "Voters with age 50+ or unknown, and language Spanish.",
        "Edit list",
    ]);
    let total = people.html.split_once("–20 of ").unwrap().1.split_once('<').unwrap().0;
    let cards = visitor.get(&format!("/app/o/{run}/lists")).await;
    cards.assert_shows(&["Custom list 1</a>", &format!("{total} voters when last counted")]);
    visitor
        .get(&format!("/app/o/{run}/lists/new"))
        .await
        .assert_shows(&["value=\"Custom list 2\""]);
}

#[actix_web::test]
async fn a_refused_form_keeps_what_was_typed_and_says_why_beside_the_field() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let new = format!("/app/o/{run}/lists/new");
    let long = "A name that is longer than thirty";
    let refused = visitor.submit(&new, &[("name", long), ("flag", "genderFemale")]).await;
    assert_eq!(refused.status, 422);
    refused.assert_shows(&[
        "href=\"#name\"",
        "id=\"name-error\">Enter a name with at most 30 characters.",
        &format!("value=\"{long}\""),
        "value=\"genderFemale\" checked",
    ]);
    let empty = visitor.submit(&new, &[("name", "Everybody")]).await;
    assert_eq!(empty.status, 422);
    empty.assert_shows(&["Choose at least one option", "value=\"Everybody\""]);
    assert!(
        saved_filters::names(
            &app.user(CANDIDATE).naming(run.as_str()).get(saved_filters::FILTERS).await
        )
        .is_empty()
    );
}

#[actix_web::test]
async fn a_choice_is_counted_without_being_saved() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let count = format!("/app/o/{run}/lists/new/count");
    let fields = [("name", ""), ("flag", "genderFemale")];
    let counted = visitor.submit(&count, &fields).await;
    assert_eq!(counted.status, 200);
    counted.assert_shows(&[
        "genderFemale\" checked",
        "Voters with gender female.",
        "id=\"count\">",
    ]);
    counted.assert_lacks("Not counted yet");
    app.people.fail_always(PeopleCall::List, Fault::Down);
    let away = visitor.submit(&count, &fields).await;
    assert_eq!(away.status, 200);
    away.assert_shows(&["genderFemale\" checked", "They could not be counted."]);
    // Nobody has to wait for the end of an outage to save a list.
    save(&visitor, &run, &[("name", "Women"), ("flag", "genderFemale")]).await;
    let cards = visitor.get(&format!("/app/o/{run}/lists")).await;
    cards.assert_shows(&["Women</a>", "No voters counted yet"]);
}

#[actix_web::test]
async fn an_office_is_offered_neither_party_nor_turnout() {
    let app = app().await;
    let [_, office] = both(&app).await;
    let form = Visitor::user(&app, CANDIDATE).get(&format!("/app/o/{office}/lists/new")).await;
    for not_offered in ["party", "audience", "vote"] {
        let main = form.html.split_once("<main").unwrap().1;
        assert!(!main.contains(not_offered), "{not_offered}: {main}");
    }
    form.assert_shows(&["Gender", "Household income", "Ethnicity", "All constituents."]);
}

#[actix_web::test]
async fn what_the_form_does_not_offer_stays_and_is_said() {
    let app = app().await;
    let [_, office] = both(&app).await;
    let client = app.user(CANDIDATE).naming(office.as_str());
    let saved = json!({
        "name": "Old", "genderMale": true, "audienceSuperVoters": true, "registeredVoterTrue": true,
        "voterStatus": ["Likely"], "languageCodes": ["en"], "incomeRanges": ["$200k+"],
    });
    let saved = saved_filters::save(&client, saved).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let edit = format!("/app/o/{office}/lists/{}/edit", saved["id"]);
    let form = visitor.get(&edit).await;
    form.assert_shows(&[
        "Also filtered by",
        "Turnout: super",
        "Registered: yes",
        "Turnout: Likely",
    ]);
    let boxes = form.html.split("type=\"checkbox\" name=\"").skip(1);
    let ticked =
        boxes.filter(|rest| rest.split_once('>').is_some_and(|(tag, _)| tag.ends_with("checked")));
    let mut fields: Vec<(&str, &str)> = ticked
        .filter_map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"")?;
            Some((name, rest.split_once('"')?.0))
        })
        .collect();
    fields.push(("name", "New"));
    assert_eq!(visitor.submit(&edit, &fields).await.status, 303);
    let after = client.get(&saved_filters::path(&saved)).await.json();
    for member in [
        "genderMale",
        "audienceSuperVoters",
        "registeredVoterTrue",
        "voterStatus",
        "languageCodes",
        "incomeRanges",
    ] {
        assert_eq!(after[member], saved[member], "{member}");
    }
    assert_eq!(after["name"], "New");
}

#[actix_web::test]
async fn a_list_is_renamed_duplicated_counted_and_deleted() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let list = save(&visitor, &run, &[("name", "Men"), ("flag", "genderMale")]).await;
    let lists = format!("/app/o/{run}/lists");
    let refused = visitor.submit(&format!("{lists}/{list}/rename"), &[("name", " ")]).await;
    assert_eq!(refused.status, 422);
    refused.assert_shows(&["id=\"name-error\">Enter a name for the list."]);
    for (what, fields, said) in [
        ("rename", [("name", "Gentlemen")].as_slice(), "The list has its new name"),
        ("duplicate", &[], "The list is duplicated"),
        ("count", &[], "The list is counted"),
    ] {
        let done = visitor.submit(&format!("{lists}/{list}/{what}"), fields).await;
        assert_eq!(done.status, 303, "{what}: {}", done.html);
        visitor.get(done.location()).await.assert_shows(&[said, "Gentlemen</a>"]);
    }
    visitor.get(&lists).await.assert_shows(&["Gentlemen</a>", "Gentlemen (copy)</a>"]);
    let delete = format!("{lists}/{list}/delete");
    visitor.get(&delete).await.assert_shows(&["Delete the list “Gentlemen”?", "cannot be undone"]);
    let done = visitor.submit(&delete, &[]).await;
    let shown = visitor.get(done.location()).await;
    shown.assert_shows(&["The list is deleted", "Gentlemen (copy)</a>"]);
    shown.assert_lacks("Gentlemen</a>");
    assert_eq!(visitor.submit(&delete, &[]).await.status, 404);
}

#[actix_web::test]
async fn a_copy_to_an_office_names_what_it_lacks() {
    let app = app().await;
    let [run, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let fields = [("name", "Ours"), ("flag", "partyDemocrat"), ("flag", "genderMale")];
    let list = save(&visitor, &run, &fields).await;
    let copy = format!("/app/o/{run}/lists/{list}/copy");
    visitor.get(&copy).await.assert_shows(&["A copy to an office lacks: Democrat.", &office]);
    let foreign = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let refused = visitor.submit(&copy, &[("to", &foreign)]).await;
    assert_eq!(refused.status, 422);
    refused.assert_shows(&["Choose one of your organizations."]);
    let done = visitor.submit(&copy, &[("to", &office)]).await;
    let lists = format!("/app/o/{office}/lists");
    visitor.get(done.location()).await.assert_shows(&[
        "The list is copied to",
        "lacks: Democrat.",
        &lists,
    ]);
    let copied = visitor.get(&lists).await;
    copied.assert_shows(&[
        "Ours</a>",
        "No constituents counted yet",
        "Constituents with gender male.",
    ]);
    copied.assert_lacks("Democrat");
}

#[actix_web::test]
async fn values_that_the_data_lacks_are_named() {
    let app = app().await;
    let [run, _] = both(&app).await;
    let client = app.user(CANDIDATE).naming(run.as_str());
    let only = json!({"name": "New", "audienceFirstTimeVoters": true});
    let only = saved_filters::save(&client, only).await;
    saved_filters::save(&client, json!({"name": "Some", "languageCodes": ["es", "xx"]})).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    visitor.get(&format!("/app/o/{run}/lists")).await.assert_shows(&[
        "New</a>",
        "nobody with “First Time” any more. The list cannot be used until you change it.",
        "Some</a>",
        "nobody with “xx” any more. The list works without them.",
    ]);
    let people = visitor.get(&format!("/app/o/{run}/contacts?list={}", only["id"])).await;
    people.assert_shows(&["This list selects nobody", "“First Time”"]);
}

#[actix_web::test]
async fn a_list_of_another_organization_does_not_exist() {
    let app = app().await;
    let [run, office] = both(&app).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let list = save(&visitor, &run, &[("name", "Men"), ("flag", "genderMale")]).await;
    for what in ["edit", "rename", "copy", "delete"] {
        let shown = visitor.get(&format!("/app/o/{office}/lists/{list}/{what}")).await;
        assert_eq!(shown.status, 404, "{what}");
    }
    for what in ["edit", "rename", "duplicate", "count", "delete"] {
        let fields = [("name", "Mine"), ("flag", "genderMale")];
        let shown = visitor.submit(&format!("/app/o/{office}/lists/{list}/{what}"), &fields).await;
        assert_eq!(shown.status, 404, "{what}");
    }
    visitor.get(&format!("/app/o/{run}/lists")).await.assert_shows(&["Men</a>"]);
}

#[actix_web::test]
async fn a_campaign_that_does_not_pay_keeps_its_lists_but_saves_none() {
    let app = app().await;
    let organization = campaigns(&app, CANDIDATE, 1).await.remove(0);
    let visitor = Visitor::user(&app, CANDIDATE);
    visitor
        .get(&format!("/app/o/{organization}/lists"))
        .await
        .assert_shows(&["need Pro.", "No lists yet"]);
    let form = visitor.get(&format!("/app/o/{organization}/lists/new")).await;
    form.assert_shows(&["need Pro."]);
    form.assert_lacks("type=\"checkbox\"");
    let fields = [("name", "Men"), ("flag", "genderMale")];
    let refused = visitor.submit(&format!("/app/o/{organization}/lists/new"), &fields).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["This needs Pro"]);
}
