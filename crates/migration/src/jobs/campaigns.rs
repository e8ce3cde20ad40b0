//! `run organizations`, first part: organization and position of campaigns.

use std::collections::{HashMap, HashSet};

use crate::{
    jobs::{
        look_ups::LookUps,
        positions::{Testimonies, quarantine_with, state, weigh},
    },
    legacy::{
        Source, campaigns_naming, cut_campaigns, last_campaign, remaining_campaigns,
        unlinked_campaigns,
    },
    run::engine::{BatchError, Keep, Work},
    sql::{
        CampaignLink, Counts, Cut, DISTRICT_UNANSWERED, Entry, Job, KnownPosition, Range,
        Remaining, known_positions, link_campaigns,
    },
};
use diesel::{Connection as _, QueryResult};
use uuid::Uuid;
use winserve_domain::{
    base::state::is_code,
    positions::{BallotPosition, BallotReadyId, District, PositionId, PositionLink},
};
use winserve_persistence::PgConnection;

/// Maximum number of campaigns per batch, to limit memory: each may take a few kilobytes.
const MOST: i64 = 2_000;

impl Job {
    /// Organization and position of campaigns.
    pub const CAMPAIGNS: Self =
        Self { name: "campaigns", command: "backfill run organizations", links_holders: true };
}

/// The work.
pub(crate) struct Campaigns<'a> {
    pub(crate) look_ups: Option<&'a LookUps>,
}

/// Links of a batch, and entries for the quarantine.
#[derive(Default)]
pub(crate) struct Prepared {
    links: Vec<CampaignLink>,
    entries: Vec<Entry>,
    /// Positions that appeared after `run positions` and that election-api did not answer.
    refused_positions: usize,
}

impl Work for Campaigns<'_> {
    type Prepared = Prepared;

    const JOB: Job = Job::CAMPAIGNS;
    const TABLE: &'static str = "campaign";

    fn most(&self) -> i64 {
        MOST
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_campaigns(connection, after, through, limit)
    }

    fn prepare(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        keep: Keep<'_>,
    ) -> Result<Prepared, BatchError> {
        let sources = unlinked_campaigns(connection, range)?;
        let mut entries: Vec<_> = sources.iter().flat_map(entries_of).collect();
        let (known, refused_positions) = self.positions_of(connection, run, &sources, keep)?;
        let mut links: Vec<_> = sources
            .into_iter()
            .map(|source| {
                let known = match &source.decoded.link.position.id {
                    PositionId::BallotReady(id) => known.get(id),
                    _ => None,
                };
                (link(source, known), known)
            })
            .collect();
        if let Some(look_ups) = self.look_ups {
            let renew = &mut || keep(connection);
            entries.extend(identify_overrides(&mut links, look_ups, renew)?);
            keep(connection)?;
        }
        let links = links.into_iter().map(|(link, _)| link).collect();
        Ok(Prepared { links, entries, refused_positions })
    }

    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        _range: &Range,
        Prepared { links, entries, refused_positions }: &Prepared,
    ) -> QueryResult<Counts> {
        let linked = link_campaigns(connection, links)?;
        let keys: HashSet<_> = linked.iter().map(ToString::to_string).collect();
        let entries: Vec<_> =
            entries.iter().filter(|entry| keys.contains(&entry.key)).cloned().collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let quarantine = quarantine_with(self.look_ups);
        quarantine(connection, run, Self::TABLE, &keys, &entries)?;
        let quarantined: HashSet<_> = entries.iter().map(|entry| &entry.key).collect();
        let refused = entries.iter().filter(|entry| entry.code == DISTRICT_UNANSWERED).count();
        let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        Ok(Counts {
            examined: count(links.len()),
            changed: count(linked.len()),
            skipped: count(links.len() - linked.len()),
            quarantined: count(quarantined.len()),
            refused: count(refused + refused_positions),
        })
    }

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        last_campaign(connection).map(Some)
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        remaining_campaigns(connection, through, examples)
    }
}

impl Campaigns<'_> {
    /// The positions that these campaigns name, and how many election-api did not answer. A
    /// position that appeared after `run positions` is stored now, by the same rule, in its own
    /// transaction, so that linking holds no lock on positions that a live writer might wait for.
    fn positions_of(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        sources: &[Source],
        keep: Keep<'_>,
    ) -> Result<(HashMap<BallotReadyId, KnownPosition>, usize), BatchError> {
        let mut ids: Vec<_> = sources
            .iter()
            .filter_map(|source| match &source.decoded.link.position.id {
                PositionId::BallotReady(id) => Some(id.clone()),
                _ => None,
            })
            .collect();
        ids.sort();
        ids.dedup();
        let mut known = known_positions(connection, &ids)?;
        ids.retain(|id| !known.contains_key(id));
        if ids.is_empty() {
            return Ok((known, 0));
        }
        let mut said = Testimonies::default();
        campaigns_naming(connection, &ids, |source| said.add(&source))?;
        if said.is_empty() {
            // Ids that were skipped because too many blanks precede them.
            for source in sources {
                said.add(source);
            }
        }
        let facts = weigh(connection, said, self.look_ups, keep)?;
        // The batch may have to be prepared again and then finds the position, so its entry must
        // exist.
        connection.transaction(|connection| state(connection, run, &facts, self.look_ups))?;
        known.extend(known_positions(connection, &ids)?);
        Ok((known, facts.unanswered.len()))
    }
}

fn entries_of(source: &Source) -> impl Iterator<Item = Entry> {
    let errors = source.decoded.oddities.iter().filter(|oddity| oddity.is_error());
    let mut codes: Vec<_> = errors.map(|oddity| oddity.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    let key = source.campaign.to_string();
    codes.into_iter().map(move |code| Entry { key: key.clone(), code, detail: None })
}

fn link(source: Source, known: Option<&KnownPosition>) -> CampaignLink {
    let PositionLink { position, district_override, district_manually_set } = source.decoded.link;
    let l2_district = known.and_then(|known| known.l2_district.clone());
    let position_district = l2_district.as_ref().map(|inherited| inherited.district.clone());
    let mut district_override = district_override;
    if let (Some(own), Some(inherited)) = (&mut district_override, &l2_district)
        && own.district == inherited.district
    {
        own.id.clone_from(&inherited.id);
    }
    let position = BallotPosition { l2_district, ..position };
    CampaignLink {
        campaign: source.campaign,
        version: source.version,
        link: PositionLink::new(position, district_override, district_manually_set),
        position_district,
        organization: Uuid::now_v7(),
        is_completed: source.has_organization,
    }
}

/// Looks up the districts of overrides in the campaign's state, otherwise in the position's;
/// returns what election-api did not answer.
fn identify_overrides(
    links: &mut [(CampaignLink, Option<&KnownPosition>)],
    look_ups: &LookUps,
    keep: &mut dyn FnMut() -> Result<(), BatchError>,
) -> Result<Vec<Entry>, BatchError> {
    let place =
        |link: &PositionLink, known: Option<&KnownPosition>| -> Option<(String, District)> {
            let own = link.district_override.as_ref().filter(|own| own.id.is_none())?;
            let state = link.position.state.clone().filter(|state| is_code(state));
            Some((state.or_else(|| known?.state.clone())?, own.district.clone()))
        };
    let wanted: Vec<_> = links.iter().filter_map(|(it, known)| place(&it.link, *known)).collect();
    let found = look_ups.districts(wanted, keep)?;
    let mut unanswered = Vec::new();
    for (it, known) in links {
        let Some(place) = place(&it.link, *known) else { continue };
        if let (Some(id), Some(own)) = (found.known.get(&place), &mut it.link.district_override) {
            own.id = Some(id.clone());
        }
        if let Some(reason) = found.unanswered.get(&place) {
            unanswered.push(Entry {
                key: it.campaign.to_string(),
                code: DISTRICT_UNANSWERED,
                detail: Some(reason.clone()),
            });
        }
    }
    Ok(unanswered)
}
