//! Campaigns with their voter goals.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    dsl::{Eq, LeftJoinQuerySource, exists},
    expression::BoxableExpression,
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
    sql_types::Bool,
};
use serde_json::Value;
use winserve_domain::{
    base::{
        CampaignId, MachineFilter, OrganizationId, Page, PathToVictoryId, StoreError, UserId,
        unreadable::JsonColumn,
    },
    campaigns::{
        Campaign, CampaignFilter, Campaigns, ListedCampaign, NewCampaign, PathToVictory,
        campaign_json,
    },
    organizations::{ActiveCampaign, OrganizationProblem, RequestKey},
    positions::PositionLink,
};

use crate::{
    campaign_list,
    error::{deletion_error, store_error},
    json::{StoredJson, WrittenJson},
    like::escaped,
    limits::Limits,
    paging,
    schema::{campaign, path_to_victory},
    tables::{
        self, CAMPAIGN,
        clerk_id::{ClerkIdOf, OrganizationIds},
        links::{self, LinkColumn},
    },
    users::PgEnum,
};

/// Campaigns with their voter goals, on one connection.
pub struct PgCampaigns<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Storage limits per user.
    pub limits: Limits,
}

/// The columns of a campaign that are not about its organization, office or district.
#[derive(Queryable, Selectable)]
#[diesel(table_name = campaign, check_for_backend(Pg))]
pub struct CampaignRow {
    id: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    slug: String,
    is_active: bool,
    is_verified: Option<bool>,
    is_pro: Option<bool>,
    is_demo: bool,
    did_win: Option<bool>,
    date_verified: Option<NaiveDateTime>,
    tier: Option<PgEnum>,
    data: StoredJson,
    details: StoredJson,
    ai_content: StoredJson,
    vendor_ts_data: StoredJson,
    user_id: i32,
    completed_task_ids: Option<Vec<String>>,
    formatted_address: Option<String>,
    place_id: Option<String>,
    can_download_federal: bool,
    has_free_texts_offer: bool,
    free_texts_offer_redeemed_at: Option<NaiveDateTime>,
}

/// Voter goals.
#[derive(Queryable, Selectable)]
#[diesel(table_name = path_to_victory, check_for_backend(Pg))]
pub struct PathToVictoryRow {
    id: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    data: StoredJson,
}

impl From<PathToVictoryRow> for PathToVictory {
    fn from(row: PathToVictoryRow) -> Self {
        let mut unreadable = Vec::new();
        Self {
            id: PathToVictoryId(row.id),
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
            data: row.data.of(JsonColumn::PathToVictory, &mut unreadable),
            unreadable,
        }
    }
}

impl CampaignRow {
    /// The campaign with office and district from the tables.
    pub(crate) fn with(
        self,
        (organization, link): Linked,
        goals: Option<PathToVictoryRow>,
    ) -> Campaign {
        let link = link.map(|link| links::read(self.id, link));
        let campaign = self.without_link(organization, goals);
        match link {
            Some(Ok(link)) => with_link(campaign, link),
            Some(Err(error)) => unreadable(campaign, &error),
            None => campaign,
        }
    }

    /// The key.
    #[must_use]
    pub fn id(&self) -> CampaignId {
        CampaignId(self.id)
    }

    /// The campaign with only its JSON to say which office and district it has.
    #[must_use]
    pub fn without_link(
        self,
        (organization, clerk): OrganizationIds,
        goals: Option<PathToVictoryRow>,
    ) -> Campaign {
        let mut unreadable = Vec::new();
        Campaign {
            id: CampaignId(self.id),
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
            slug: self.slug,
            is_active: self.is_active,
            is_verified: self.is_verified,
            is_pro: self.is_pro,
            is_demo: self.is_demo,
            did_win: self.did_win,
            date_verified: self.date_verified.map(|at| at.and_utc()),
            tier: self.tier.map(|label| label.0),
            data: self.data.of(JsonColumn::Data, &mut unreadable),
            details: self.details.of(JsonColumn::Details, &mut unreadable),
            ai_content: self.ai_content.of(JsonColumn::AiContent, &mut unreadable),
            vendor_ts_data: self.vendor_ts_data.of(JsonColumn::VendorTsData, &mut unreadable),
            user_id: UserId(self.user_id),
            // Old rows contain NULL for an empty list (legacy contract §1).
            completed_task_ids: self.completed_task_ids.unwrap_or_default(),
            organization_id: organization.map(OrganizationId),
            clerk_organization_id: clerk,
            formatted_address: self.formatted_address,
            place_id: self.place_id,
            can_download_federal: self.can_download_federal,
            has_free_texts_offer: self.has_free_texts_offer,
            free_texts_offer_redeemed_at: self.free_texts_offer_redeemed_at.map(|at| at.and_utc()),
            path_to_victory: goals.map(PathToVictory::from),
            stored_link: None,
            link_problem: None,
            wants_repair: false,
            unreadable,
        }
    }
}

/// A campaign with office and district from the tables; its JSON shows them too.
#[must_use]
pub fn with_link(mut campaign: Campaign, link: PositionLink) -> Campaign {
    campaign_json::show(&link, &mut campaign);
    Campaign { stored_link: Some(link), ..campaign }
}

/// A campaign whose position or district cannot be read.
#[must_use]
pub fn unreadable(campaign: Campaign, error: &StoreError) -> Campaign {
    tracing::error!(campaign = campaign.id.0, %error, "a campaign's position cannot be read");
    Campaign { link_problem: Some(OrganizationProblem::Unreadable), ..campaign }
}

/// Organization and link of a campaign.
pub(crate) type Linked = (OrganizationIds, Option<Value>);

/// A condition on a source of rows.
type Condition<Source> = Box<dyn BoxableExpression<Source, Pg, SqlType = Bool>>;
/// Campaigns with their voter goals, if they have any.
type WithGoals = LeftJoinQuerySource<campaign::table, path_to_victory::table>;

impl PgCampaigns<'_> {
    /// The only campaign that matches a condition, if any.
    fn the_one(&mut self, condition: Condition<WithGoals>) -> Result<Option<Campaign>, StoreError> {
        let found = campaign::table
            .left_join(path_to_victory::table)
            .filter(condition)
            .select((
                CampaignRow::as_select(),
                ((campaign::organization_id, ClerkIdOf(campaign::organization_id)), LinkColumn),
                Option::<PathToVictoryRow>::as_select(),
            ))
            .first::<(CampaignRow, Linked, _)>(self.connection)
            .optional()
            .map_err(store_error)?;
        Ok(found.map(|(row, held, goals)| row.with(held, goals)))
    }

    /// [`the_one`](Self::the_one), locked: always the campaign before its voter goals.
    fn the_one_locked(
        &mut self,
        condition: Condition<campaign::table>,
    ) -> Result<Option<Campaign>, StoreError> {
        let found = campaign::table
            .filter(condition)
            .select((
                CampaignRow::as_select(),
                (campaign::organization_id, ClerkIdOf(campaign::organization_id)),
            ))
            .for_no_key_update()
            .first::<(CampaignRow, OrganizationIds)>(self.connection)
            .optional()
            .map_err(store_error)?;
        let Some((row, organization)) = found else { return Ok(None) };
        let goals = path_to_victory::table
            .filter(path_to_victory::campaign_id.eq(row.id))
            .select(PathToVictoryRow::as_select())
            .for_no_key_update()
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        // Read after the lock: a statement that waited for it does not see all rows that the
        // previous holder wrote.
        let link: Option<Value> = campaign::table
            .find(row.id)
            .select(LinkColumn)
            .first(self.connection)
            .map_err(store_error)?;
        // An unreadable position is shown as such and never overwritten.
        let link = link.map(|link| links::read(row.id, link)).transpose()?;
        let campaign = row.without_link(organization, goals);
        Ok(Some(match link {
            Some(link) => with_link(campaign, link),
            None => campaign,
        }))
    }

    /// [`Campaigns::insert`], with the details exactly as given.
    ///
    /// # Errors
    /// See there.
    pub fn create(
        &mut self,
        new: &NewCampaign,
        request: Option<&RequestKey>,
    ) -> Result<Campaign, StoreError> {
        self.limits.check_campaigns(self.connection, new.user_id)?;
        let at = new.created_at;
        let OrganizationId(own) =
            tables::insert_organization(self.connection, new.user_id, CAMPAIGN, request, at)?;
        // A trigger adds a custom position.
        let row: CampaignRow = diesel::insert_into(campaign::table)
            .values((new_columns(new), campaign::organization_id.eq(own)))
            .returning(CampaignRow::as_returning())
            .get_result(self.connection)
            .map_err(store_error)?;
        Ok(row.without_link((Some(own), None), None))
    }

    /// [`Campaigns::update`], with these details exactly as given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&mut self, changed: &Campaign, details: &Value) -> Result<(), StoreError> {
        let data = written(&changed.data, JsonColumn::Data, changed);
        let details = written(details, JsonColumn::Details, changed);
        let ai_content = written(&changed.ai_content, JsonColumn::AiContent, changed);
        for column in [data, details, ai_content] {
            self.limits.check_json(self.connection, Some(changed.id.0), column)?;
        }
        diesel::update(campaign::table.find(changed.id.0))
            .set((
                campaign::updated_at.eq(changed.updated_at.naive_utc()),
                campaign::data.eq(data),
                campaign::details.eq(details),
                campaign::ai_content.eq(ai_content),
                campaign::formatted_address.eq(&changed.formatted_address),
                campaign::place_id.eq(&changed.place_id),
                campaign::can_download_federal.eq(changed.can_download_federal),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    /// [`Campaigns::update_path_to_victory`], with this data exactly as given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write_path_to_victory(
        &mut self,
        goals: &PathToVictory,
        data: &Value,
    ) -> Result<(), StoreError> {
        let data = WrittenJson::new(data, JsonColumn::PathToVictory, &goals.unreadable);
        self.limits.check_json(self.connection, Some(goals.id.0), data)?;
        diesel::update(path_to_victory::table.find(goals.id.0))
            .set((
                path_to_victory::updated_at.eq(goals.updated_at.naive_utc()),
                path_to_victory::data.eq(data),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    /// [`Campaigns::insert_path_to_victory`], with this data exactly as given.
    ///
    /// # Errors
    /// See there.
    pub fn create_path_to_victory(
        &mut self,
        campaign: CampaignId,
        data: &Value,
        now: DateTime<Utc>,
    ) -> Result<PathToVictory, StoreError> {
        let data = WrittenJson::new(data, JsonColumn::PathToVictory, &[]);
        self.limits.check_json(self.connection, None, data)?;
        diesel::insert_into(path_to_victory::table)
            .values((
                path_to_victory::campaign_id.eq(campaign.0),
                path_to_victory::created_at.eq(now.naive_utc()),
                path_to_victory::updated_at.eq(now.naive_utc()),
                path_to_victory::data.eq(data),
            ))
            .returning(PathToVictoryRow::as_returning())
            .get_result(self.connection)
            .map_err(store_error)
            .map(PathToVictory::from)
    }
}

impl Campaigns for PgCampaigns<'_> {
    fn has_any(&mut self, owner: UserId) -> Result<bool, StoreError> {
        let theirs = campaign::table.filter(campaign::user_id.eq(owner.0)).select(campaign::id);
        diesel::select(exists(theirs)).get_result(self.connection).map_err(store_error)
    }

    fn find_active(&mut self, active: ActiveCampaign) -> Result<Option<Campaign>, StoreError> {
        let (id, owner) = (active.id().0, active.owner().0);
        self.the_one(Box::new(campaign::id.eq(id).and(campaign::user_id.eq(owner))))
    }

    fn find_active_for_update(
        &mut self,
        active: ActiveCampaign,
    ) -> Result<Option<Campaign>, StoreError> {
        let (id, owner) = (active.id().0, active.owner().0);
        self.the_one_locked(Box::new(campaign::id.eq(id).and(campaign::user_id.eq(owner))))
    }

    fn find_by_slug(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError> {
        self.the_one(Box::new(campaign::slug.eq(slug.to_owned())))
    }

    fn find_by_slug_for_update(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError> {
        self.the_one_locked(Box::new(campaign::slug.eq(slug.to_owned())))
    }

    fn find(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.the_one(Box::new(campaign::id.eq(id.0)))
    }

    fn find_for_update(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.the_one_locked(Box::new(campaign::id.eq(id.0)))
    }

    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<Campaign>, StoreError> {
        self.the_one(Box::new(campaign::organization_id.eq(organization.0).assume_not_null()))
    }

    fn find_of_goals(&mut self, goals: PathToVictoryId) -> Result<Option<Campaign>, StoreError> {
        let has_goals = path_to_victory::id.nullable().eq(goals.0);
        self.the_one(Box::new(has_goals.assume_not_null()))
    }

    fn find_of_goals_for_update(
        &mut self,
        goals: PathToVictoryId,
    ) -> Result<Option<Campaign>, StoreError> {
        let owner = path_to_victory::table
            .filter(path_to_victory::id.eq(goals.0))
            .select(path_to_victory::campaign_id);
        self.the_one_locked(Box::new(campaign::id.eq_any(owner)))
    }

    fn page(
        &mut self,
        filter: &MachineFilter,
        page: Page,
    ) -> Result<(Vec<Campaign>, i64), StoreError> {
        let rows = matching(filter)
            .select((
                CampaignRow::as_select(),
                ((campaign::organization_id, ClerkIdOf(campaign::organization_id)), LinkColumn),
            ))
            .order((paging::order("campaign", page), campaign::id))
            .offset(page.offset)
            .limit(page.limit)
            .load_iter::<(CampaignRow, Linked), PgRowByRowLoadingMode>(self.connection)
            .map_err(store_error)?;
        let rows = self.limits.collect(rows)?;
        let total = matching(filter).count().get_result(self.connection).map_err(store_error)?;
        Ok((rows.into_iter().map(|(row, held)| row.with(held, None)).collect(), total))
    }

    fn page_of_goals(&mut self, page: Page) -> Result<(Vec<Campaign>, i64), StoreError> {
        let rows = campaign::table
            .inner_join(path_to_victory::table)
            .select((
                CampaignRow::as_select(),
                ((campaign::organization_id, ClerkIdOf(campaign::organization_id)), LinkColumn),
                PathToVictoryRow::as_select(),
            ))
            .order((paging::order("path_to_victory", page), path_to_victory::id))
            .offset(page.offset)
            .limit(page.limit)
            .load_iter::<(CampaignRow, Linked, PathToVictoryRow), PgRowByRowLoadingMode>(
                self.connection,
            )
            .map_err(store_error)?;
        let rows = self.limits.collect(rows)?;
        let total =
            path_to_victory::table.count().get_result(self.connection).map_err(store_error)?;
        let campaigns = rows.into_iter().map(|(row, held, goals)| row.with(held, Some(goals)));
        Ok((campaigns.collect(), total))
    }

    fn taken_slugs(&mut self, slugs: &[String]) -> Result<Vec<String>, StoreError> {
        campaign::table
            .filter(campaign::slug.eq_any(slugs))
            .select(campaign::slug)
            .load(self.connection)
            .map_err(store_error)
    }

    fn insert(
        &mut self,
        new: &NewCampaign,
        request: Option<&RequestKey>,
    ) -> Result<Campaign, StoreError> {
        let details = campaign_json::without_moved_details(&new.details);
        let stored = self.create(&NewCampaign { details, ..new.clone() }, request)?;
        Ok(Campaign { details: new.details.clone(), ..stored })
    }

    fn update(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        self.write(changed, &campaign_json::without_moved_details(&changed.details))
    }

    fn update_path_to_victory(&mut self, goals: &PathToVictory) -> Result<(), StoreError> {
        self.write_path_to_victory(
            goals,
            &campaign_json::without_moved_path_to_victory(&goals.data),
        )
    }

    fn insert_path_to_victory(
        &mut self,
        campaign: CampaignId,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<PathToVictory, StoreError> {
        let data = campaign_json::without_moved_path_to_victory(&data);
        self.create_path_to_victory(campaign, &data, now)
    }

    fn update_progress(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        let data = written(&changed.data, JsonColumn::Data, changed);
        self.limits.check_json(self.connection, Some(changed.id.0), data)?;
        diesel::update(campaign::table.find(changed.id.0))
            .set((
                campaign::updated_at.eq(changed.updated_at.naive_utc()),
                campaign::is_active.eq(changed.is_active),
                campaign::data.eq(data),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn list(&mut self, filter: &CampaignFilter) -> Result<Vec<ListedCampaign>, StoreError> {
        campaign_list::list(self.connection, self.limits, filter)
    }

    fn update_scalars(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        let redeemed_at = changed.free_texts_offer_redeemed_at.map(|at| at.naive_utc());
        diesel::update(campaign::table.find(changed.id.0))
            .set((
                campaign::updated_at.eq(changed.updated_at.naive_utc()),
                campaign::slug.eq(&changed.slug),
                campaign::is_active.eq(changed.is_active),
                campaign::is_verified.eq(changed.is_verified),
                campaign::is_pro.eq(changed.is_pro),
                campaign::is_demo.eq(changed.is_demo),
                campaign::did_win.eq(changed.did_win),
                campaign::date_verified.eq(changed.date_verified.map(|at| at.naive_utc())),
                campaign::tier.eq(changed.tier.clone().map(PgEnum)),
                campaign::completed_task_ids.eq(&changed.completed_task_ids),
                campaign::has_free_texts_offer.eq(changed.has_free_texts_offer),
                campaign::free_texts_offer_redeemed_at.eq(redeemed_at),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn delete(&mut self, id: CampaignId) -> Result<(), StoreError> {
        diesel::delete(campaign::table.find(id.0))
            .execute(self.connection)
            .map(drop)
            .map_err(deletion_error)
    }
}

/// The campaigns that match a filter of machines.
#[must_use]
pub fn matching(filter: &MachineFilter) -> campaign::BoxedQuery<'static, Pg> {
    let mut query = campaign::table.into_boxed();
    if let Some(owner) = filter.user_id {
        query = query.filter(campaign::user_id.eq(owner.0));
    }
    if let Some(part) = &filter.slug {
        query = query.filter(campaign::slug.ilike(format!("%{}%", escaped(part))));
    }
    query
}

/// The columns of a new campaign.
type NewColumns<'a> = (
    Eq<campaign::created_at, NaiveDateTime>,
    Eq<campaign::updated_at, NaiveDateTime>,
    Eq<campaign::slug, &'a String>,
    Eq<campaign::user_id, i32>,
    Eq<campaign::is_active, bool>,
    Eq<campaign::data, &'a Value>,
    Eq<campaign::details, &'a Value>,
);

/// The columns of a new campaign, without its organization.
#[must_use]
pub fn new_columns(new: &NewCampaign) -> NewColumns<'_> {
    (
        campaign::created_at.eq(new.created_at.naive_utc()),
        campaign::updated_at.eq(new.created_at.naive_utc()),
        campaign::slug.eq(&new.slug),
        campaign::user_id.eq(new.user_id.0),
        campaign::is_active.eq(new.is_active),
        campaign::data.eq(&new.data),
        campaign::details.eq(&new.details),
    )
}

/// A column of a campaign, with its unreadable parts.
fn written<'a>(value: &'a Value, column: JsonColumn, of: &'a Campaign) -> WrittenJson<'a> {
    WrittenJson::new(value, column, &of.unreadable)
}

/// Fails unless the tables have the expected columns; reads no row.
pub(crate) fn probe(connection: &mut PgConnection) -> QueryResult<()> {
    campaign::table
        .left_join(path_to_victory::table)
        .select((CampaignRow::as_select(), Option::<PathToVictoryRow>::as_select()))
        .limit(0)
        .load::<(CampaignRow, Option<PathToVictoryRow>)>(connection)
        .map(drop)
}
