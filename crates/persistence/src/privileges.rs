//! Which privilege a role lacks after a refused statement (42501), as the statement that grants it.

use std::error::Error;

use diesel::{
    prelude::*,
    sql_types::{Array, Text},
};

use crate::migrate::added_relations;

/// How the tool uses the old service's tables.
const LEGACY: [(&str, &[&str]); 5] = [
    ("campaign", &["UPDATE"]),
    ("elected_office", &["UPDATE"]),
    ("path_to_victory", &["UPDATE"]),
    ("user", &["UPDATE"]),
    ("voter_file_filter", &["UPDATE", "DELETE"]),
];
/// Our tables that servers do not use.
const OF_THE_TOOL: [&str; 8] = [
    "__diesel_schema_migrations",
    "backfill_archive",
    "backfill_batch",
    "backfill_named_position",
    "backfill_quarantine",
    "backfill_run",
    "legacy_change_of_deleted",
    "migration_phase_history",
];
const READ: &[&str] = &["SELECT"];
const WRITE: &[&str] = &["INSERT", "UPDATE", "DELETE"];
const WRITE_AND_EMPTY: &[&str] = &["INSERT", "UPDATE", "DELETE", "TRUNCATE"];

/// The object of a refused statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Whether only the owner may do it.
    needs_owner: bool,
    /// Such as `table`.
    kind: String,
    name: String,
}

/// Whether an error, or its cause, is a missing privilege. Diesel hides the SQLSTATE.
#[must_use]
pub fn denied(error: &(dyn Error + 'static)) -> Option<Denied> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(denied) = parse(&error.to_string()) {
            return Some(denied);
        }
        cause = error.source();
    }
    None
}

fn parse(text: &str) -> Option<Denied> {
    let phrases = [(false, "permission denied for "), (true, "must be owner of ")];
    let (needs_owner, rest) = phrases.into_iter().find_map(|(needs_owner, phrase)| {
        text.split_once(phrase).map(|(_, rest)| (needs_owner, rest))
    })?;
    let (kind, name) = rest.lines().next()?.rsplit_once(' ')?;
    Some(Denied { needs_owner, kind: kind.to_owned(), name: name.to_owned() })
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

impl Denied {
    /// The same for a command that changes the schema: it requires the owner of a table.
    #[must_use]
    pub fn for_the_owner(self) -> Self {
        let needs_owner = self.needs_owner || self.kind != "schema";
        Self { needs_owner, ..self }
    }

    /// The statements that grant this role what it lacks, to be run by the owner or a superuser;
    /// empty if no `GRANT` helps. If the role may not read one of the tables, they cover everything
    /// that it may not read, and only then everything that it may not write.
    ///
    /// # Errors
    /// If the database fails.
    pub fn grants(&self, connection: &mut PgConnection) -> QueryResult<Vec<String>> {
        match self.kind.as_str() {
            _ if self.needs_owner => self.ask(connection, OWNER),
            "table" | "view" | "relation" => {
                let to_read = self.on_tables(connection, READ)?;
                if !to_read.is_empty() {
                    return Ok(to_read);
                }
                self.on_tables(connection, WRITE_AND_EMPTY)
            }
            "sequence" => self.ask(connection, SEQUENCE),
            "schema" => self.ask(connection, SCHEMA),
            "function" => self.ask(connection, FUNCTION),
            _ => Ok(Vec::new()),
        }
    }

    fn on_tables(
        &self,
        connection: &mut PgConnection,
        privileges: &[&'static str],
    ) -> QueryResult<Vec<String>> {
        let of_servers = added_relations().map(|relation| (relation, WRITE));
        let of_the_tool = OF_THE_TOOL.map(|relation| (relation, WRITE_AND_EMPTY));
        let known: Vec<_> = LEGACY.into_iter().chain(of_servers).chain(of_the_tool).collect();
        let is_known = known.iter().any(|(relation, _)| *relation == self.name);
        let another = (!is_known).then_some((self.name.as_str(), WRITE));
        let all = known.into_iter().chain(another);
        let (relations, wanted): (Vec<&str>, Vec<&str>) = all
            .flat_map(|(relation, written)| {
                let wanted =
                    privileges.iter().filter(move |it| READ.contains(it) || written.contains(it));
                wanted.map(move |privilege| (relation, *privilege))
            })
            .unzip();
        let statements: Vec<Statement> = diesel::sql_query(TABLES)
            .bind::<Array<Text>, _>(relations)
            .bind::<Array<Text>, _>(wanted)
            .load(connection)?;
        Ok(statements.into_iter().map(|it| it.statement).collect())
    }

    fn ask(&self, connection: &mut PgConnection, query: &str) -> QueryResult<Vec<String>> {
        let statements: Vec<Statement> =
            diesel::sql_query(query).bind::<Text, _>(&self.name).load(connection)?;
        Ok(statements.into_iter().map(|it| it.statement).collect())
    }
}

const TABLES: &str = "
    WITH lacking AS (
        SELECT format('%I.%I', nspname, relname) AS relation, string_agg(DISTINCT privilege, ', ') AS privileges
        FROM unnest($1, $2) AS wanted (name, privilege)
        JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(name))
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE NOT has_table_privilege(pg_class.oid, privilege) AND (privilege = 'SELECT' OR relkind IN ('r', 'p'))
        GROUP BY nspname, relname)
    SELECT format('GRANT %s ON %s TO %I', privileges, string_agg(relation, ', ' ORDER BY relation), current_user)
        AS statement
    FROM lacking GROUP BY privileges ORDER BY statement";

const SEQUENCE: &str = "
    SELECT format('GRANT USAGE ON SEQUENCE %I.%I TO %I', nspname, relname, current_user) AS statement
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass(quote_ident($1))";

const SCHEMA: &str = "
    SELECT format('GRANT %s ON SCHEMA %I TO %I',
                  CASE WHEN has_schema_privilege(oid, 'USAGE') THEN 'CREATE' ELSE 'USAGE' END, nspname, current_user)
        AS statement
    FROM pg_namespace WHERE nspname = $1";

const FUNCTION: &str = "
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, current_user) AS statement
    FROM pg_proc WHERE proname = $1 AND NOT has_function_privilege(oid, 'EXECUTE')
    ORDER BY statement";

const OWNER: &str = "
    SELECT DISTINCT format('GRANT %I TO %I', pg_get_userbyid(owner), current_user) AS statement
    FROM (SELECT relowner AS owner FROM pg_class WHERE relname = $1 AND pg_table_is_visible(oid)
          UNION ALL SELECT proowner FROM pg_proc WHERE proname = $1 AND pg_function_is_visible(oid)
          UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = $1) AS owned
    WHERE NOT pg_has_role(owner, 'USAGE')
    ORDER BY statement";

#[cfg(test)]
mod tests {
    use super::{Denied, parse};

    #[test]
    fn what_is_refused_is_told_by_the_servers_words() {
        let denied = |needs_owner, kind: &str, name: &str| {
            Some(Denied { needs_owner, kind: kind.to_owned(), name: name.to_owned() })
        };
        for (text, expected) in [
            ("permission denied for table campaign", denied(false, "table", "campaign")),
            (
                "Failed to run 2026_x with: must be owner of table campaign",
                denied(true, "table", "campaign"),
            ),
            ("permission denied for schema public", denied(false, "schema", "public")),
            ("permission denied to create database", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
