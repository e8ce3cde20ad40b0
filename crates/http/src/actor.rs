//! Names the caller of a request in the events that the database writes for it.

use std::sync::{Arc, Mutex, PoisonError};

use winserve_domain::{
    base::{BoxFuture, StoreError},
    database::{Access, Database, Feature, TransactionEnd, Work},
};

use crate::large_rows;

/// Families of units of work that may change the office or district of a campaign or an office.
const CHANGE_LINKS: [&str; 4] = ["campaign.", "elected_office.", "organization.", "poll."];

/// Units of work whose events do not name the caller: the frequent ones that rarely change a link,
/// because it would cost each a statement, and what is not the caller's.
const UNNAMED: [&str; 5] = [
    "campaign.update",
    "campaign.update_race_targets",
    "campaign.launch",
    "campaign.visit",
    // It copies changes of another service.
    "organization.complete",
];

/// Why the caller could not be named.
type Failure = Arc<Mutex<Option<StoreError>>>;

/// Names the caller before the work. If that fails, the transaction has failed: the work is not begun, because
/// its error would only say that, and no longer why.
fn naming(actor: String, work: Work, failure: Failure) -> Work {
    Box::new(move |uow| {
        if uow.offers(Feature::Organizations)
            && let Err(error) = uow.organizations().act_as(&actor)
        {
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return TransactionEnd::Rollback;
        }
        work(uow)
    })
}

/// A database whose units of work say for whom they write.
pub(crate) struct NamesActor(pub(crate) Arc<dyn Database>);

impl Database for NamesActor {
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let changes_links =
            CHANGE_LINKS.iter().any(|family| name.starts_with(family)) && !UNNAMED.contains(&name);
        let actor = large_rows::caller().filter(|_| access == Access::Write && changes_links);
        let Some(actor) = actor else { return self.0.run(name, access, work) };
        let failure = Failure::default();
        let ran = self.0.run(name, access, naming(actor, work, Arc::clone(&failure)));
        Box::pin(async move {
            let ran = ran.await;
            let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            failure.map_or(ran, Err)
        })
    }

    fn composition_seen(&self) -> &'static str {
        self.0.composition_seen()
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        self.0.ready()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use winserve_domain::{
        base::{Cancelled, ElectedOfficeId, OrganizationId, UserId},
        campaigns::Campaigns,
        clerk::Provisioning,
        database::UnitOfWork,
        offices::ElectedOffices,
        organizations::{
            EventCursor, OrganizationEvent, OrganizationFilter, OrganizationItem,
            OrganizationReference, Organizations, RequestedEarlier,
        },
        polls::Polls,
        positions::{Electorates, Lookups, PositionLinks},
        saved_filters::SavedFilters,
        users::Users,
    };

    use super::*;

    /// A transaction whose first statement takes too long.
    struct TooSlow;

    impl Database for TooSlow {
        fn run(
            &self,
            _name: &'static str,
            _access: Access,
            work: Work,
        ) -> BoxFuture<'_, Result<(), StoreError>> {
            assert_eq!(work(&mut Self), TransactionEnd::Rollback);
            Box::pin(async { Ok(()) })
        }

        fn composition_seen(&self) -> &'static str {
            "phase-3"
        }

        fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
            Box::pin(async { Ok("phase-3") })
        }
    }

    macro_rules! nobody_asks_for {
        ($($name:ident: $repository:ident),*) => {
            $(fn $name(&mut self) -> Box<dyn $repository + '_> {
                panic!("nobody asks for {}", stringify!($name))
            })*
        };
    }

    impl UnitOfWork for TooSlow {
        fn composition(&self) -> &'static str {
            "phase-3"
        }

        fn organizations(&mut self) -> Box<dyn Organizations + '_> {
            Box::new(Self)
        }

        nobody_asks_for!(
            users: Users,
            campaigns: Campaigns,
            elected_offices: ElectedOffices,
            electorates: Electorates,
            saved_filters: SavedFilters,
            polls: Polls,
            provisioning: Provisioning,
            lookups: Lookups,
            position_links: PositionLinks
        );
    }

    type Answer<T> = Result<T, StoreError>;

    fn too_slow<T>() -> Answer<T> {
        Err(StoreError::Cancelled { why: Cancelled::TooSlow, source: "statement timeout".into() })
    }

    impl Organizations for TooSlow {
        fn requested_earlier(&mut self, _: UserId, _: &str) -> Answer<Option<RequestedEarlier>> {
            too_slow()
        }

        fn find(
            &mut self,
            _: &OrganizationReference,
            _: Option<UserId>,
        ) -> Answer<Option<OrganizationItem>> {
            too_slow()
        }

        fn find_of_office(
            &mut self,
            _: &ElectedOfficeId,
            _: UserId,
        ) -> Answer<Option<OrganizationItem>> {
            too_slow()
        }

        fn won(&mut self, _: UserId) -> Answer<Vec<OrganizationId>> {
            too_slow()
        }

        fn of_owner(&mut self, _: UserId) -> Answer<Vec<OrganizationItem>> {
            too_slow()
        }

        fn touch(&mut self, _: OrganizationId, _: DateTime<Utc>) -> Answer<()> {
            too_slow()
        }

        fn act_as(&mut self, _: &str) -> Answer<()> {
            too_slow()
        }

        fn events(&mut self, _: EventCursor, _: i64) -> Answer<Vec<OrganizationEvent>> {
            too_slow()
        }

        fn history(&mut self, _: OrganizationId, _: i64) -> Answer<Vec<OrganizationEvent>> {
            too_slow()
        }

        fn page(&mut self, _: &OrganizationFilter) -> Answer<(Vec<OrganizationItem>, i64)> {
            too_slow()
        }
    }

    #[actix_web::test]
    async fn a_caller_who_cannot_be_named_learns_why_and_nothing_is_written() {
        let database = NamesActor(Arc::new(TooSlow));
        let work: Work = Box::new(|_| panic!("the work must not begin"));
        let caller = large_rows::Caller::new("user:7".to_owned(), &[]);
        let ran = caller
            .handle(async { database.run("campaign.delete", Access::Write, work).await })
            .await;
        assert!(matches!(ran, Err(StoreError::Cancelled { .. })), "{ran:?}");
    }
}
