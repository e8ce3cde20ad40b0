//! Users.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    dsl::{AsExprOf, sql},
    expression::{AsExpression, SqlLiteral, UncheckedBind},
    pg::{Pg, PgValue},
    prelude::*,
    serialize::{self, Output, ToSql},
    sql_types::{Bool, Integer, Text},
};
use winserve_domain::{
    base::{StoreError, UserId, unreadable::JsonColumn},
    clerk::{ClerkUserId, Person},
    users::{Account, FoundUser, NewUser, Role, User, UserReference, Users},
};

use crate::{
    error::{inconsistent, store_error},
    holdings,
    json::{StoredJson, WrittenJson},
    like::escaped,
    schema::{lower, sql_types, user},
};

/// Advisory locks for assigning an e-mail address to an account, by address.
const EMAIL_LOCK: i32 = 746_532_107;

/// Users, on one connection.
pub struct PgUsers<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
}

/// The label of a database enum.
#[derive(Debug, FromSqlRow, AsExpression)]
#[diesel(sql_type = sql_types::UserRole)]
#[diesel(sql_type = sql_types::CampaignTier)]
pub struct PgEnum(pub(crate) String);

impl ToSql<sql_types::UserRole, Pg> for PgEnum {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <String as ToSql<Text, Pg>>::to_sql(&self.0, out)
    }
}

impl ToSql<sql_types::CampaignTier, Pg> for PgEnum {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <String as ToSql<Text, Pg>>::to_sql(&self.0, out)
    }
}

impl FromSql<sql_types::UserRole, Pg> for PgEnum {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<sql_types::CampaignTier, Pg> for PgEnum {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<sql_types::PollConfidence, Pg> for PgEnum {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, Pg>>::from_sql(value).map(Self)
    }
}

/// The columns of a user.
#[derive(Queryable, Selectable)]
#[diesel(table_name = user, check_for_backend(Pg))]
pub struct UserRow {
    id: i32,
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
    email: String,
    phone: Option<String>,
    zip: Option<String>,
    avatar: Option<String>,
    meta_data: Option<StoredJson>,
    roles: Option<Vec<PgEnum>>,
    has_password: bool,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let parse = |label: PgEnum| {
            Role::parse(&label.0)
                .ok_or_else(|| inconsistent("user", row.id, format!("role {}", label.0)))
        };
        let mut unreadable = Vec::new();
        Ok(Self {
            id: UserId(row.id),
            first_name: row.first_name,
            last_name: row.last_name,
            name: row.name,
            email: row.email,
            phone: row.phone,
            zip: row.zip,
            avatar: row.avatar,
            meta_data: row.meta_data.map(|json| json.of(JsonColumn::MetaData, &mut unreadable)),
            unreadable,
            roles: row
                .roles
                .unwrap_or_default()
                .into_iter()
                .map(parse)
                .collect::<Result<_, _>>()?,
            has_password: row.has_password,
        })
    }
}

/// Whether a user's name and e-mail address match a pattern, ignoring case.
pub(crate) fn named_like(
    pattern: String,
) -> UncheckedBind<SqlLiteral<Bool>, AsExprOf<String, Text>> {
    sql::<Bool>(r#"concat_ws(' ', "user".first_name, "user".last_name, "user".email) ILIKE "#)
        .bind::<Text, _>(pattern)
}

impl Users for PgUsers<'_> {
    fn search(
        &mut self,
        text: &str,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<User>, i64), StoreError> {
        let pattern = format!("%{}%", escaped(text));
        let rows: Vec<UserRow> = user::table
            .filter(named_like(pattern.clone()))
            .order((user::email, user::id))
            .offset(offset)
            .limit(limit)
            .select(UserRow::as_select())
            .load(self.connection)
            .map_err(store_error)?;
        let total = user::table
            .filter(named_like(pattern))
            .count()
            .get_result(self.connection)
            .map_err(store_error)?;
        Ok((rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?, total))
    }

    fn emails(&mut self, ids: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
        let rows: Vec<(i32, String)> = user::table
            .filter(user::id.eq_any(ids.iter().map(|id| id.0)))
            .select((user::id, user::email))
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(|(id, email)| (UserId(id), email)).collect())
    }

    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = user::table
            .find(id.0)
            .select(UserRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(User::try_from).transpose()
    }

    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = user::table
            .find(id.0)
            .select(UserRow::as_select())
            .for_no_key_update()
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(User::try_from).transpose()
    }

    fn insert(&mut self, new: &NewUser) -> Result<User, StoreError> {
        let roles: Vec<_> = new.roles.iter().map(|role| PgEnum(role.as_str().to_owned())).collect();
        let row: UserRow = diesel::insert_into(user::table)
            .values((
                user::created_at.eq(new.created_at.naive_utc()),
                user::updated_at.eq(new.created_at.naive_utc()),
                user::first_name.eq(&new.first_name),
                user::last_name.eq(&new.last_name),
                user::name.eq(format!("{} {}", new.first_name, new.last_name)),
                user::email.eq(&new.email),
                user::phone.eq(&new.phone),
                user::zip.eq(&new.zip),
                user::roles.eq(roles),
            ))
            .returning(UserRow::as_returning())
            .get_result(self.connection)
            .map_err(store_error)?;
        row.try_into()
    }

    fn find_by_clerk_id(&mut self, id: &ClerkUserId) -> Result<Option<User>, StoreError> {
        let row = user::table
            .filter(user::clerk_id.eq(id.as_str()))
            .select(UserRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(User::try_from).transpose()
    }

    fn find_with_holdings(
        &mut self,
        user: &UserReference,
    ) -> Result<Option<FoundUser>, StoreError> {
        let Some(found) = holdings::load(self.connection, user).map_err(store_error)? else {
            return Ok(None);
        };
        let holdings::Found { user, holdings, legacy_tokens_after } = found;
        Ok(Some(FoundUser { user: user.try_into()?, holdings, legacy_tokens_after }))
    }

    fn clerk_id(&mut self, user: UserId) -> Result<Option<ClerkUserId>, StoreError> {
        let id: Option<Option<String>> = user::table
            .find(user.0)
            .select(user::clerk_id)
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        id.flatten().map(|id| read_clerk_id(user.0, &id)).transpose()
    }

    fn claim_email(&mut self, email: &str) -> Result<Vec<UserId>, StoreError> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext(lower($2)))")
            .bind::<Integer, _>(EMAIL_LOCK)
            .bind::<Text, _>(email)
            .execute(self.connection)
            .map_err(store_error)?;
        // A separate statement: it sees what was committed while this one waited for the lock.
        let ids: Vec<i32> = user::table
            .filter(lower(user::email).eq(lower(email)))
            .select(user::id)
            .load(self.connection)
            .map_err(store_error)?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    fn accounts_of(&mut self, email: &str) -> Result<Vec<Account>, StoreError> {
        let rows: Vec<AccountRow> = user::table
            .filter(lower(user::email).eq(lower(email)))
            .select((UserRow::as_select(), user::clerk_id, user::proven_email))
            .order(user::id)
            .load(self.connection)
            .map_err(store_error)?;
        rows.into_iter().map(account).collect()
    }

    fn accounts_of_for_update(&mut self, email: &str) -> Result<Vec<Account>, StoreError> {
        let _locked: Vec<i32> = user::table
            .filter(lower(user::email).eq(lower(email)))
            .select(user::id)
            .order(user::id)
            .for_no_key_update()
            .load(self.connection)
            .map_err(store_error)?;
        self.accounts_of(email)
    }

    fn link(
        &mut self,
        id: UserId,
        clerk_id: &ClerkUserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        diesel::update(user::table.find(id.0).filter(user::clerk_id.is_null()))
            .set((
                user::clerk_id.eq(clerk_id.as_str()),
                user::legacy_tokens_after.eq(now),
                user::proven_email.eq(None::<String>),
                user::updated_at.eq(now.naive_utc()),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn unlink(&mut self, clerk_id: &ClerkUserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(user::table.filter(user::clerk_id.eq(clerk_id.as_str())))
            .set((user::clerk_id.eq(None::<String>), user::updated_at.eq(now.naive_utc())))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn insert_person(
        &mut self,
        person: &Person,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = diesel::insert_into(user::table)
            .values((
                user::created_at.eq(now.naive_utc()),
                user::updated_at.eq(now.naive_utc()),
                user::first_name.eq(person.first_name.as_deref().unwrap_or_default()),
                user::last_name.eq(person.last_name.as_deref().unwrap_or_default()),
                user::email.eq(email),
                user::roles.eq(vec![PgEnum(Role::Candidate.as_str().to_owned())]),
                user::clerk_id.eq(person.id.as_str()),
                user::legacy_tokens_after.eq(now),
            ))
            .on_conflict_do_nothing()
            .returning(UserRow::as_returning())
            .get_result(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(User::try_from).transpose()
    }

    fn delete(&mut self, id: UserId) -> Result<(), StoreError> {
        diesel::delete(user::table.find(id.0))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn update(&mut self, changed: &User, updated_at: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(user::table.find(changed.id.0))
            .set((
                user::updated_at.eq(updated_at.naive_utc()),
                user::first_name.eq(&changed.first_name),
                user::last_name.eq(&changed.last_name),
                user::name.eq(&changed.name),
                user::email.eq(&changed.email),
                user::phone.eq(&changed.phone),
                user::zip.eq(&changed.zip),
                user::meta_data.eq(changed.meta_data.as_ref().map(|value| {
                    WrittenJson::new(value, JsonColumn::MetaData, &changed.unreadable)
                })),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }
}

/// A user, their Clerk id, and the address before an unverified change.
type AccountRow = (UserRow, Option<String>, Option<String>);

fn account((row, clerk_id, proven_email): AccountRow) -> Result<Account, StoreError> {
    let clerk_id = clerk_id.map(|id| read_clerk_id(row.id, &id)).transpose()?;
    Ok(Account { user: row.try_into()?, clerk_id, proven_email })
}

fn read_clerk_id(user: i32, id: &str) -> Result<ClerkUserId, StoreError> {
    ClerkUserId::parse(id).ok_or_else(|| inconsistent("user", user, "Clerk's id"))
}

/// Fails unless the table has the expected columns; reads no row.
pub(crate) fn probe(connection: &mut PgConnection) -> QueryResult<()> {
    user::table.select(UserRow::as_select()).limit(0).load(connection).map(drop)
}
