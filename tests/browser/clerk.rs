//! A console whose visitors sign in with Clerk's cookie, as browsers do.

use winserve_domain::base::Clock as _;
use winserve_emulators::{Person, SignInPerson};
use winserve_testkit::{ORIGIN, Phase, TestApp, TestClock, TestDatabase};

use crate::world::{self, ADMIN, CANDIDATE, OTHER};

/// A server with three users, two of whom the sign-in page offers.
pub(crate) async fn app() -> TestApp {
    on(TestDatabase::in_phase(Phase::Three)).await
}

/// [`app`], with the outbox of what Clerk does not know yet.
pub(crate) async fn app_with_outbox() -> TestApp {
    on(TestDatabase::with_clerk_outbox(Phase::Three)).await
}

async fn on(database: TestDatabase) -> TestApp {
    let app = TestApp::with_clerk_on(database).await;
    app.election.set_clock(TestClock.now().timestamp());
    world::users(&app);
    for id in [CANDIDATE, OTHER, ADMIN] {
        let clerk_id = clerk_id(id);
        app.clerk().add(Person::verified(&clerk_id, &format!("user{id}@example.org")));
        let link = format!(r#"UPDATE "user" SET clerk_id = '{clerk_id}' WHERE id = {id}"#);
        app.database.execute(&link);
    }
    let offered = [(CANDIDATE, "Ann Candidate"), (ADMIN, "Ada Admin")];
    let offered = offered.map(|(id, name)| SignInPerson {
        user_id: clerk_id(id),
        name: name.to_owned(),
        what: "Somebody".to_owned(),
        is_staff: id == ADMIN,
    });
    app.clerk().offer_sign_in(offered.into(), ORIGIN);
    app
}

/// Clerk's id of a user.
pub(crate) fn clerk_id(user: i32) -> String {
    format!("user_{user}")
}
