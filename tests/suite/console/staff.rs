//! Pages of staff: finding people, changing anybody's organization, history, dead letters.

use serde_json::json;
use winserve_testkit::{Phase, TestApp, TestDatabase};

use super::{
    Visitor,
    world::{ADMIN, CANDIDATE, OTHER, app, campaign},
};
use crate::fixtures::{self, COUNCIL, MAYOR};

/// A sales person.
const SALES: i32 = 10;

#[actix_web::test]
async fn pages_of_staff_are_for_admins_and_sales_only() {
    let app = app().await;
    fixtures::user(&app.database, SALES, "sales");
    let organization = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    for path in [
        "/app/staff?q=ann".to_owned(),
        format!("/app/staff/users/{CANDIDATE}"),
        format!("/app/staff/organizations/{organization}"),
        format!("/app/staff/organizations/{organization}/preview?position={COUNCIL}"),
        "/app/staff/dead-letters".to_owned(),
    ] {
        for (user, status) in [(CANDIDATE, 403), (OTHER, 403), (ADMIN, 200), (SALES, 200)] {
            let shown = Visitor::user(&app, user).get(&path).await;
            assert_eq!(shown.status, status, "{path} for {user}");
        }
        assert_eq!(Visitor::signed_out(&app).get(&path).await.status, 303);
    }
    for path in
        [format!("/app/staff/organizations/{organization}"), "/app/staff/dead-letters".to_owned()]
    {
        let shown = Visitor::user(&app, CANDIDATE).submit(&path, &[("position", COUNCIL)]).await;
        assert_eq!(shown.status, 403, "{path}");
    }
}

#[actix_web::test]
async fn staff_find_people_by_a_part_of_name_or_address() {
    let app = app().await;
    app.database
        .execute(r#"UPDATE "user" SET first_name = 'Zoë', last_name = 'Quick_1' WHERE id = 8"#);
    let organization = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let staff = Visitor::user(&app, ADMIN);
    for text in ["zoë quick", "QUICK_", "user8@"] {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let shown = staff.get(&format!("/app/staff?q={text}")).await;
        shown.assert_shows(&["Users", "/app/staff/users/8", "Organizations", &organization]);
        shown.assert_lacks("/app/staff/users/7");
    }
    staff.get("/app/staff?q=k%251").await.assert_shows(&["No user here", "No organization here"]);
    staff.get("/app/staff/users/8").await.assert_shows(&["Zoë Quick_1", &organization]);
    assert_eq!(staff.get("/app/staff/users/99").await.status, 404);
}

#[actix_web::test]
async fn staff_change_another_users_district_and_see_it_in_the_history() {
    let app = app().await;
    let organization = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let staff = Visitor::user(&app, ADMIN);
    let page = format!("/app/staff/organizations/{organization}");
    let change = [("type", "City_Ward"), ("name", "CHEYENNE CITY WARD 1")];
    let refused = staff.get(&format!("{page}/preview?type=City_Ward&name=NOWHERE")).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["This district is not known"]);

    let position = format!("{page}/preview?position={COUNCIL}");
    staff.get(&position).await.assert_shows(&[
        "Position",
        "Cheyenne City Council",
        "District",
        "CHEYENNE CITY WARD 1",
    ]);
    staff.get(&page).await.assert_shows(&["Tecumseh City Mayor"]);
    let changed = staff.submit(&page, &[("position", COUNCIL)]).await;
    assert_eq!(
        (changed.status.as_u16(), changed.location()),
        (303, format!("{page}?done=1").as_str())
    );
    let changed = staff.submit(&page, &change).await;
    assert_eq!(changed.status, 303);
    staff.get(changed.location()).await.assert_shows(&[
        "Done",
        "District override",
        "CHEYENNE CITY WARD 1 (City Ward)",
        "Reset to default",
        "History",
        "Changed",
        "user9@example.org",
        "override CHEYENNE CITY WARD 1",
        "Created",
        "user7@example.org",
    ]);
    let reset = staff.submit(&page, &[("reset", "1")]).await;
    assert_eq!(reset.status, 303);
    staff.get(&page).await.assert_shows(&["District override", "None", "No district override."]);
}

#[actix_web::test]
async fn a_change_that_somebody_made_meanwhile_is_not_overwritten() {
    let app = app().await;
    let organization = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let staff = Visitor::user(&app, ADMIN);
    let page = format!("/app/staff/organizations/{organization}");
    let shown = staff.get(&format!("{page}/preview?position={COUNCIL}")).await;
    let seen = shown.html.split_once("name=\"seen\" value=\"").unwrap().1;
    let seen = seen.split_once('"').unwrap().0;
    assert_eq!(staff.submit(&page, &[("reset", "1"), ("position", COUNCIL)]).await.status, 303);
    app.database.execute("UPDATE organization SET updated_at = updated_at + interval '1 second'");
    let late = staff.submit(&page, &[("position", MAYOR), ("seen", seen)]).await;
    assert_eq!(late.status, 412);
    late.assert_shows(&["Somebody else changed this meanwhile"]);
}

#[actix_web::test]
async fn dead_letters_are_listed_with_their_reason_and_retried() {
    let app = TestApp::on(TestDatabase::with_clerk_outbox(Phase::Three)).await;
    fixtures::user(&app.database, CANDIDATE, "candidate");
    fixtures::user(&app.database, ADMIN, "admin");
    let first = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let second = campaign(&app, CANDIDATE, json!({"positionId": COUNCIL})).await;
    app.database.execute(
        "UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'name-refused', attempts = 20",
    );
    let staff = Visitor::user(&app, ADMIN);
    let page = "/app/staff/dead-letters";
    let shown = staff.get(page).await;
    for text in [&first, &second] {
        shown.assert_shows(&[text, "name-refused", "20"]);
    }
    let retried = staff.submit(page, &[("organization", &first)]).await;
    assert_eq!(retried.location(), "/app/staff/dead-letters?retried=1");
    let shown = staff.get(retried.location()).await;
    shown.assert_shows(&["1 will be tried again", &second]);
    shown.assert_lacks(&first);
    assert_eq!(staff.submit(page, &[]).await.location(), "/app/staff/dead-letters?retried=1");
    staff.get(page).await.assert_shows(&["Nothing waits here"]);
}

#[actix_web::test]
async fn without_the_outbox_there_are_no_dead_letters() {
    let app = app().await;
    Visitor::user(&app, ADMIN)
        .get("/app/staff/dead-letters")
        .await
        .assert_shows(&["Nothing waits here"]);
}
