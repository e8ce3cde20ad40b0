//! `run organizations`: links campaigns, then elected offices.

use std::collections::BTreeMap;

use crate::{
    jobs::{BatchJob, campaigns::Campaigns, elected_offices::ElectedOffices, positions::Positions},
    legacy,
    run::{
        dry_run::Preview,
        engine::{RunError, Work},
        runner::{Running, StepReport},
    },
    sql::{self as store, Job, Range},
};
use winserve_admin::Exit;
use winserve_domain::base::StoreError;
use winserve_persistence::{PgConnection, store_error};

/// Campaigns per page.
const PAGE: i64 = 1_000;

/// The description of the job.
pub(crate) const JOB: BatchJob = BatchJob {
    name: "organizations",
    about: "Link every campaign and elected office to its organization and position",
    has_look_ups: true,
    runs: &[Job::CAMPAIGNS, Job::ELECTED_OFFICES],
    preview,
    run,
};

fn preview(connection: &mut PgConnection) -> Result<Preview, StoreError> {
    let mut quarantine = BTreeMap::new();
    let (mut campaigns, mut after) = (0, None);
    while let Some(cut) =
        legacy::cut_campaigns(connection, after.as_deref(), None, PAGE).map_err(store_error)?
    {
        campaigns += cut.rows;
        let range = Range { after, through: cut.through.clone() };
        for source in legacy::unlinked_campaigns(connection, &range).map_err(store_error)? {
            for oddity in source.decoded.oddities.iter().filter(|oddity| oddity.is_error()) {
                *quarantine.entry(oddity.code()).or_default() += 1;
            }
        }
        after = Some(cut.through);
    }
    let offices = ElectedOffices.remaining(connection, None, 0).map_err(store_error)?.rows;
    let rows = [(Campaigns::TABLE, campaigns), (ElectedOffices::TABLE, offices)];
    Ok(Preview { quarantine, ..Preview::of_rows(rows) })
}

fn run(running: &mut Running<'_>) -> Result<Vec<StepReport>, RunError> {
    let positions = store::last_finished(&mut running.connection, Job::POSITIONS)?;
    // Rejected positions are stored when campaigns that name them are linked, or rejected again.
    if !positions.is_some_and(|run| run.is_complete()) {
        return Err(RunError::NotYet(Job::POSITIONS.command));
    }
    let mut campaigns = running.execute(&Campaigns { look_ups: running.look_ups })?;
    let unreadable = legacy::unreadable_rows(&mut running.connection)?;
    let unreadable =
        store::quarantine_unreadable(&mut running.connection, campaigns.run, &unreadable)?;
    // Positions that appeared after `run positions` are stored here.
    let positions = store::codes(&mut running.connection, Positions::TABLE)?;
    if (unreadable > 0 || !positions.is_empty()) && campaigns.exit_code == Exit::Done.code() {
        campaigns.exit_code = Exit::Quarantine.code();
    }
    Ok(vec![campaigns, running.execute(&ElectedOffices)?])
}
