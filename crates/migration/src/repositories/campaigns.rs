//! Campaigns, read from the JSON before phase 2, and completed from it until phase 3. In phase 3, the
//! JSON keeps the moved keys that it still has, for the way back, and never gets one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::{
    dsl::LeftJoinQuerySource,
    expression::BoxableExpression,
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
    sql_types::{Array, Bool, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use serde_json::Value;
use uuid::Uuid;
use winserve_domain::{
    base::{
        CampaignId, MachineFilter, OrganizationId, Page, PathToVictoryId, StoreError, UserId,
        unreadable::{JsonColumn, Unreadable},
    },
    campaigns::{
        Campaign, CampaignFilter, Campaigns, ListedCampaign, NewCampaign, PathToVictory,
        campaign_json,
    },
    organizations::{ActiveCampaign, RequestKey},
};
use winserve_persistence::{
    Limits,
    campaign_list::{self, OwnerRow},
    campaigns::{
        CampaignRow, PathToVictoryRow, PgCampaigns, matching, new_columns, unreadable, with_link,
    },
    paging,
    schema::{campaign, path_to_victory},
    store_error,
    tables::{
        clerk_id::{ClerkIdOf, OrganizationIds},
        links::{self, LinkColumn},
    },
};

use super::IsOutdated;
use crate::{
    legacy::filters::{in_state, of_level},
    phase::Phase,
};

pub(crate) struct PhasedCampaigns<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) phase: Phase,
    pub(crate) limits: Limits,
}

/// Organization and link of a campaign, and whether the old service has changed it since; nothing
/// of that in phases that do not read it.
type Held = (OrganizationIds, Option<Value>, bool);

type Column<Source, T> = Box<dyn BoxableExpression<Source, Pg, SqlType = T>>;
/// Our id of the organization, and Clerk's.
type IdColumns<Source> = (Column<Source, Nullable<SqlUuid>>, Column<Source, Nullable<Text>>);
type HeldColumns<Source> =
    (IdColumns<Source>, Column<Source, Nullable<Jsonb>>, Column<Source, Bool>);

/// A condition on a source of rows.
type Condition<Source> = Column<Source, Bool>;
/// Campaigns with their voter goals, if they have any.
type WithGoals = LeftJoinQuerySource<campaign::table, path_to_victory::table>;

/// The organization of a campaign; NULL in `legacy`, where the column may not exist.
fn organization_column<Source>(phase: Phase) -> IdColumns<Source>
where
    campaign::organization_id: SelectableExpression<Source>,
{
    if phase.has_tables() {
        (Box::new(campaign::organization_id), Box::new(ClerkIdOf(campaign::organization_id)))
    } else {
        let (ours, clerk) = (None::<Uuid>, None::<String>);
        (
            Box::new(ours.into_sql::<Nullable<SqlUuid>>()),
            Box::new(clerk.into_sql::<Nullable<Text>>()),
        )
    }
}

/// Whether the old service has changed the campaign; false where its JSON no longer says anything.
fn outdated_column<Source>(phase: Phase) -> Column<Source, Bool>
where
    campaign::id: SelectableExpression<Source>,
{
    if phase.writes_both() {
        Box::new(IsOutdated(campaign::id))
    } else {
        Box::new(false.into_sql::<Bool>())
    }
}

fn held_columns<Source>(phase: Phase) -> HeldColumns<Source>
where
    campaign::organization_id: SelectableExpression<Source>,
    campaign::id: SelectableExpression<Source>,
{
    let organization = organization_column(phase);
    if phase.reads_tables() {
        (organization, Box::new(LinkColumn), outdated_column(phase))
    } else {
        let none = None::<Value>.into_sql::<Nullable<Jsonb>>();
        (organization, Box::new(none), Box::new(false.into_sql::<Bool>()))
    }
}

fn read(
    row: CampaignRow,
    (organization, link, is_outdated): Held,
    goals: Option<PathToVictoryRow>,
) -> Campaign {
    let link = link.map(|link| links::read(row.id().0, link));
    let campaign = row.without_link(organization, goals);
    match link {
        Some(Ok(link)) => Campaign { wants_repair: is_outdated, ..with_link(campaign, link) },
        Some(Err(error)) => unreadable(campaign, &error),
        None => campaign,
    }
}

/// A stored member of a JSON object, in the database's own text.
#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    text: String,
}

impl Kept {
    fn of(self, column: JsonColumn) -> Unreadable {
        Unreadable { column, key: Some(self.key), text: self.text }
    }
}

/// What to write so that the kept members stay exactly as they are stored: like unreadable ones.
fn with_kept<T: Clone>(
    changed: &T,
    kept: Vec<Unreadable>,
    unreadable: fn(&mut T) -> &mut Vec<Unreadable>,
) -> Cow<'_, T> {
    if kept.is_empty() {
        return Cow::Borrowed(changed);
    }
    let mut changed = changed.clone();
    let parts = unreadable(&mut changed);
    parts.retain(|part| kept.iter().all(|it| (it.column, &it.key) != (part.column, &part.key)));
    parts.extend(kept);
    Cow::Owned(changed)
}

impl PhasedCampaigns<'_> {
    fn tables(&mut self) -> PgCampaigns<'_> {
        PgCampaigns { connection: self.connection, limits: self.limits }
    }

    /// Whether the JSON says which office and district a campaign has.
    fn writes_json(&self) -> bool {
        self.phase < Phase::Three
    }

    /// The moved keys that the stored details still have. City, county and district count only if
    /// the position was custom and still is: otherwise they are the user's own text, before or now.
    fn kept_of_details(&mut self, changed: &Campaign) -> QueryResult<Vec<Unreadable>> {
        let moved = campaign_json::moved_details(campaign_json::is_custom(&changed.details));
        let kept: Vec<Kept> = diesel::sql_query(
            "SELECT key, value::text AS text FROM campaign,
                 jsonb_each(CASE jsonb_typeof(details) WHEN 'object' THEN details ELSE '{}' END)
             WHERE id = $1 AND key = ANY (CASE WHEN position_id LIKE 'custom:%' THEN $2 ELSE $3 END)",
        )
        .bind::<Integer, _>(changed.id.0)
        .bind::<Array<Text>, _>(moved.collect::<Vec<_>>())
        .bind::<Array<Text>, _>(campaign_json::MOVED_DETAILS.as_slice())
        .load(self.connection)?;
        Ok(kept.into_iter().map(|it| it.of(JsonColumn::Details)).collect())
    }

    /// The moved keys that stored voter goals still have.
    fn kept_of_goals(&mut self, goals: &PathToVictory) -> QueryResult<Vec<Unreadable>> {
        let kept: Vec<Kept> = diesel::sql_query(
            "SELECT key, value::text AS text FROM path_to_victory,
                 jsonb_each(CASE jsonb_typeof(data) WHEN 'object' THEN data ELSE '{}' END)
             WHERE id = $1 AND key = ANY ($2)",
        )
        .bind::<Integer, _>(goals.id.0)
        .bind::<Array<Text>, _>(campaign_json::MOVED_PATH_TO_VICTORY.as_slice())
        .load(self.connection)?;
        Ok(kept.into_iter().map(|it| it.of(JsonColumn::PathToVictory)).collect())
    }

    /// The only campaign that matches a condition, if any.
    fn the_one(&mut self, condition: Condition<WithGoals>) -> Result<Option<Campaign>, StoreError> {
        let found = campaign::table
            .left_join(path_to_victory::table)
            .filter(condition)
            .select((
                CampaignRow::as_select(),
                held_columns(self.phase),
                Option::<PathToVictoryRow>::as_select(),
            ))
            .first::<(CampaignRow, Held, _)>(self.connection)
            .optional()
            .map_err(store_error)?;
        Ok(found.map(|(row, held, goals)| read(row, held, goals)))
    }

    /// [`the_one`](Self::the_one), locked: always the campaign before its voter goals.
    fn the_one_locked(
        &mut self,
        condition: Condition<campaign::table>,
    ) -> Result<Option<Campaign>, StoreError> {
        let found = campaign::table
            .filter(condition)
            .select((CampaignRow::as_select(), organization_column(self.phase)))
            .for_no_key_update()
            .first::<(CampaignRow, OrganizationIds)>(self.connection)
            .optional()
            .map_err(store_error)?;
        let Some((row, organization)) = found else { return Ok(None) };
        let id = row.id().0;
        let goals = path_to_victory::table
            .filter(path_to_victory::campaign_id.eq(id))
            .select(PathToVictoryRow::as_select())
            .for_no_key_update()
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        let told = row.without_link(organization, goals);
        if !self.phase.has_tables() {
            return Ok(Some(told));
        }
        if !self.phase.reads_tables() && told.organization_id.is_none() {
            return Ok(Some(Campaign { wants_repair: true, ..told }));
        }
        // Read after the lock: a statement that waited for it does not see all rows that the
        // previous holder wrote.
        let (link, is_outdated): (Option<Value>, bool) = campaign::table
            .find(id)
            .select((LinkColumn, outdated_column(self.phase)))
            .first(self.connection)
            .map_err(store_error)?;
        let link = link.map(|link| links::read(id, link)).transpose();
        if !self.phase.reads_tables() {
            // Unreadable data counts as different.
            let agrees = link.ok().flatten().is_some_and(|link| link.agrees_with(&told.link()));
            return Ok(Some(Campaign { wants_repair: !agrees, ..told }));
        }
        // An unreadable position is shown as such and never overwritten.
        Ok(Some(match link? {
            // A write of the JSON starts from its current content.
            Some(link) if is_outdated && !link.agrees_with(&told.link()) => {
                Campaign { stored_link: Some(link), wants_repair: true, ..told }
            }
            Some(link) => with_link(told, link),
            None => told,
        }))
    }
}

impl Campaigns for PhasedCampaigns<'_> {
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

    fn find_from_json(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
        // The JSON is authoritative here.
        let Self { ref mut connection, limits, .. } = *self;
        PhasedCampaigns { connection, phase: Phase::One, limits }.find(id)
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
            .select((CampaignRow::as_select(), held_columns(self.phase)))
            .order((paging::order("campaign", page), campaign::id))
            .offset(page.offset)
            .limit(page.limit)
            .load_iter::<(CampaignRow, Held), PgRowByRowLoadingMode>(self.connection)
            .map_err(store_error)?;
        let rows = self.limits.collect(rows)?;
        let total = matching(filter).count().get_result(self.connection).map_err(store_error)?;
        Ok((rows.into_iter().map(|(row, held)| read(row, held, None)).collect(), total))
    }

    fn page_of_goals(&mut self, page: Page) -> Result<(Vec<Campaign>, i64), StoreError> {
        let rows = campaign::table
            .inner_join(path_to_victory::table)
            .select((
                CampaignRow::as_select(),
                held_columns(self.phase),
                PathToVictoryRow::as_select(),
            ))
            .order((paging::order("path_to_victory", page), path_to_victory::id))
            .offset(page.offset)
            .limit(page.limit)
            .load_iter::<(CampaignRow, Held, PathToVictoryRow), PgRowByRowLoadingMode>(
                self.connection,
            )
            .map_err(store_error)?;
        let rows = self.limits.collect(rows)?;
        let total =
            path_to_victory::table.count().get_result(self.connection).map_err(store_error)?;
        let campaigns = rows.into_iter().map(|(row, held, goals)| read(row, held, Some(goals)));
        Ok((campaigns.collect(), total))
    }

    fn list(&mut self, filter: &CampaignFilter) -> Result<Vec<ListedCampaign>, StoreError> {
        if self.phase.reads_tables() {
            return self.tables().list(filter);
        }
        let mut query = campaign_list::matching(filter);
        if let Some(code) = &filter.state {
            query = query.filter(in_state(code));
        }
        if let Some(level) = filter.level {
            query = query.filter(of_level(level));
        }
        let rows = query
            .select((
                CampaignRow::as_select(),
                organization_column(self.phase),
                OwnerRow::as_select(),
                Option::<PathToVictoryRow>::as_select(),
            ))
            .load_iter::<(CampaignRow, OrganizationIds, OwnerRow, Option<PathToVictoryRow>), PgRowByRowLoadingMode>(
                self.connection,
            )
            .map_err(store_error)?;
        let rows = self.limits.collect(rows)?.into_iter();
        let listed = rows.map(|(row, organization, owner, goals)| {
            owner.listed(row.without_link(organization, goals))
        });
        Ok(listed.collect())
    }

    fn insert(
        &mut self,
        new: &NewCampaign,
        request: Option<&RequestKey>,
    ) -> Result<Campaign, StoreError> {
        if !self.writes_json() {
            return self.tables().insert(new, request);
        }
        if self.phase.has_tables() {
            return self.tables().create(new, request);
        }
        self.limits.check_campaigns(self.connection, new.user_id)?;
        let row: CampaignRow = diesel::insert_into(campaign::table)
            .values(new_columns(new))
            .returning(CampaignRow::as_returning())
            .get_result(self.connection)
            .map_err(store_error)?;
        Ok(row.without_link((None, None), None))
    }

    fn has_any(&mut self, owner: UserId) -> Result<bool, StoreError> {
        self.tables().has_any(owner)
    }

    fn taken_slugs(&mut self, slugs: &[String]) -> Result<Vec<String>, StoreError> {
        self.tables().taken_slugs(slugs)
    }

    fn update(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        if self.writes_json() {
            return self.tables().write(changed, &changed.details);
        }
        let kept = self.kept_of_details(changed).map_err(store_error)?;
        self.tables().update(&with_kept(changed, kept, |it| &mut it.unreadable))
    }

    fn update_path_to_victory(&mut self, goals: &PathToVictory) -> Result<(), StoreError> {
        if self.writes_json() {
            return self.tables().write_path_to_victory(goals, &goals.data);
        }
        let kept = self.kept_of_goals(goals).map_err(store_error)?;
        self.tables().update_path_to_victory(&with_kept(goals, kept, |it| &mut it.unreadable))
    }

    fn insert_path_to_victory(
        &mut self,
        campaign: CampaignId,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<PathToVictory, StoreError> {
        if self.writes_json() {
            return self.tables().create_path_to_victory(campaign, &data, now);
        }
        self.tables().insert_path_to_victory(campaign, data, now)
    }

    fn update_progress(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        self.tables().update_progress(changed)
    }

    fn update_scalars(&mut self, changed: &Campaign) -> Result<(), StoreError> {
        self.tables().update_scalars(changed)
    }

    fn delete(&mut self, id: CampaignId) -> Result<(), StoreError> {
        self.tables().delete(id)
    }
}
