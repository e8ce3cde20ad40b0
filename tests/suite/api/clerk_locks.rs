//! All code locks in this order: user, holder, organization, outbox row (ADR 40). So two transactions never
//! deadlock.

use std::sync::Arc;

use actix_web::rt::{spawn, task::JoinHandle};
use chrono::DateTime;
use diesel::{PgConnection, connection::SimpleConnection as _};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{ClerkOrganizationId, Lease, WriteResult},
    database::{Database, UnitOfWork},
};
use winserve_emulators::{Person, TokenRequest};
use winserve_persistence::{Db, DbOptions, clerk_outbox};
use winserve_testkit::{Phase, composition};
use winserve_testkit::{Response, TestApp, TestDatabase};

use crate::{
    binaries::wait_for_blocked_statements,
    fixtures::{self, COUNCIL, MAYOR},
};

/// User 7, who is in Clerk but not linked yet, and their organization.
struct Case {
    app: TestApp,
    organization: Uuid,
}

impl Case {
    /// A campaign for mayor.
    async fn campaign() -> Self {
        let body = json!({"positionId": MAYOR, "electionDate": "2028-11-07"});
        Self::holding(Phase::One, "/v1/campaigns", body).await
    }

    /// A mayor's office.
    async fn office() -> Self {
        let body = json!({"positionId": MAYOR, "electedDate": "2024-11-05"});
        Self::holding(Phase::Three, "/v1/elected-office", body).await
    }

    async fn holding(phase: Phase, path: &str, body: Value) -> Self {
        let app = TestApp::with_clerk_on(TestDatabase::with_clerk_outbox(phase)).await;
        fixtures::user(&app.database, 7, "candidate");
        app.clerk().add(Person::verified("user_7", "user7@example.org"));
        let held = app.user(7).post(path, body).await.json();
        let organization = held["organizationId"].as_str().unwrap().parse().unwrap();
        Self { app, organization }
    }

    /// A transaction that locks these rows until told to end.
    fn hold(&self, rows: &str) -> PgConnection {
        let mut holder = self.app.database.connect();
        holder.batch_execute(&format!("BEGIN; SELECT FROM {rows} FOR UPDATE")).unwrap();
        holder
    }

    /// A request in progress that changes the organization.
    fn changing(&self, body: Value) -> JoinHandle<Response> {
        let (client, path) = (self.app.user(7), format!("/v1/organizations/{}", self.organization));
        spawn(async move { client.send(client.request(Method::PATCH, &path).json(&body)).await })
    }

    async fn blocked(&self, statements: usize) {
        wait_for_blocked_statements(&self.app.database, statements).await;
    }
}

fn worker(database: &TestDatabase) -> Arc<dyn Database> {
    let options = DbOptions::new("winserve-test", 1);
    Arc::new(Db::connect(&database.url(), &options, composition(Phase::Two)).unwrap())
}

/// A worker has claimed it before the lock was taken.
fn lease_of(organization: Uuid) -> Lease {
    Lease {
        organization: OrganizationId(organization),
        token: Uuid::nil(),
        version: 1,
        attempts: 0,
        is_creating: true,
        creator: None,
        is_deletion: false,
        hint: None,
        source: Uuid::nil(),
    }
}

#[actix_web::test]
async fn a_change_and_a_worker_that_stores_clerks_id_do_not_deadlock() {
    for case in [Case::campaign().await, Case::office().await] {
        let mut holder = case.hold("clerk_outbox");
        let changing = case.changing(json!({"positionId": COUNCIL}));
        case.blocked(1).await;
        let (worker, lease) = (worker(&case.app.database), lease_of(case.organization));
        let storing = spawn(async move {
            let id = ClerkOrganizationId::parse("org_1").unwrap();
            let now = DateTime::UNIX_EPOCH;
            let store = move |uow: &mut dyn UnitOfWork| uow.provisioning().store(&lease, &id, now);
            worker.transaction("provisioning.store", store).await
        });
        case.blocked(2).await;
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(storing.await.unwrap().unwrap(), WriteResult::Kept);
        assert_eq!(changing.await.unwrap().status, 200);
    }
}

#[actix_web::test]
async fn a_change_and_the_first_login_of_the_owner_do_not_deadlock() {
    for case in [Case::campaign().await, Case::office().await] {
        let mut holder = case.hold("clerk_outbox");
        let changing = case.changing(json!({"positionId": COUNCIL}));
        case.blocked(1).await;
        let client = case.app.clerk_user(&TokenRequest::of("user_7"));
        let signing_in = spawn(async move { client.get("/v1/users/me").await });
        case.blocked(2).await;
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(changing.await.unwrap().status, 200);
        assert_eq!(signing_in.await.unwrap().status, 200);
    }
}

#[actix_web::test]
async fn a_change_and_the_end_of_the_owners_account_do_not_deadlock() {
    for case in [Case::campaign().await, Case::office().await] {
        let typed_in = |office: &str| json!({"customOffice": {"office": office}});
        assert_eq!(case.changing(typed_in("Clerk")).await.unwrap().status, 200);
        let mut holder = case.hold("ballot_position WHERE source = 'custom'");
        let changing = case.changing(typed_in("Dog Catcher"));
        case.blocked(1).await;
        let client = case.app.user(7);
        let deleting =
            spawn(async move { client.send(client.request(Method::DELETE, "/v1/users/7")).await });
        case.blocked(2).await;
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(changing.await.unwrap().status, 200);
        assert_eq!(deleting.await.unwrap().status, 204);
    }
}

#[test]
fn a_retry_of_all_waits_for_no_dead_letter_that_somebody_holds() {
    let database = TestDatabase::with_clerk_outbox(Phase::One);
    fixtures::user(&database, 7, "candidate");
    for id in [11, 12] {
        fixtures::campaign(&database, id, 7, &json!({}), None);
    }
    database.execute("UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'no-answer'");
    let held =
        database.row("SELECT organization_id AS id FROM campaign WHERE id = 11")["id"].clone();
    let mut holder = database.connect();
    let lock = format!(
        "BEGIN; SELECT FROM clerk_outbox WHERE organization_id = '{}' FOR UPDATE",
        held.as_str().unwrap()
    );
    holder.batch_execute(&lock).unwrap();
    let mut connection = database.connect();
    connection.batch_execute("SET lock_timeout = '5s'").unwrap();
    assert_eq!(clerk_outbox::retry_dead_letters(&mut connection, None, None), Ok(1));
    holder.batch_execute("COMMIT").unwrap();
    let dead =
        database.row("SELECT organization_id AS id FROM clerk_outbox WHERE dead_at IS NOT NULL");
    assert_eq!(dead["id"], held);
}
