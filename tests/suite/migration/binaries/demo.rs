//! `demo`: what `make run` starts, from the old service's data to phase 3.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use reqwest::{Client, Response, header::LOCATION, redirect::Policy};
use serde_json::Value;
use winserve_testkit::TestDatabase;

use crate::{
    api::binaries::demo::reachable_folder,
    binaries::{Running, binary, free_port, output},
    fixtures,
};

/// A running `demo`.
struct Demo {
    process: Running,
    base: String,
    /// What it has printed until it was ready.
    lines: Vec<String>,
}

fn in_folder(folder: &Path) -> Command {
    let mut demo = binary("demo");
    demo.env("WINSERVE__DATABASE__DATA_DIR", folder.join("postgres"));
    demo
}

fn on(database: &TestDatabase) -> Command {
    let mut demo = binary("demo");
    demo.env("WINSERVE__DATABASE__URL", database.url());
    demo
}

impl Demo {
    /// Starts it, and waits for a line that begins like this.
    fn until(command: &mut Command, last: &str) -> Self {
        let bind = format!("127.0.0.1:{}", free_port());
        let command = command.env("WINSERVE__SERVER__BIND", &bind);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().map(Running).unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap) {
            lines.push(line);
            if lines.last().is_some_and(|line| line.starts_with(last)) {
                break;
            }
        }
        assert!(lines.last().is_some_and(|line| line.starts_with(last)), "{lines:#?}");
        Self { process, base: format!("http://{bind}"), lines }
    }

    fn start(command: &mut Command) -> Self {
        Self::until(command, "Ctrl-C stops everything.")
    }

    /// The steps of the migration that it ran.
    fn steps(&self) -> Vec<&str> {
        let steps = self.lines.iter().filter_map(|line| line.strip_prefix("  backfill "));
        steps.map(|step| step.split("  ").next().unwrap()).collect()
    }

    fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|known| known == line)
    }

    /// What the three curl lines answer as pasted.
    fn pasted(&self) -> [Value; 3] {
        let curls: Vec<_> = self.lines.iter().filter(|line| line.starts_with("curl ")).collect();
        let answers = curls.into_iter().map(|line| {
            let (code, stdout, stderr) = output(Command::new("bash").args(["-c", line]));
            assert_eq!(code, Some(0), "{line}: {stderr}");
            serde_json::from_str(&stdout).unwrap()
        });
        answers.collect::<Vec<_>>().try_into().unwrap()
    }

    /// What follows a text in its output.
    fn after(&self, text: &str) -> &str {
        self.lines.iter().find_map(|line| line.split_once(text)).unwrap().1.trim()
    }

    /// The cookie that one comes back to the console with.
    async fn sign_in(&self, link: &str) -> String {
        let answer = browser().get(link).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{link}");
        assert_eq!(answer.headers()[LOCATION], format!("{}/app", self.base));
        cookie(&answer)
    }

    async fn send(&self, path: &str, cookie: &str) -> Response {
        let request = browser().get(format!("{}{path}", self.base)).header("Cookie", cookie);
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str, cookie: &str) -> Value {
        self.send(path, cookie).await.json().await.unwrap()
    }
}

/// Follows no redirect.
fn browser() -> Client {
    winserve_upstreams::install_crypto_provider();
    Client::builder().tls_certs_only([]).redirect(Policy::none()).build().unwrap()
}

fn cookie(answer: &Response) -> String {
    let cookie = answer.headers()["Set-Cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// The organizations of an answer: type and position.
fn names(answer: &Value) -> Vec<String> {
    let organizations = answer["organizations"].as_array().unwrap().iter();
    let name = |it: &Value| {
        format!("{} {}", it["type"].as_str().unwrap(), it["positionName"].as_str().unwrap())
    };
    organizations.map(name).collect()
}

#[actix_web::test]
async fn the_first_start_migrates_the_demo_and_offers_three_people_to_sign_in_as() {
    let folder = reachable_folder();
    let demo = Demo::start(&mut in_folder(folder.path()));
    let steps = demo.steps();
    assert_eq!(steps.first(), Some(&"migrate phase-1-expand"));
    for step in ["phase advance --to phase-3", "clean", "enforce phase-1b"] {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    let welcome =
        demo.lines.iter().skip_while(|line| !line.is_empty()).find(|line| !line.is_empty());
    assert_eq!(welcome, Some(&format!("Console  {}/app", demo.base)), "the console comes first");
    let [me, campaign, changed] = demo.pasted();
    assert_eq!(me["email"], "candidate@example.org");
    assert_eq!(campaign["details"]["otherOffice"], "Tecumseh City Mayor");
    assert_eq!(changed["details"]["occupation"], "Teacher");

    for (person, organizations) in [
        ("Carla Candidate, candidate", vec!["campaign Tecumseh City Mayor"]),
        (
            "Oscar Official, official who runs again",
            vec![
                "electedOffice Cheyenne City Council - Ward 1",
                "campaign Cheyenne City Council - Ward 1",
                "campaign Cheyenne City Council - Ward 1",
                "campaign Cheyenne City Council - Ward 2",
            ],
        ),
        ("Ada Admin, staff", vec![]),
    ] {
        let cookie = demo.sign_in(demo.after(person)).await;
        assert_eq!(names(&demo.get("/v1/organizations", &cookie).await), organizations, "{person}");
    }
    let staff = demo.sign_in(demo.after("Ada Admin, staff")).await;
    let all = demo.get("/v1/organizations/admin/list?email=several@example.org", &staff).await;
    assert_eq!(all["organizations"].as_array().unwrap().len(), 4, "{all}");

    let signed_out = demo.send("/app", "").await;
    let way_in = signed_out.headers()[LOCATION].to_str().unwrap();
    assert!(way_in.starts_with(demo.after("everybody")), "{way_in}");
    let carla = demo.sign_in(demo.after("Carla Candidate, candidate")).await;
    let signed_in = demo.send("/app", &carla).await;
    let only = signed_in.headers()[LOCATION].to_str().unwrap();
    assert!(only.starts_with("/app/o/"), "{only}");
    assert_eq!(demo.send(only, &carla).await.status(), 200, "the overview of her campaign");

    let page = browser().get(way_in).send().await.unwrap().text().await.unwrap();
    assert_eq!(page.matches("<li>").count(), 6, "{page}");
    let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut acting = links.filter(|link| link.contains("user_oscar") && link.contains("actor="));
    let cookie = demo.sign_in(&acting.next().unwrap().replace("&amp;", "&")).await;
    assert_eq!(demo.get("/v1/users/me", &cookie).await["email"], "official@example.org");

    assert_eq!(demo.process.terminate(), Some(0));
    let demo = Demo::start(&mut in_folder(folder.path()));
    assert_eq!(demo.steps(), [""; 0], "it is migrated");
    assert!(demo.has("The demo data are in phase-3."));
    assert_eq!(demo.pasted()[1]["details"]["occupation"], "Teacher", "kept from the first start");
    let cookie = demo.sign_in(demo.after("Oscar Official, official who runs again")).await;
    assert_eq!(names(&demo.get("/v1/organizations", &cookie).await).len(), 4);
    assert_eq!(demo.process.terminate(), Some(0));
}

#[actix_web::test]
async fn the_demo_before_the_migration_is_migrated_later_even_if_that_is_killed() {
    let database = TestDatabase::empty();
    let demo = Demo::start(on(&database).args(["--phase", "legacy"]));
    assert_eq!(demo.steps(), [""; 0]);
    assert!(!demo.lines.iter().any(|line| line.starts_with("Console")), "it needs the new tables");
    let [me, campaign, changed] = demo.pasted();
    assert_eq!(me["email"], "candidate@example.org");
    assert_eq!(campaign["details"]["otherOffice"], "Tecumseh City Mayor");
    assert_eq!(changed["details"]["occupation"], "Teacher");
    let districts =
        "/v1/elections/districts/names?L2DistrictType=County&state=MI&electionYear=2028";
    let districts = demo.get(districts, "").await;
    assert_eq!(districts[0]["L2DistrictName"], "LENAWEE", "called with a token of our machine");
    let machine = demo.after("/v1/campaigns/list: ");
    let list = browser().get(format!("{}/v1/campaigns/list", demo.base)).bearer_auth(machine);
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    assert_eq!(list["meta"]["total"], 10);
    let is_before = |line: &&String| !line.starts_with("A Clerk session token");
    let session = demo.lines.iter().skip_while(is_before).nth(1).unwrap();
    let session = format!("__session={session}");
    assert_eq!(demo.get("/v1/users/me", &session).await["code"], "not-migrated");
    assert_eq!(demo.process.terminate(), Some(0));

    let mut killed = Demo::until(&mut on(&database), "  backfill run organizations");
    assert!(killed.process.kill());

    let demo = Demo::start(&mut on(&database));
    assert!(!demo.steps().contains(&"migrate phase-1-expand"), "that was done: {:?}", demo.steps());
    assert_eq!(demo.pasted()[1]["details"]["occupation"], "Teacher");
    let organizations = database.row(
        "SELECT count(*), count(*) FILTER (WHERE clerk_organization_id IS NULL) AS waiting FROM organization",
    );
    assert_eq!(organizations["count"], 12);
    assert!(organizations["waiting"].as_i64().unwrap() >= 2, "{organizations}");
    assert_eq!(demo.process.terminate(), Some(0));

    let demo = Demo::start(on(&database).args(["--phase", "legacy"]));
    assert!(demo.has("The demo data are in phase-3 already."));
    assert_eq!(demo.process.terminate(), Some(0));
}

#[test]
fn a_database_with_users_of_its_own_is_not_migrated() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &serde_json::json!({}), None);
    let demo = Demo::start(&mut on(&database));
    assert!(demo.has("The database has users of its own: it is served as it is, in legacy."));
    assert_eq!(demo.steps(), [""; 0]);
    assert_eq!(demo.process.terminate(), Some(0));
    assert_eq!(database.row(r#"SELECT count(*) FROM "user""#)["count"], 1);
}
