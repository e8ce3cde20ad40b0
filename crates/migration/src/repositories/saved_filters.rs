//! Saved filters before phase 2: those of a campaign are found by its id.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer},
};
use winserve_domain::{
    base::{CampaignId, SavedFilterId, StoreError, UserId},
    organizations::{ActiveOrganization, Holder},
    saved_filters::{FilterContent, SavedFilter, SavedFilters},
};
use winserve_persistence::{
    Limits,
    saved_filters::{Condition, PgSavedFilters, load, missing_after_insert, write},
    schema::voter_file_filter,
    store_error,
};

use crate::schema::CAMPAIGN_OF_FILTER;

pub(crate) struct FiltersOfCampaigns<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) limits: Limits,
}

/// The filters of one campaign.
fn of_campaign(id: CampaignId) -> Condition {
    Box::new(CAMPAIGN_OF_FILTER.eq(id.0))
}

impl FiltersOfCampaigns<'_> {
    /// For offices, which have filters only from phase 1 on.
    fn tables(&mut self) -> PgSavedFilters<'_> {
        PgSavedFilters { connection: self.connection, limits: self.limits }
    }
}

impl SavedFilters for FiltersOfCampaigns<'_> {
    fn list(&mut self, of: &ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError> {
        let Holder::Campaign(campaign) = of.holder() else { return self.tables().list(of) };
        load(self.connection, of, of_campaign(*campaign), None)
    }

    fn find(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
    ) -> Result<Option<SavedFilter>, StoreError> {
        let Holder::Campaign(campaign) = of.holder() else { return self.tables().find(of, id) };
        let found = load(self.connection, of, of_campaign(*campaign), Some(id))?;
        Ok(found.into_iter().next())
    }

    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError> {
        let Holder::Campaign(campaign) = of.holder() else {
            return self.tables().insert(of, content, now);
        };
        self.limits.check_saved_filters(self.connection, of.owner(), |connection| {
            count(connection, of.owner())
        })?;
        // A trigger adds the organization.
        let id: i32 = diesel::insert_into(voter_file_filter::table)
            .values((
                voter_file_filter::created_at.eq(now.naive_utc()),
                voter_file_filter::updated_at.eq(now.naive_utc()),
                CAMPAIGN_OF_FILTER.eq(campaign.0),
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
        let Holder::Campaign(campaign) = of.holder() else {
            return self.tables().update(of, id, content, now);
        };
        write(self.connection, of, of_campaign(*campaign), id, content, now)
    }

    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError> {
        let Holder::Campaign(campaign) = of.holder() else {
            return self.tables().delete(of, id);
        };
        let deleted = diesel::delete(voter_file_filter::table)
            .filter(CAMPAIGN_OF_FILTER.eq(campaign.0))
            .filter(voter_file_filter::id.eq(id.0))
            .execute(self.connection)
            .map_err(store_error)?;
        Ok(deleted > 0)
    }
}

/// How many filters the campaigns of a user have.
fn count(connection: &mut PgConnection, owner: UserId) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    diesel::sql_query(
        "SELECT count(*) AS count FROM voter_file_filter
         WHERE campaign_id IN (SELECT id FROM campaign WHERE user_id = $1)",
    )
    .bind::<Integer, _>(owner.0)
    .get_result(connection)
    .map(|Counted { count }| count)
}
