//! Office and district in the old JSON: the store of phase `legacy`.
//!
//! Phase 3 removes this folder; until then it and `winserve_domain::campaigns::campaign_json` are
//! the only places that may know the moved keys.

pub(crate) mod archive;
pub(crate) mod filters;
mod json_sql;
mod scan;
mod source;
mod verify;

pub use scan::{
    HolderRow, LegacyCounts, SharedEmails, UnreadableRow, campaigns_after, legacy_counts,
    shared_emails, unreadable_rows,
};
pub use source::{
    Source, Version, campaigns_naming, campaigns_of_positions, count_noted_positions,
    count_positions, cut_campaigns, cut_positions, last_campaign, note_named_positions,
    remaining_campaigns, unlinked_campaigns,
};

pub(crate) use json_sql::NAMES_DISTRICT;
pub(crate) use source::{MOST, positions_named_by};

pub use verify::{
    Finding, next_campaigns, next_offices, notes, verify_campaigns, verify_offices, verify_orphans,
};
pub(crate) use verify::{IS_NO_DISTRICT_ID, OF_JSON};

use chrono::{DateTime, Utc};
use winserve_domain::{
    base::{OrganizationId, StoreError},
    campaigns::Campaign,
    positions::{
        BallotPosition, BallotReadyId, Facts, KnownPosition, PositionId, PositionLink,
        PositionLinks,
    },
};

/// Links from the JSON of each holder. The holder was read already, so no statement is needed.
pub(crate) struct JsonLinks;

impl PositionLinks for JsonLinks {
    fn held_by_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError> {
        Ok(campaign.link())
    }

    fn known(&mut self, _id: &BallotReadyId) -> Result<Option<KnownPosition>, StoreError> {
        Ok(None)
    }

    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        _now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError> {
        // Positions are not stored: what is known applies to this holder only.
        Ok(match facts.of(&position.id) {
            Some(facts) => position.verified_by(facts),
            None => position,
        })
    }

    fn clear_zip(&mut self, _position: &PositionId) -> Result<(), StoreError> {
        Ok(())
    }

    fn set_of_campaign(
        &mut self,
        _campaign: &Campaign,
        _link: &PositionLink,
        _now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        Ok(None)
    }
}
