//! What every operation works with.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    base::{Clock, StoreError},
    clerk::IdentityService,
    contacts::PeopleService,
    database::Database,
    positions::ElectionService,
};

/// The ports for operations. The callers of operations pass them on but cannot use them: all units
/// of work and all calls to other services are inside this crate's operations.
#[derive(Clone)]
pub struct Ports {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) election: Arc<dyn ElectionService>,
    pub(crate) people: Arc<dyn PeopleService>,
    pub(crate) identity: Arc<dyn IdentityService>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Ports {
    /// The ports of a process. [`NoElectionService`](crate::positions::NoElectionService),
    /// [`NoPeopleService`](crate::contacts::NoPeopleService) and
    /// [`NoIdentityService`](crate::clerk::NoIdentityService) replace missing services.
    #[must_use]
    pub fn new(
        database: Arc<dyn Database>,
        election: Arc<dyn ElectionService>,
        people: Arc<dyn PeopleService>,
        identity: Arc<dyn IdentityService>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { database, election, people, identity, clock }
    }

    /// The same ports with a wrapped database.
    #[must_use]
    pub fn with_database_in(
        self,
        wrap: impl FnOnce(Arc<dyn Database>) -> Arc<dyn Database>,
    ) -> Self {
        Self { database: wrap(self.database), ..self }
    }

    /// The current time for operations.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The current day, in UTC.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    /// The store's composition that the last unit of work saw, such as `phase-2`; does not query
    /// the database.
    #[must_use]
    pub fn composition_seen(&self) -> &'static str {
        self.database.composition_seen()
    }

    /// Checks whether the database can serve reads and writes now; returns the name of its
    /// composition.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot.
    pub async fn ready(&self) -> Result<&'static str, StoreError> {
        self.database.ready().await
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;
    use crate::{
        campaigns::{self, Author, CampaignChange, RaceTargetsOf, SetDistrict, StartCampaign},
        contacts::{self, PageRequest},
        offices::{self, OfficeAuthor, TakeOffice, Term, TermChange},
        organizations::{self, ActiveCampaign, ActiveOrganization, ChangeOrganization},
        polls::{self, CreateInitialPoll},
        users,
    };

    fn is_send(_: impl Future + Send) {}

    /// Compiles only if operations that call other services can be spawned on a multi-threaded
    /// runtime.
    #[expect(dead_code, clippy::too_many_arguments, reason = "that it compiles is the test")]
    fn operations_can_be_spawned(
        ports: &Ports,
        active: (ActiveCampaign, &ActiveOrganization),
        update: (Author, CampaignChange),
        district: SetDistrict,
        targets: RaceTargetsOf,
        start: StartCampaign,
        take: TakeOffice,
        win: (Term, CreateInitialPoll),
        change: ChangeOrganization,
    ) {
        let ((campaign, of), id) = (active, crate::base::ElectedOfficeId(String::new()));
        is_send(campaigns::update(ports, update.0, update.1));
        is_send(campaigns::set_district(ports, district));
        is_send(campaigns::set_race_targets(ports, targets, true));
        is_send(campaigns::preview_start(ports, start.clone()));
        is_send(campaigns::start(ports, start));
        is_send(offices::take(ports, take));
        is_send(offices::win(ports, campaign, win.0));
        is_send(offices::update(ports, OfficeAuthor::Machine, id, TermChange::default()));
        is_send(organizations::preview(ports, change.clone()));
        is_send(organizations::change(ports, change));
        is_send(contacts::page(ports, of, &PageRequest::default()));
        is_send(contacts::download(ports, of, crate::saved_filters::Segment::All));
        is_send(contacts::statistics(ports, of));
        is_send(polls::create_initial(ports, of.clone(), win.1));
        is_send(users::sign_in(ports, ""));
    }
}
