//! Names the caller of a request in the events that the database writes for it.

use std::sync::Arc;

use winserve_domain::{
    base::{BoxFuture, StoreError},
    database::{Access, Database, Feature, Work},
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
        let work: Work = Box::new(move |uow| {
            if uow.offers(Feature::Organizations)
                && let Err(error) = uow.organizations().act_as(&actor)
            {
                // The transaction has failed: so does its next statement, with an error to answer.
                tracing::debug!(%error, "the actor was not named");
            }
            work(uow)
        });
        self.0.run(name, access, work)
    }

    fn composition_seen(&self) -> &'static str {
        self.0.composition_seen()
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        self.0.ready()
    }
}
