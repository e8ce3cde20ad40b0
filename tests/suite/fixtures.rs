//! Initial rows of tests, written by plain SQL.

use serde_json::Value;
use winserve_testkit::TestDatabase;

/// Tecumseh City Mayor, MI, CITY, with the district `City` / TECUMSEH CITY.
pub(crate) const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
/// Cheyenne City Council - Ward 1, WY, CITY, with `City_Ward` / CHEYENNE CITY WARD 1.
pub(crate) const COUNCIL: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=";
/// A position that election-api knows without a district.
pub(crate) const WITHOUT_DISTRICT: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNjAwMTc=";

/// A user with the given roles, such as `candidate` or `admin`.
pub(crate) fn user(database: &TestDatabase, id: i32, roles: &str) {
    database.execute(&format!(
        r#"INSERT INTO "user" (id, updated_at, first_name, last_name, name, email, phone, zip, roles,
                               password, password_reset_token, has_password, meta_data)
           VALUES ({id}, '2026-01-02', 'Ann', 'User', 'Ann User', 'user{id}@example.org', '5555555555',
                   '49286', '{{{roles}}}', 'hash', 'reset', true, '{{"sessionCount": 3}}')"#
    ));
}

/// A campaign of a user with this JSON; without `goals` there is no row of voter goals.
pub(crate) fn campaign(
    database: &TestDatabase,
    id: i32,
    owner: i32,
    details: &Value,
    goals: Option<&Value>,
) {
    let mut sql = format!(
        "INSERT INTO campaign (id, created_at, updated_at, slug, user_id, data, details)
         VALUES ({id}, '2026-01-01', '2026-01-02', 'slug-{id}', {owner}, '{{\"slug\": \"slug-{id}\"}}',
                 {});",
        literal(details)
    );
    if let Some(goals) = goals {
        let goals = literal(goals);
        sql += "INSERT INTO path_to_victory (id, created_at, updated_at, campaign_id, data) ";
        sql += &[
            "VALUES (",
            &id.to_string(),
            ", '2026-01-01', '2026-01-02', ",
            &id.to_string(),
            ", ",
            &goals,
            ")",
        ]
        .concat();
    }
    database.execute(&sql);
}

/// Resets every row to its state before phase 1: no organization, no position, no recorded changes. Phases that
/// read the tables have no such rows.
pub(crate) fn unlink(database: &TestDatabase) {
    if database.phase().reads_tables() {
        return;
    }
    database.execute(
        "ALTER TABLE campaign DISABLE TRIGGER campaign_organization_has_child;
         ALTER TABLE elected_office DISABLE TRIGGER elected_office_organization_has_child;
         UPDATE campaign SET organization_id = NULL, position_id = NULL;
         UPDATE elected_office SET organization_id = NULL, position_id = NULL;
         ALTER TABLE campaign ENABLE TRIGGER campaign_organization_has_child;
         ALTER TABLE elected_office ENABLE TRIGGER elected_office_organization_has_child;
         DELETE FROM organization; DELETE FROM ballot_position; DELETE FROM legacy_change",
    );
}

/// A JSON value as an SQL literal.
pub(crate) fn literal(value: &Value) -> String {
    format!("'{}'", value.to_string().replace('\'', "''"))
}

/// The whole catalog, one line per object.
pub(crate) const DUMP: &str = "
    SELECT line FROM (
        SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
        FROM information_schema.columns WHERE table_schema = 'public'
      UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
      UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
      UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS catalog ORDER BY line";
