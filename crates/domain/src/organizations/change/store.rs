//! Stores a change in the child of an organization: in both stores, as long as there are two.

use chrono::{DateTime, Utc};
use serde_json::Map;

use super::command::{ChangeOrganization, ChangeOrganizationError};
use crate::{
    campaigns::{CampaignChange, campaign_json, draft::Draft, voter_goals},
    database::UnitOfWork,
    organizations::{OrganizationError, OrganizationItem},
    positions::PositionLink,
};

/// The member of `details` with the day of the general election.
const ELECTION_DATE: &str = "electionDate";

pub(super) fn store(
    uow: &mut dyn UnitOfWork,
    item: &OrganizationItem,
    former: &PositionLink,
    link: &PositionLink,
    is_another: bool,
    command: &ChangeOrganization,
    now: DateTime<Utc>,
) -> Result<(), ChangeOrganizationError> {
    let can_download_federal = command.can_download_federal.unwrap_or(item.can_download_federal);
    if let Some(summary) = &item.campaign {
        let campaign = uow.campaigns().find_for_update(summary.id)?;
        let mut draft = Draft::of(campaign.ok_or(OrganizationError::NotFound)?);
        if draft.campaign.can_download_federal != can_download_federal {
            draft.set_can_download_federal(can_download_federal);
        }
        // Unchanged parts keep the JSON's wording.
        if is_another || link.position != former.position {
            draft.store_position(link);
        }
        if is_another {
            campaign_json::drop_former_race(&mut draft.campaign.details, &Map::new());
        }
        if let Some(day) = command.election_day {
            let details = [(ELECTION_DATE.to_owned(), day.to_string().into())];
            let details = Some(details.into_iter().collect());
            draft.apply(CampaignChange { details, ..CampaignChange::default() });
        }
        let districts = [former, link].map(|it| {
            (it.effective_district().map(|it| it.district.clone()), it.district_manually_set)
        });
        let [had, has] = districts;
        if had.0 != has.0 && link.district_override.is_some() {
            // The goals of the previous district do not apply to this one.
            draft.merge_goals(voter_goals::of_district(None, now));
        }
        if had != has {
            draft.store_district(link);
        }
        draft.save(uow, Some(link), now)?;
    } else if let Some(summary) = &item.elected_office {
        let office = uow.elected_offices().find_for_update(&summary.id)?;
        let mut office = office.ok_or(OrganizationError::NotFound)?;
        office.can_download_federal = can_download_federal;
        office.updated_at = now;
        uow.elected_offices().relink(&office, item.id, link)?;
        if link != former {
            uow.elected_offices().keep_choice(item.id)?;
        }
    }
    Ok(())
}
