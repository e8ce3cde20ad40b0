//! The old service during the migration. Its statements, run by a role with rights only on the old tables, give the
//! same results after every step as on a database without us, and every row that it can read satisfies its model.
//!
//! Its client names every column of its model in each statement, and fails if a required one is NULL.

use std::{collections::BTreeMap, fs, path::Path};

use diesel::{
    connection::SimpleConnection as _, prelude::*, result::Error as DieselError, sql_types::Text,
};
use serde_json::{Map, Value, json};
use winserve_migration::migrate::{Group, LEGACY_TABLES, expand_in_steps};
use winserve_testkit::TestDatabase;

use super::generated;
use crate::binaries::{backfill, output};

/// A role that may use only the columns of the old tables.
const ROLE: &str = "winserve_old_service";
const OFFICE: &str = "0193f6a4-0000-7000-8000-000000000001";
const POLL: &str = "0193f6a4-0000-7000-8000-000000000002";

/// All steps of the path, forward and back.
const PATH: [&str; 22] = [
    "migrate phase-1-expand",
    "phase advance",
    "run positions",
    "run organizations",
    "verify",
    "enforce phase-1",
    "enforce phase-1 --undo",
    "enforce phase-1",
    "migrate phase-2-expand",
    "run voter-file-filters",
    "verify",
    "phase advance --accept inherited-district,shared-text,unnamed-requests",
    "enforce phase-2",
    "enforce phase-2 --undo",
    "enforce phase-2",
    "verify",
    "repair",
    "phase back",
    "phase back",
    "phase show",
    "migrate phase-2-expand --undo",
    "migrate phase-1-expand --undo",
];
/// The optional steps, once phase 1 is enforced.
const BESIDE: [&str; 8] = [
    "migrate phase-1-expand",
    "phase advance",
    "run positions",
    "run organizations",
    "verify",
    "migrate phase-1b-expand",
    "phase advance phase-1b",
    "phase back phase-1b",
];

/// The old service's client with its model: the columns of the tables before us.
pub(crate) struct OldService {
    connection: PgConnection,
    columns: Vec<Column>,
    trace: Vec<String>,
    /// The current time in its statements, as SQL.
    moment: String,
}

#[derive(Clone)]
struct Column {
    table: String,
    name: String,
    is_required: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

impl OldService {
    /// On a database as it is now: without our schema.
    fn beside(database: &TestDatabase) -> Self {
        Self::on(database, database)
    }

    /// On a database that has our tables.
    pub(crate) fn beside_us(database: &TestDatabase) -> Self {
        Self::on(database, &TestDatabase::new())
    }

    /// On a database, with the model of another one.
    fn on(database: &TestDatabase, model: &TestDatabase) -> Self {
        let columns = model.rows(
            "SELECT relname, attname, attnotnull FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
               AND NOT attisdropped AND relname NOT LIKE '\\_\\_diesel%' ORDER BY relname, attnum",
        );
        let columns = columns.iter().map(|row| Column {
            table: row["relname"].as_str().unwrap().to_owned(),
            name: row["attname"].as_str().unwrap().to_owned(),
            is_required: row["attnotnull"].as_bool().unwrap(),
        });
        let mut old = Self {
            connection: database.connect(),
            columns: columns.collect(),
            trace: Vec::new(),
            moment: "now()".to_owned(),
        };
        database.execute_unmapped(&format!(
            "DO $$ BEGIN CREATE ROLE {ROLE};
                   EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}"
        ));
        // Rights on columns only, so that the role is not mistaken for one of our servers and given
        // more.
        for table in LEGACY_TABLES {
            let all = old.all(table);
            database.execute_unmapped(&format!(
                "GRANT SELECT ({all}), INSERT ({all}), UPDATE ({all}) ON \"{table}\" TO {ROLE};
                 GRANT DELETE ON \"{table}\" TO {ROLE}"
            ));
        }
        assert_eq!(old.of_table("voter_file_filter").count(), 62);
        old.connection.batch_execute(&format!("SET ROLE {ROLE}")).unwrap();
        old
    }

    /// Another connection of the same service.
    pub(crate) fn another(&self, database: &TestDatabase) -> Self {
        let mut connection = database.connect();
        connection.batch_execute(&format!("SET ROLE {ROLE}")).unwrap();
        let (columns, moment) = (self.columns.clone(), self.moment.clone());
        Self { connection, columns, trace: Vec::new(), moment }
    }

    /// Sets the time in its statements, so that two runs leave the same rows.
    pub(crate) fn says_it_is(&mut self, moment: &str) {
        self.moment = format!("timestamptz '{moment}'");
    }

    /// The results of its statements since the last call.
    pub(crate) fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    fn of_table<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Column> + 's {
        self.columns.iter().filter(move |column| column.table == table)
    }

    /// Every column of a table's model.
    pub(crate) fn all(&self, table: &str) -> String {
        let names: Vec<_> = self.of_table(table).map(|it| format!("\"{}\"", it.name)).collect();
        names.join(", ")
    }

    /// Sends a statement and records its result.
    pub(crate) fn sends(&mut self, what: &str, statement: &str) -> Vec<Value> {
        let statement = statement.replace("now()", &self.moment);
        let query =
            format!("WITH found AS ({statement}) SELECT to_jsonb(found)::text AS value FROM found");
        let outcome: QueryResult<Vec<Row>> = diesel::sql_query(query).load(&mut self.connection);
        match outcome {
            Ok(rows) => {
                let rows: Vec<Value> =
                    rows.iter().map(|row| serde_json::from_str(&row.value).unwrap()).collect();
                let shown: Vec<_> = rows.iter().map(masked).collect();
                self.trace.push(format!("{what}: {}", json!(shown)));
                rows
            }
            Err(DieselError::DatabaseError(kind, about)) => {
                let constraint = about.constraint_name().unwrap_or_default();
                let message = about.message();
                self.trace.push(format!("{what}: {kind:?} {constraint} {message}"));
                Vec::new()
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }

    pub(crate) fn creates(&mut self, table: &str, values: &[(&str, &str)]) -> Value {
        let (names, values): (Vec<_>, Vec<_>) =
            values.iter().map(|(name, value)| (format!("\"{name}\""), *value)).unzip();
        let statement = format!(
            "INSERT INTO \"{table}\" ({}) VALUES ({}) RETURNING {}",
            names.join(", "),
            values.join(", "),
            self.all(table)
        );
        let created = self.sends(&format!("create {table}"), &statement);
        created.first().map_or(Value::Null, |row| row["id"].clone())
    }

    pub(crate) fn updates(&mut self, table: &str, set: &str, condition: &str) {
        let all = self.all(table);
        let statement = format!("UPDATE \"{table}\" SET {set} WHERE {condition} RETURNING {all}");
        self.sends(&format!("update {table}"), &statement);
    }

    pub(crate) fn reads(&mut self, table: &str, condition: &str) {
        let statement = format!("SELECT {} FROM \"{table}\" WHERE {condition}", self.all(table));
        self.sends(&format!("read {table}"), &statement);
    }

    pub(crate) fn deletes(&mut self, table: &str, condition: &str) {
        let all = self.all(table);
        let statement = format!("DELETE FROM \"{table}\" WHERE {condition} RETURNING {all}");
        self.sends(&format!("delete {table}"), &statement);
    }

    /// Merges JSON like the old service: in a serializable transaction.
    fn picks_an_office(&mut self, campaign: &Value) {
        let details = json!({"positionId": "Z2lkOi8v", "office": "Other", "otherOffice": "Mayor", "state": "MI"});
        let goals = json!({"electionType": "City", "electionLocation": "ADRIAN CITY"});
        self.writes(campaign, &details, &goals);
    }

    /// [`picks_an_office`](Self::picks_an_office), and ignores the result.
    pub(crate) fn writes(&mut self, campaign: &Value, details: &Value, goals: &Value) {
        self.connection.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").unwrap();
        self.reads("campaign", &format!("id = {campaign}"));
        self.reads("path_to_victory", &format!("campaign_id = {campaign}"));
        let details = format!("details = '{details}', updated_at = now()");
        self.updates("campaign", &details, &format!("id = {campaign}"));
        let goals = format!("data = '{goals}', updated_at = now()");
        self.updates("path_to_victory", &goals, &format!("campaign_id = {campaign}"));
        let ended = self.connection.batch_execute("COMMIT");
        self.trace.push(format!("commit: {ended:?}"));
    }

    pub(crate) fn creates_a_user(&mut self, email: &str) -> Value {
        let email = format!("'{email}'");
        self.creates(
            "user",
            &[
                ("email", &email),
                ("first_name", "'Ann'"),
                ("last_name", "'User'"),
                ("zip", "'49286'"),
                ("roles", "'{candidate}'"),
                ("meta_data", "'{}'"),
                ("updated_at", "now()"),
            ],
        )
    }

    pub(crate) fn creates_a_campaign(&mut self, user: &Value, slug: &str) -> Value {
        let (user, slug) = (user.to_string(), format!("'{slug}'"));
        self.creates(
            "campaign",
            &[
                ("slug", &slug),
                ("is_active", "false"),
                ("user_id", &user),
                ("details", r#"'{"zip": "49286"}'"#),
                ("data", r#"'{"currentStep": "registration"}'"#),
                ("updated_at", "now()"),
            ],
        )
    }

    /// Every column is named.
    pub(crate) fn creates_a_filter(&mut self, campaign: &Value) -> Value {
        let campaign = campaign.to_string();
        let names: Vec<_> =
            self.of_table("voter_file_filter").map(|column| column.name.clone()).collect();
        let values = names.iter().filter(|name| *name != "id").map(|name| {
            let value = match name.as_str() {
                "created_at" | "updated_at" => "now()",
                "name" => "'Likely voters'",
                "campaign_id" => campaign.as_str(),
                "voter_count" => "5",
                "language_codes" | "voter_status" | "income_ranges" => "'{a,b}'",
                _ => "true",
            };
            (name.as_str(), value)
        });
        let values: Vec<_> = values.collect();
        self.creates("voter_file_filter", &values)
    }

    /// Adds empty goals to a campaign.
    pub(crate) fn creates_goals(&mut self, campaign: &Value) {
        let campaign = campaign.to_string();
        let goals = [("campaign_id", campaign.as_str()), ("data", "'{}'"), ("updated_at", "now()")];
        self.creates("path_to_victory", &goals);
    }

    /// "I won".
    pub(crate) fn wins(&mut self, user: &Value, campaign: &Value, office: &str) {
        let (user, campaign, id) = (user.to_string(), campaign.to_string(), format!("'{office}'"));
        self.creates(
            "elected_office",
            &[
                ("id", &id),
                ("user_id", &user),
                ("campaign_id", &campaign),
                ("elected_date", "'2025-11-04'"),
                ("is_active", "true"),
                ("updated_at", "now()"),
            ],
        );
    }

    fn holds_an_office(&mut self, user: &Value, campaign: &Value) {
        self.wins(user, campaign, OFFICE);
        let (user, id) = (user.to_string(), format!("'{OFFICE}'"));
        self.reads("elected_office", &format!("user_id = {user} ORDER BY created_at DESC LIMIT 9"));
        self.updates(
            "elected_office",
            "sworn_in_date = '2026-01-05', updated_at = now()",
            &format!("id = {id}"),
        );
        let poll = format!("'{POLL}'");
        self.creates(
            "poll",
            &[
                ("id", &poll),
                ("name", "'Top Community Issues'"),
                ("message_content", "'What matters?'"),
                ("targetAudienceSize", "500"),
                ("scheduled_date", "'2026-03-01'"),
                ("estimatedCompletionDate", "'2026-03-04'"),
                ("elected_office_id", &id),
                ("updated_at", "now()"),
            ],
        );
        self.reads("poll", &format!("elected_office_id = {id}"));
        self.reads("elected_office", &format!("id IN ({id})"));
        self.creates(
            "poll_individual_message",
            &[
                ("id", "'message-1'"),
                ("person_id", "'person-1'"),
                ("sent_at", "'2026-03-01'"),
                ("elected_office_id", &id),
                ("poll_id", &poll),
            ],
        );
        self.creates(
            "poll_issues",
            &[
                ("id", "'issue-1'"),
                ("poll_id", &poll),
                ("title", "'Parks'"),
                ("summary", "'More trees'"),
                ("details", "'Trees'"),
                ("response_count", "3"),
                ("updated_at", "now()"),
            ],
        );
        self.sends(
            "join poll issue",
            "INSERT INTO \"_PollIndividualMessageToPollIssue\" (\"A\", \"B\")
             VALUES ('message-1', 'issue-1') RETURNING \"A\", \"B\"",
        );
    }

    /// Runs its statements on users, campaigns, goals, offices, filters, outreach and polls, and deletes all of
    /// them again. Returns each result.
    fn sends_all(&mut self) -> Vec<String> {
        self.trace.clear();
        let user = self.creates_a_user("ann@example.org");
        self.reads("user", &format!("id = {user}"));
        self.sends(
            "seen user",
            &format!(
                "UPDATE \"user\" SET meta_data = meta_data || '{{\"lastVisited\": 1}}', updated_at = now()
                 WHERE id = {user} RETURNING meta_data"
            ),
        );
        self.updates("user", "phone = '5555555555', updated_at = now()", &format!("id = {user}"));

        let campaign = self.creates_a_campaign(&user, "ann-user");
        self.reads("campaign", &format!("user_id = {user} LIMIT 1 OFFSET 0"));
        self.reads("campaign", &format!("user_id = {user} ORDER BY created_at DESC LIMIT 9"));
        let of_campaign = campaign.to_string();
        self.creates_goals(&campaign);
        self.picks_an_office(&campaign);
        let all = self.all("path_to_victory");
        self.sends(
            "upsert goals",
            &format!(
                "INSERT INTO path_to_victory (campaign_id, data, updated_at) VALUES ({campaign}, '{{}}', now())
                 ON CONFLICT (campaign_id) DO UPDATE SET data = '{{\"winNumber\": 5}}', updated_at = now()
                 RETURNING {all}"
            ),
        );
        self.creates(
            "campaign_update_history",
            &[
                ("campaign_id", &of_campaign),
                ("user_id", &user.to_string()),
                ("type", "'calls'"),
                ("quantity", "3"),
                ("updated_at", "now()"),
            ],
        );

        let filter = self.creates_a_filter(&campaign);
        let of_both = format!("id = {filter} AND campaign_id = {campaign}");
        self.reads("voter_file_filter", &format!("campaign_id = {campaign} ORDER BY name ASC"));
        self.updates("voter_file_filter", "name = 'Unlikely voters', updated_at = now()", &of_both);
        self.creates(
            "outreach",
            &[
                ("campaignId", &of_campaign),
                ("outreach_type", "'text'"),
                ("voter_file_filter_id", &filter.to_string()),
                ("updatedAt", "now()"),
            ],
        );
        self.reads("outreach", &format!("\"campaignId\" = {campaign}"));
        self.reads("voter_file_filter", &format!("id IN ({filter})"));
        self.deletes("voter_file_filter", &of_both);
        self.reads("outreach", &format!("\"campaignId\" = {campaign}"));

        self.holds_an_office(&user, &campaign);
        // A campaign that won an office stays.
        self.deletes("campaign", &format!("id = {campaign}"));
        self.reads("elected_office", &format!("user_id = {user}"));

        let other = self.creates_a_user("bob@example.org");
        let others = self.creates_a_campaign(&other, "bob-user");
        self.deletes("campaign", &format!("id = {others}"));
        let others = self.creates_a_campaign(&other, "bob-user");
        self.creates_a_filter(&others);
        self.deletes("user", &format!("id = {other}"));
        self.deletes("user", &format!("id = {user}"));
        for table in ["campaign", "elected_office"] {
            self.reads(table, &format!("user_id IN ({user}, {other})"));
        }
        self.trace()
    }

    /// Rows that its client cannot read. It reads filters only by their campaign, and those that its outreach
    /// uses.
    fn unreadable(&self, database: &TestDatabase) -> Vec<String> {
        let mut unreadable = Vec::new();
        for Column { table, name, .. } in self.columns.iter().filter(|it| it.is_required) {
            let reached = if table == "voter_file_filter" {
                "(campaign_id IS NOT NULL OR id IN (SELECT voter_file_filter_id FROM outreach))"
            } else {
                "true"
            };
            let condition = format!("WHERE {reached} AND \"{name}\" IS NULL");
            let rows = database.rows(&format!("SELECT 1 AS found FROM \"{table}\" {condition}"));
            unreadable.extend(rows.iter().map(|_| format!("{table}.{name} is NULL")));
        }
        unreadable
    }
}

/// A row without the keys and times that differ each time, except whether they are present.
fn masked(row: &Value) -> Value {
    let volatile = |key: &str| {
        let key = key.to_ascii_lowercase();
        key == "id"
            || key.ends_with("_id")
            || key.ends_with("_at")
            || key.ends_with("at") && key.len() == 9
            || key == "campaignid"
    };
    let members = row.as_object().unwrap().iter().map(|(key, value)| {
        let is_masked = volatile(key) && !value.is_null();
        (key.clone(), if is_masked { json!("masked") } else { value.clone() })
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// Takes the steps one by one. Each must leave everything unchanged for the old service.
fn walk(steps: &[&str]) {
    let database = generated::legacy(60);
    database.expect_damage(); // Checked here, in the current phase.
    let mut old = OldService::beside(&database);
    let untouched = old.sends_all();
    let refused: Vec<_> = untouched.iter().filter(|it| it.contains("Violation")).collect();
    assert!(matches!(refused[..], [it] if it.starts_with("delete campaign")), "{refused:?}");
    for step in steps {
        let (code, stdout, stderr) = output(backfill(&database).args(step.split_whitespace()));
        // 41: rows in quarantine.
        assert!(matches!(code, Some(0 | 41)), "{step}: {code:?} {stdout} {stderr}");
        for (found, expected) in old.sends_all().iter().zip(&untouched) {
            assert_eq!(found, expected, "after {step}");
        }
        assert_eq!(old.unreadable(&database), Vec::<String>::new(), "after {step}");
        assert_eq!(indexes_on_details(&database), Vec::<Value>::new(), "after {step}");
    }
}

/// Each index on `details` makes more of its serializable updates fail.
fn indexes_on_details(database: &TestDatabase) -> Vec<Value> {
    database.rows(
        "SELECT indexrelid::regclass FROM pg_index
         WHERE indexprs IS NOT NULL AND pg_get_indexdef(indexrelid) LIKE '%details%'",
    )
}

/// The statements of `up.sql` or `down.sql` of each migration of a group, in order, with its name.
fn statements(group: &str, direction: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(group);
    let mut migrations: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let sql = fs::read_to_string(entry.path().join(direction)).unwrap();
            (entry.file_name().into_string().unwrap(), sql)
        })
        .collect();
    migrations.sort();
    migrations
}

/// The old service keeps working while the group is applied and undone, even if that stops between two migrations.
#[test]
fn its_statements_give_after_every_migration_of_offices_what_they_give_without_us() {
    let database = TestDatabase::new();
    let mut old = OldService::beside(&database);
    let untouched = old.sends_all();
    let mut look = |name: &str, sql: &str| {
        assert_eq!(indexes_on_details(&database), Vec::<Value>::new(), "after {name}");
        // Its statements take a while, so other tests check whole groups.
        if !sql.contains("ALTER TABLE elected_office") {
            return;
        }
        for (found, expected) in old.sends_all().iter().zip(&untouched) {
            assert_eq!(found, expected, "after {name}");
        }
        assert_eq!(old.unreadable(&database), Vec::<String>::new(), "after {name}");
    };
    let up: BTreeMap<_, _> = statements("phase-1-expand", "up.sql").into_iter().collect();
    let applied = expand_in_steps(&mut database.connect(), Group::Phase1, |applied| {
        let sql: Vec<_> = applied.iter().map(|name| up[name].as_str()).collect();
        look(&applied.join(" and "), &sql.concat());
    });
    assert_eq!(applied.unwrap().len(), up.len());
    for (name, sql) in statements("phase-1-expand", "down.sql").into_iter().rev() {
        database.execute_unmapped(&sql);
        look(&name, &sql);
    }
}

/// An earlier build may have stopped between the migration that builds the index and the one that drops it.
#[test]
fn an_index_on_its_json_that_an_earlier_build_left_goes_before_anything_else_is_done() {
    let database = TestDatabase::legacy_with_tables();
    database.execute(
        "CREATE INDEX campaign_moved_position_id_idx ON campaign ((details->>'positionId'));
         DROP TABLE open_look_up;
         DELETE FROM __diesel_schema_migrations WHERE version IN ('20261120001990', '20261130000100')",
    );
    assert_eq!(indexes_on_details(&database).len(), 1);
    let mut steps = Vec::new();
    expand_in_steps(&mut database.connect(), Group::Phase1, |applied| {
        assert_eq!(indexes_on_details(&database), Vec::<Value>::new(), "after {applied:?}");
        steps.extend_from_slice(applied);
    })
    .unwrap();
    assert_eq!(steps, ["20261120001990_no_index_on_details", "20261130000100_open_look_up"]);
}

#[test]
fn its_statements_give_after_every_step_there_and_back_what_they_give_without_us() {
    walk(&PATH);
}

#[test]
fn its_statements_give_the_same_results_as_without_us_during_the_clerk_sync() {
    walk(&BESIDE);
}
