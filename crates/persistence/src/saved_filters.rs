//! Saved filters of voters.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    dsl::sql,
    expression::BoxableExpression,
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Timestamp},
};
use serde_json::{Map, Value};
use winserve_domain::{
    base::{CampaignId, OrganizationId, SavedFilterId, StoreError, UserId},
    organizations::{ActiveOrganization, Holder},
    saved_filters::{FilterContent, Flag, SavedFilter, SavedFilters},
};

use crate::{
    error::{inconsistent, store_error},
    limits::Limits,
    schema::voter_file_filter,
    tables::{CAMPAIGN, ELECTED_OFFICE},
};

/// Saved filters, on one connection.
pub struct PgSavedFilters<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Storage limits per user.
    pub limits: Limits,
}

/// A whole row as one JSON object: it has more columns than diesel's tuples allow.
const CONTENT: &str = "to_jsonb(voter_file_filter)";

type Row = (i32, NaiveDateTime, NaiveDateTime, Value);
/// A condition on filters.
pub type Condition =
    Box<dyn BoxableExpression<voter_file_filter::table, Pg, SqlType = Nullable<Bool>>>;

/// The filters of one organization.
fn of_organization(id: OrganizationId) -> Condition {
    Box::new(voter_file_filter::organization_id.eq(id.0))
}

/// The filters that match a condition, those of one organization: all, or the one with the id.
///
/// # Errors
/// [`StoreError`].
pub fn load(
    connection: &mut PgConnection,
    of: &ActiveOrganization,
    condition: Condition,
    id: Option<SavedFilterId>,
) -> Result<Vec<SavedFilter>, StoreError> {
    let mut query = voter_file_filter::table
        .filter(condition)
        .select((
            voter_file_filter::id,
            voter_file_filter::created_at,
            voter_file_filter::updated_at,
            sql::<Jsonb>(CONTENT),
        ))
        .order((voter_file_filter::name, voter_file_filter::id))
        .into_boxed();
    if let Some(id) = id {
        query = query.filter(voter_file_filter::id.eq(id.0));
    }
    let rows: Vec<Row> = query.load(connection).map_err(store_error)?;
    rows.into_iter().map(|row| filter(of, row)).collect()
}

/// Writes the content of a filter, if it matches the condition, and returns it.
///
/// # Errors
/// [`StoreError`].
pub fn write(
    connection: &mut PgConnection,
    of: &ActiveOrganization,
    condition: Condition,
    id: SavedFilterId,
    content: &FilterContent,
    now: DateTime<Utc>,
) -> Result<Option<SavedFilter>, StoreError> {
    let found: Option<i32> = voter_file_filter::table
        .filter(condition)
        .filter(voter_file_filter::id.eq(id.0))
        .select(voter_file_filter::id)
        .for_no_key_update()
        .first(connection)
        .optional()
        .map_err(store_error)?;
    if found.is_none() {
        return Ok(None);
    }
    let columns = columns(content);
    let assignments: Vec<_> =
        columns.keys().map(|column| format!("{column} = given.{column}, ")).collect();
    let written: WrittenRow = diesel::sql_query(format!(
        "UPDATE voter_file_filter SET {} updated_at = $1
         FROM jsonb_populate_record(NULL::voter_file_filter, $2) AS given
         WHERE voter_file_filter.id = $3
         RETURNING voter_file_filter.created_at, voter_file_filter.updated_at, {CONTENT} AS content",
        assignments.concat(),
    ))
    .bind::<Timestamp, _>(now.naive_utc())
    .bind::<Jsonb, _>(Value::Object(columns))
    .bind::<Integer, _>(id.0)
    .get_result(connection)
    .map_err(store_error)?;
    filter(of, (id.0, written.created_at, written.updated_at, written.content)).map(Some)
}

#[derive(QueryableByName)]
struct WrittenRow {
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
    #[diesel(sql_type = Timestamp)]
    updated_at: NaiveDateTime,
    #[diesel(sql_type = Jsonb)]
    content: Value,
}

/// A filter that was just inserted is gone.
#[must_use]
pub fn missing_after_insert(id: SavedFilterId) -> StoreError {
    inconsistent("voter_file_filter", id.0, "the row is missing after the insert")
}

fn filter(
    of: &ActiveOrganization,
    (id, created_at, updated_at, content): Row,
) -> Result<SavedFilter, StoreError> {
    let content = content.as_object().and_then(read).ok_or_else(|| {
        inconsistent("voter_file_filter", id, "a criterion does not match the type of its column")
    })?;
    Ok(SavedFilter {
        id: SavedFilterId(id),
        created_at: created_at.and_utc(),
        updated_at: updated_at.and_utc(),
        campaign: match of.holder() {
            Holder::Campaign(CampaignId(id)) => Some(CampaignId(*id)),
            Holder::ElectedOffice(_) => None,
        },
        content,
    })
}

impl SavedFilters for PgSavedFilters<'_> {
    fn list(&mut self, of: &ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError> {
        let Some(organization) = of.id() else { return Ok(Vec::new()) };
        load(self.connection, of, of_organization(organization), None)
    }

    fn find(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
    ) -> Result<Option<SavedFilter>, StoreError> {
        let Some(organization) = of.id() else { return Ok(None) };
        let found = load(self.connection, of, of_organization(organization), Some(id))?;
        Ok(found.into_iter().next())
    }

    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError> {
        self.limits.check_saved_filters(self.connection, of.owner(), |connection| {
            count(connection, of.owner())
        })?;
        let Some(organization) = of.id() else {
            return Err(StoreError::Other("an office without organization has no filters".into()));
        };
        let id: i32 = diesel::insert_into(voter_file_filter::table)
            .values((
                voter_file_filter::created_at.eq(now.naive_utc()),
                voter_file_filter::updated_at.eq(now.naive_utc()),
                voter_file_filter::organization_id.eq(organization.0),
                voter_file_filter::organization_type.eq(match of.holder() {
                    Holder::Campaign(_) => CAMPAIGN,
                    Holder::ElectedOffice(_) => ELECTED_OFFICE,
                }),
            ))
            .returning(voter_file_filter::id)
            .get_result(self.connection)
            .map_err(store_error)?;
        let id = SavedFilterId(id);
        self.update(of, id, content, now)?.ok_or_else(|| missing_after_insert(id))
    }

    fn update(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<Option<SavedFilter>, StoreError> {
        let Some(organization) = of.id() else { return Ok(None) };
        write(self.connection, of, of_organization(organization), id, content, now)
    }

    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError> {
        let Some(organization) = of.id() else { return Ok(false) };
        let deleted = diesel::delete(voter_file_filter::table)
            .filter(voter_file_filter::organization_id.eq(organization.0))
            .filter(voter_file_filter::id.eq(id.0))
            .execute(self.connection)
            .map_err(store_error)?;
        Ok(deleted > 0)
    }
}

/// How many filters the organizations of a user have.
fn count(connection: &mut PgConnection, owner: UserId) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    diesel::sql_query(
        "SELECT count(*) AS count FROM voter_file_filter
         WHERE organization_id IN (SELECT id FROM organization WHERE owner_id = $1)",
    )
    .bind::<Integer, _>(owner.0)
    .get_result(connection)
    .map(|Counted { count }| count)
}

/// The column of a flag: its key with underscores before capitals and numbers.
fn column(flag: Flag) -> String {
    let mut column = String::new();
    let mut last = '_';
    for letter in flag.key().chars() {
        let begins_number = letter.is_ascii_digit() && last.is_ascii_alphabetic();
        if letter.is_ascii_uppercase() || begins_number {
            column.push('_');
        }
        column.push(letter.to_ascii_lowercase());
        last = letter;
    }
    column
}

/// The given content, by column.
fn columns(content: &FilterContent) -> Map<String, Value> {
    let FilterContent { name, voter_count, language_codes, voter_status, income_ranges, flags } =
        content;
    let given = [
        ("name", name.clone().map(Value::from)),
        ("voter_count", voter_count.map(Value::from)),
        ("language_codes", language_codes.clone().map(Value::from)),
        ("voter_status", voter_status.clone().map(Value::from)),
        ("income_ranges", income_ranges.clone().map(Value::from)),
    ];
    let given = given.into_iter().filter_map(|(column, value)| Some((column.to_owned(), value?)));
    given.chain(flags.iter().map(|(flag, is_on)| (column(*flag), Value::from(*is_on)))).collect()
}

/// The content of a row; `None` if a column has an unexpected type.
fn read(row: &Map<String, Value>) -> Option<FilterContent> {
    let value = |column: &str| row.get(column).filter(|value| !value.is_null());
    let texts = |column: &str| match value(column) {
        // Old rows contain NULL for an empty list (legacy contract §1).
        None => Some(Some(Vec::new())),
        Some(Value::Array(items)) => {
            // A list may contain NULL, which selects nothing.
            Some(Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
        }
        Some(_) => None,
    };
    let mut flags = BTreeMap::new();
    for flag in Flag::ALL {
        if let Some(is_on) = value(&column(flag)) {
            flags.insert(flag, is_on.as_bool()?);
        }
    }
    Some(FilterContent {
        name: value("name").and_then(Value::as_str).map(str::to_owned),
        voter_count: value("voter_count").and_then(Value::as_i64).and_then(|it| it.try_into().ok()),
        language_codes: texts("language_codes")?,
        voter_status: texts("voter_status")?,
        income_ranges: texts("income_ranges")?,
        flags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flags_column_is_its_key_in_small_letters() {
        let column = |key| Flag::parse(key).map(column);
        for (key, expected) in [
            ("age18_25", "age_18_25"),
            ("age50Plus", "age_50_plus"),
            ("audienceFirstTimeVoters", "audience_first_time_voters"),
            ("single", "single"),
        ] {
            assert_eq!(column(key).as_deref(), Some(expected));
        }
    }
}
