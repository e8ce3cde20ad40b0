//! Ports to the database: one unit of work runs on one connection, in one blocking hop.

use std::{
    error::Error,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    active_organization::{ActiveCampaign, ActiveOffice, ActiveOrganization, Holding},
    campaign::{Campaign, NewCampaign, PathToVictory},
    campaign_list::{CampaignFilter, ListedCampaign},
    elected_office::ElectedOffice,
    electorate::{Electorate, FoundDistrict},
    id::{
        CampaignId, ElectedOfficeId, OrganizationId, PathToVictoryId, PollId, SavedFilterId, UserId,
    },
    identity::{ClerkUserId, Person},
    legacy_change::LegacyChanges,
    look_up::LookUps,
    organization::{
        OrganizationEvent, OrganizationFilter, OrganizationItem, OrganizationReference, RequestKey,
        RequestedEarlier,
    },
    paging::{MachineFilter, Page},
    phase::Phase,
    poll::Poll,
    position::{BallotPosition, BallotReadyId, Facts, KnownPosition, PositionId, PositionLink},
    provisioning::Provisioning,
    saved_filter::{FilterContent, SavedFilter},
    user::{Account, NewUser, User},
};

/// The cause behind a [`StoreError`], for logs only.
pub type Source = Box<dyn Error + Send + Sync>;
/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// What runs in a unit of work.
pub type Work = Box<dyn FnOnce(&mut dyn UnitOfWork) -> Verdict + Send>;

/// How the store failed, with only the distinctions a caller acts on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint forbids the write, or another row refers to what is to be deleted.
    #[error("the constraint {constraint} forbids the write")]
    Conflict {
        /// Name of the constraint.
        constraint: String,
        /// The database's error.
        source: Source,
    },
    /// No connection in time, or the database is away, full or read-only for the moment; trying again
    /// later may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] Source),
    /// A stored value is none that the program can read.
    #[error("row {row} of {table} cannot be read")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        source: Source,
    },
    /// A JSON column would become larger than a user may make it.
    #[error("{column} of {table} would be larger than {at_most} bytes")]
    TooLarge {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Bytes that it may have.
        at_most: u64,
    },
    /// The rows of a list hold more JSON than may be in memory for one.
    #[error("the rows of the list hold more than {at_most} bytes of JSON")]
    ListTooLarge {
        /// Bytes that they may hold.
        at_most: u64,
    },
    /// The user has as many as a user may have.
    #[error("the user has {at_most} {what} already")]
    LimitReached {
        /// Such as `campaigns`.
        what: &'static str,
        /// So many they may have.
        at_most: u32,
    },
    /// Anything else: a defect.
    #[error("the database refused")]
    Other(#[source] Source),
}

/// What a unit of work may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads, each statement on its own.
    Read,
    /// Reads and writes in one transaction.
    Write,
}

/// What becomes of a unit of work's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what was written.
    Commit,
    /// Undo it.
    Rollback,
}

/// Runs units of work.
pub trait Database: Send + Sync {
    /// Runs `work` on one connection; `name` is for logs, such as `campaign.update`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection is to be had in time; whatever BEGIN or
    /// COMMIT report. MUST NOT report success when a statement of the transaction failed, though
    /// the database itself answers a COMMIT of an aborted transaction without an error.
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The phase that the last unit of work saw; nobody is asked.
    fn phase_seen(&self) -> Phase;

    /// Asks the database whether it can serve now, reads and writes; returns its phase. Neither work that
    /// waits nor a locked table holds the answer up.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    fn ready(&self) -> BoxFuture<'_, Result<Phase, StoreError>>;
}

impl dyn Database {
    /// Runs a use case that only reads.
    ///
    /// # Errors
    /// Those of the use case, and [`StoreError`].
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_returning(name, Access::Read, work).await
    }

    /// Runs a use case in one transaction: `Ok` commits, `Err` rolls back.
    ///
    /// # Errors
    /// Those of the use case, and [`StoreError`].
    pub async fn transaction<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_returning(name, Access::Write, work).await
    }

    async fn run_returning<T, E, F>(
        &self,
        name: &'static str,
        access: Access,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        // `run` is not generic, so that it can be a trait object's: the outcome comes out here.
        let outcome = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&outcome);
        let ran = self.run(
            name,
            access,
            Box::new(move |uow| {
                let result = work(uow);
                let verdict = if result.is_ok() { Verdict::Commit } else { Verdict::Rollback };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                verdict
            }),
        );
        let ran = ran.await;
        let result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (ran, result) {
            // The use case's own error says more than the rollback that followed it.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Other("the work was never run".into()).into()),
        }
    }
}

/// The repositories, all on one connection and, when writing, in one transaction.
pub trait UnitOfWork {
    /// The phase this unit of work was opened in; it does not change within it.
    fn phase(&self) -> Phase;
    /// Users.
    fn users(&mut self) -> Box<dyn Users + '_>;
    /// Campaigns with their voter goals.
    fn campaigns(&mut self) -> Box<dyn Campaigns + '_>;
    /// Elected offices.
    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_>;
    /// Organizations; only where [`Phase::has_tables`].
    fn organizations(&mut self) -> Box<dyn Organizations + '_>;
    /// What tables know of the voters of holders.
    fn electorates(&mut self) -> Box<dyn Electorates + '_>;
    /// Saved filters.
    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_>;
    /// Polls.
    fn polls(&mut self) -> Box<dyn Polls + '_>;
    /// Organizations at Clerk: the outbox and what came of it; only where [`Phase::has_tables`].
    fn provisioning(&mut self) -> Box<dyn Provisioning + '_>;
    /// What election-api has yet to be asked about; only where [`Phase::has_tables`].
    fn look_ups(&mut self) -> Box<dyn LookUps + '_>;
    /// What the old service changed; only where [`Phase::has_tables`].
    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_>;
    /// Office and district of each holder: the repository that the phases compose.
    fn position_links(&mut self) -> Box<dyn PositionLinks + '_>;
}

/// How a session names its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserReference {
    /// By our id.
    Ours(UserId),
    /// By Clerk's; only where [`Phase::has_tables`].
    Clerk(ClerkUserId),
}

/// A user with all that they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundUser {
    /// The user.
    pub user: User,
    /// Their campaigns and elected offices.
    pub holdings: Vec<Holding>,
    /// Session tokens of the old service count only when they were issued later.
    pub legacy_tokens_after: Option<DateTime<Utc>>,
}

/// Reads and writes users.
pub trait Users {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Reads and locks until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Writes the row; roles and password are not touched.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an e-mail address that another user has.
    fn update(&mut self, user: &User, updated_at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an e-mail address that another user has.
    fn insert(&mut self, user: &NewUser) -> Result<User, StoreError>;

    /// The user that Clerk knows under this id; only where [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_by_clerk_id(&mut self, id: &ClerkUserId) -> Result<Option<User>, StoreError>;

    /// A user with every campaign and office that they hold, in one statement.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_with_holdings(&mut self, user: &UserReference)
    -> Result<Option<FoundUser>, StoreError>;

    /// Clerk's id of a user, if they are linked; never before [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn clerk_id(&mut self, user: UserId) -> Result<Option<ClerkUserId>, StoreError>;

    /// Makes everybody else who claims the e-mail address, in whatever case, wait until the
    /// transaction ends, and returns the users who have it. Claimed before any row of a user is
    /// locked, or two transactions may wait for each other.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim_email(&mut self, email: &str) -> Result<Vec<UserId>, StoreError>;

    /// Accounts with an e-mail address in whatever case, by id. Only where [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn accounts_of(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// [`accounts_of`](Self::accounts_of), locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn accounts_of_for_update(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// Notes Clerk's id of a user who has none. Clerk has proven their address, and earlier session
    /// tokens of the old service count no more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an id that another user has.
    fn link(
        &mut self,
        user: UserId,
        id: &ClerkUserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Forgets Clerk's id of a user, whom Clerk has no more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unlink(&mut self, id: &ClerkUserId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user whom Clerk knows; `None` when somebody has the e-mail address or the id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_person(
        &mut self,
        person: &Person,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError>;

    /// Deletes the user with all that is theirs.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete(&mut self, id: UserId) -> Result<(), StoreError>;
}

/// Reads and writes campaigns with their voter goals.
pub trait Campaigns {
    /// Whether the user has any campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    fn has_any(&mut self, owner: UserId) -> Result<bool, StoreError>;

    /// The campaign that a request is about; `None` once it is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_active(&mut self, active: ActiveCampaign) -> Result<Option<Campaign>, StoreError>;

    /// [`find_active`](Self::find_active), with campaign and voter goals locked until the
    /// transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_active_for_update(
        &mut self,
        active: ActiveCampaign,
    ) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this slug, locked like the above.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_by_slug_for_update(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this id, with office and district as its JSON tells them, in whatever phase; only where
    /// [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_as_told(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this id, locked like the above.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_for_update(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// The campaign of an organization; only where [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<Campaign>, StoreError>;

    /// The campaign that has these voter goals.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_of_goals(&mut self, goals: PathToVictoryId) -> Result<Option<Campaign>, StoreError>;

    /// [`find_of_goals`](Self::find_of_goals), locked like the above.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_of_goals_for_update(
        &mut self,
        goals: PathToVictoryId,
    ) -> Result<Option<Campaign>, StoreError>;

    /// A page of campaigns without their voter goals, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page(
        &mut self,
        filter: &MachineFilter,
        page: Page,
    ) -> Result<(Vec<Campaign>, i64), StoreError>;

    /// A page of voter goals with their campaigns, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page_of_goals(&mut self, page: Page) -> Result<(Vec<Campaign>, i64), StoreError>;

    /// Of these slugs, those that are taken.
    ///
    /// # Errors
    /// [`StoreError`].
    fn taken_slugs(&mut self, slugs: &[String]) -> Result<Vec<String>, StoreError>;

    /// Creates a campaign, from phase 1 on with its organization and a position of its own; the
    /// one function that does so.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a slug that is taken meanwhile.
    fn insert(
        &mut self,
        campaign: &NewCampaign,
        request: Option<&RequestKey>,
    ) -> Result<Campaign, StoreError>;

    /// Writes the columns that a [`CampaignChange`](crate::campaign::CampaignChange) may name, and
    /// `updated_at`; not the voter goals.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// Writes the voter goals of a campaign that has some.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update_path_to_victory(&mut self, goals: &PathToVictory) -> Result<(), StoreError>;

    /// Gives a campaign its voter goals and returns them as stored.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it has some.
    fn insert_path_to_victory(
        &mut self,
        campaign: CampaignId,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<PathToVictory, StoreError>;

    /// Writes `is_active`, `data` and `updated_at`, and nothing else.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update_progress(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// The campaign with this slug.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_by_slug(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError>;

    /// The campaigns that a filter leaves, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, filter: &CampaignFilter) -> Result<Vec<ListedCampaign>, StoreError>;

    /// Writes what [`CampaignScalars`](crate::campaign::CampaignScalars) may name, and `updated_at`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a slug that another campaign has.
    fn update_scalars(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// Deletes a campaign with all that is its own; an office won with it stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] before phase 3, when an office was won with it.
    fn delete(&mut self, id: CampaignId) -> Result<(), StoreError>;
}

/// Reads and writes elected offices. They have no JSON of their own: from phase 1 on they are read
/// from and written to the tables alone.
pub trait ElectedOffices {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError>;

    /// Reads and locks until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// The office that a request is about; `None` once it is gone, or not held any more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_active(&mut self, active: &ActiveOffice) -> Result<Option<ElectedOffice>, StoreError>;

    /// Whether the user holds any active office.
    ///
    /// # Errors
    /// [`StoreError`].
    fn has_active(&mut self, holder: UserId) -> Result<bool, StoreError>;

    /// The offices won with a campaign, the oldest first; of before phase 1 there may be several.
    ///
    /// # Errors
    /// [`StoreError`].
    fn won_with(&mut self, campaign: CampaignId) -> Result<Vec<ElectedOffice>, StoreError>;

    /// The office of an organization; only where [`Phase::has_tables`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// A page of offices, of one user or of all, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page(
        &mut self,
        holder: Option<UserId>,
        page: Page,
    ) -> Result<(Vec<ElectedOffice>, i64), StoreError>;

    /// Creates an office with its organization, tied to a settled position; with
    /// [`complete`](Self::complete) the one function that does so. Returns the organization, if
    /// the store keeps any.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    fn insert(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// Gives an office of before phase 1 what [`insert`](Self::insert) gives a new one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    fn complete(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
        now: DateTime<Utc>,
    ) -> Result<OrganizationId, StoreError>;

    /// Gives the offices that another service won with a campaign the position and the district of the campaign;
    /// the tables have to know them. Waits for nobody who holds an office: returns whether none is left.
    ///
    /// # Errors
    /// [`StoreError`].
    fn link_to_campaign(&mut self, campaign: CampaignId) -> Result<bool, StoreError>;

    /// [`link_to_campaign`](Self::link_to_campaign) of one office, which waits for whoever holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn link_when_free(&mut self, office: &ElectedOfficeId) -> Result<(), StoreError>;

    /// Ties an office to another settled position, and writes `can_download_federal`. A position of
    /// its own that it comes from goes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn relink(
        &mut self,
        office: &ElectedOffice,
        organization: OrganizationId,
        link: &PositionLink,
    ) -> Result<(), StoreError>;

    /// Notes that somebody chose what the office of an organization says, be it nothing:
    /// [`link_to_campaign`](Self::link_to_campaign) leaves it alone from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    fn keep_choice(&mut self, organization: OrganizationId) -> Result<(), StoreError>;

    /// Writes the term.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update(&mut self, office: &ElectedOffice) -> Result<(), StoreError>;
}

/// Reads and writes the [`PositionLink`] of each holder.
///
/// A store that keeps links in the JSON of the campaign has nothing to write here: the use case
/// brings the JSON up to date, and [`Campaigns::update`] stores it.
pub trait PositionLinks {
    /// [`Campaign::link`] with what only tables know besides: the id of the
    /// campaign's own district, and the postal code of a typed-in office.
    ///
    /// # Errors
    /// [`StoreError`].
    fn held_by_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError>;

    /// What the store knows of a shared position; `None` when it knows nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn known(&mut self, id: &BallotReadyId) -> Result<Option<KnownPosition>, StoreError>;

    /// Settles what is known of a position that somebody chose, and returns it: the trust rule of
    /// design D6. A shared position comes into being with the facts that election-api states, else
    /// with the caller's; only election-api's first complete answer replaces the caller's, and later
    /// ones fill in what it lacks. The position of one holder alone is as its holder says.
    ///
    /// # Errors
    /// [`StoreError`].
    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError>;

    /// Forgets the postal code of a typed-in office, which [`settle`](Self::settle) keeps when it is
    /// given none: the JSON has no place for it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn clear_zip(&mut self, position: &PositionId) -> Result<(), StoreError>;

    /// Ties a campaign to a settled position, and completes a campaign that has no organization
    /// yet; the one function that does so. Returns its organization, if the store keeps any.
    ///
    /// # Errors
    /// [`StoreError`].
    fn set_of_campaign(
        &mut self,
        campaign: &Campaign,
        link: &PositionLink,
        now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError>;
}

/// Reads whose contacts an organization may see, and remembers the ids of districts.
pub trait Electorates {
    /// Of an organization, in the store that the phase reads; `None` once it is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, of: &ActiveOrganization) -> Result<Option<Electorate>, StoreError>;

    /// Of an elected office; `None` once it is gone. One that has no organization yet has the voters of
    /// the campaign it was won with, which it is to be completed from.
    ///
    /// # Errors
    /// [`StoreError`].
    fn of_office(&mut self, office: &ElectedOffice) -> Result<Option<Electorate>, StoreError>;

    /// Notes the id of the district of that type and name, the holder's own or its position's, where
    /// none is noted yet. Before phase 1 there is no place for it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remember(
        &mut self,
        of: &ActiveOrganization,
        found: &FoundDistrict,
    ) -> Result<(), StoreError>;
}

/// Reads and writes the saved filters of one organization at a time: no filter of another is ever
/// seen. Before phase 2 those of a campaign are found by the campaign.
pub trait SavedFilters {
    /// By name, those without one last.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, of: &ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError>;

    /// # Errors
    /// [`StoreError`].
    fn find(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Saves a filter; flags and lists that it does not name are off and empty.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError>;

    /// Changes what the content names; `None` when there is no such filter.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Deletes a filter; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError>;
}

/// Reads and writes polls.
pub trait Polls {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: &PollId) -> Result<Option<Poll>, StoreError>;

    /// The polls of an office by id, from this one on, which need not be there; `limit` at most.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(
        &mut self,
        of: &ElectedOfficeId,
        from: Option<&PollId>,
        limit: i64,
    ) -> Result<Vec<Poll>, StoreError>;

    /// Whether an office has any.
    ///
    /// # Errors
    /// [`StoreError`].
    fn exist(&mut self, of: &ElectedOfficeId) -> Result<bool, StoreError>;

    /// Creates a poll that nobody has answered yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(&mut self, poll: &Poll, now: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Reads organizations. They come into being with their child, through [`Campaigns::insert`],
/// [`PositionLinks::set_of_campaign`] and [`ElectedOffices::insert`].
pub trait Organizations {
    /// What an earlier request of this owner with the same key made.
    ///
    /// # Errors
    /// [`StoreError`].
    fn requested_earlier(
        &mut self,
        owner: UserId,
        key: &str,
    ) -> Result<Option<RequestedEarlier>, StoreError>;

    /// An organization of this owner, or of anybody.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(
        &mut self,
        reference: &OrganizationReference,
        owner: Option<UserId>,
    ) -> Result<Option<OrganizationItem>, StoreError>;

    /// The organizations of an owner, in the order in which they came into being; one statement,
    /// however many there are.
    ///
    /// # Errors
    /// [`StoreError`]; not for a damaged one, which is marked.
    fn of_owner(&mut self, owner: UserId) -> Result<Vec<OrganizationItem>, StoreError>;

    /// Notes a change: an entry of the trail, and when the organization last changed.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note(&mut self, event: &OrganizationEvent, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// A page of anybody's organizations, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`]; not for a damaged one, which is marked.
    fn page(
        &mut self,
        filter: &OrganizationFilter,
    ) -> Result<(Vec<OrganizationItem>, i64), StoreError>;
}
