//! Users before phase 2.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    expression::SqlLiteral,
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, StoreError, UserId},
    clerk::{ClerkUserId, Person},
    organizations::{Holder, Holding},
    users::{Account, FoundUser, NewUser, User, UserReference, Users},
};
use winserve_persistence::{
    holdings::json_bytes,
    schema::{campaign, elected_office, user},
    store_error,
    users::{PgUsers, UserRow},
};

use crate::phase::Phase;

/// Users in `legacy` and phase 1.
pub(crate) struct JsonUsers<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) phase: Phase,
}

impl JsonUsers<'_> {
    fn tables(&mut self) -> PgUsers<'_> {
        PgUsers { connection: self.connection }
    }
}

impl Users for JsonUsers<'_> {
    fn find_with_holdings(
        &mut self,
        user: &UserReference,
    ) -> Result<Option<FoundUser>, StoreError> {
        let mut found = match user {
            UserReference::Ours(id) if !self.phase.has_tables() => load(self.connection, *id)?,
            _ => self.tables().find_with_holdings(user)?,
        };
        if let Some(found) = &mut found {
            pay_for_campaigns(&mut found.holdings);
        }
        Ok(found)
    }

    fn clerk_id(&mut self, user: UserId) -> Result<Option<ClerkUserId>, StoreError> {
        if self.phase.has_tables() { self.tables().clerk_id(user) } else { Ok(None) }
    }

    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.tables().find(id)
    }

    fn search(
        &mut self,
        text: &str,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<User>, i64), StoreError> {
        self.tables().search(text, offset, limit)
    }

    fn emails(&mut self, ids: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
        self.tables().emails(ids)
    }

    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.tables().find_for_update(id)
    }

    fn update(&mut self, user: &User, updated_at: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables().update(user, updated_at)
    }

    fn insert(&mut self, user: &NewUser) -> Result<User, StoreError> {
        self.tables().insert(user)
    }

    fn find_by_clerk_id(&mut self, id: &ClerkUserId) -> Result<Option<User>, StoreError> {
        self.tables().find_by_clerk_id(id)
    }

    fn claim_email(&mut self, email: &str) -> Result<Vec<UserId>, StoreError> {
        self.tables().claim_email(email)
    }

    fn accounts_of(&mut self, email: &str) -> Result<Vec<Account>, StoreError> {
        self.tables().accounts_of(email)
    }

    fn accounts_of_for_update(&mut self, email: &str) -> Result<Vec<Account>, StoreError> {
        self.tables().accounts_of_for_update(email)
    }

    fn link(
        &mut self,
        user: UserId,
        id: &ClerkUserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.tables().link(user, id, now)
    }

    fn unlink(&mut self, id: &ClerkUserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables().unlink(id, now)
    }

    fn insert_person(
        &mut self,
        person: &Person,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError> {
        self.tables().insert_person(person, email, now)
    }

    fn delete(&mut self, id: UserId) -> Result<(), StoreError> {
        self.tables().delete(id)
    }
}

/// The user with the time when their earlier tokens became invalid, one campaign with the size of
/// its JSON, and one office with whether it is active.
type LegacyRow =
    (UserRow, Option<DateTime<Utc>>, Option<(i32, Option<bool>)>, i64, Option<(String, bool)>);

/// The column with that name if the database has it, otherwise `None`. Tokens invalidated by a link
/// stay invalid after going back to `legacy`.
fn legacy_tokens_after() -> SqlLiteral<Nullable<Timestamptz>> {
    sql(r#"(to_jsonb("user") ->> 'legacy_tokens_after')::timestamptz"#)
}

/// In `legacy`, where our tables may not exist: every campaign joined with every office.
fn load(connection: &mut PgConnection, id: UserId) -> Result<Option<FoundUser>, StoreError> {
    let rows: Vec<LegacyRow> = user::table
        .left_join(campaign::table.on(campaign::user_id.eq(user::id)))
        .left_join(elected_office::table.on(elected_office::user_id.eq(user::id)))
        .filter(user::id.eq(id.0))
        .select((
            UserRow::as_select(),
            legacy_tokens_after(),
            (campaign::id, campaign::is_pro).nullable(),
            json_bytes("campaign.id"),
            (elected_office::id, elected_office::is_active).nullable(),
        ))
        .load(connection)
        .map_err(store_error)?;
    let unorganized = |holder| Holding {
        holder,
        organization: None,
        clerk_organization: None,
        is_live: true,
        is_paid_for: false,
        json_bytes: 0,
    };
    let mut campaigns = BTreeMap::new();
    let mut offices = BTreeMap::new();
    let mut found = None;
    for (user, legacy_tokens_after, campaign, json_bytes, office) in rows {
        found.get_or_insert((user, legacy_tokens_after));
        if let Some((id, is_pro)) = campaign {
            let holding = unorganized(Holder::Campaign(CampaignId(id)));
            let is_paid_for = is_pro.unwrap_or_default();
            let json_bytes = u64::try_from(json_bytes).unwrap_or_default();
            campaigns.insert(id, Holding { is_paid_for, json_bytes, ..holding });
        }
        if let Some((id, is_live)) = office {
            let holding = unorganized(Holder::ElectedOffice(ElectedOfficeId(id.clone())));
            offices.insert(id, Holding { is_live, ..holding });
        }
    }
    let Some((user, legacy_tokens_after)) = found else { return Ok(None) };
    let holdings = campaigns.into_values().chain(offices.into_values()).collect();
    Ok(Some(FoundUser { user: user.try_into()?, holdings, legacy_tokens_after }))
}

/// Before phase 2, an office pays for the campaigns of its holder, as in the old API (legacy
/// contract §5.3).
fn pay_for_campaigns(holdings: &mut [Holding]) {
    let is_office = |it: &Holding| matches!(it.holder, Holder::ElectedOffice(_)) && it.is_live;
    if holdings.iter().any(is_office) {
        for holding in holdings {
            holding.is_paid_for = true;
        }
    }
}
