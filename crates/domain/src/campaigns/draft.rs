//! A campaign during a change: its JSON as stored and as requested, and the only way to store it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    base::{StoreError, json_merge::merge_replacing},
    campaigns::{Campaign, CampaignChange, campaign_json},
    database::{Feature, UnitOfWork},
    positions::{Facts, PositionLink},
};

/// Keys of `details` that an update replaces instead of merging (legacy contract §2.4).
const DETAILS_REPLACED_WHOLE: [&str; 2] = ["customIssues", "runningAgainst"];

/// A campaign that was read, with its pending changes.
pub(crate) struct Draft {
    /// The requested campaign, without its voter goals.
    pub(crate) campaign: Campaign,
    /// Its requested voter goals.
    pub(crate) goals: Option<Value>,
    goals_before: Option<Value>,
    link_before: PositionLink,
    touches_campaign: bool,
    touches_scalars: bool,
    touches_goals: bool,
}

impl Draft {
    pub(crate) fn of(mut campaign: Campaign) -> Self {
        if campaign.wants_repair {
            campaign.stored_link = None;
        }
        let goals_before = campaign.path_to_victory.as_ref().map(|goals| goals.data.clone());
        Self {
            link_before: decode_json(&campaign, goals_before.as_ref()),
            campaign,
            goals: goals_before.clone(),
            goals_before,
            touches_campaign: false,
            touches_scalars: false,
            touches_goals: false,
        }
    }

    /// The current office and district, which writes compare with. Where the tables are
    /// authoritative, they apply until the JSON changes.
    pub(crate) fn link(&self) -> PositionLink {
        let wanted = decode_json(&self.campaign, self.goals.as_ref());
        let Some(stored) = self.campaign.stored_link.clone() else { return wanted };
        let before = &self.link_before;
        let is_same_position = wanted.position == before.position;
        let is_same_district = wanted.district_override == before.district_override
            && wanted.district_manually_set == before.district_manually_set;
        let position = if is_same_position { stored.position } else { wanted.position };
        let (district_override, district_manually_set) = if is_same_district {
            (stored.district_override, stored.district_manually_set)
        } else {
            (wanted.district_override, wanted.district_manually_set)
        };
        PositionLink { position, district_override, district_manually_set }
    }

    /// Merges a client's changes.
    pub(crate) fn apply(&mut self, change: CampaignChange) {
        self.touches_campaign |= change.touches_campaign();
        let campaign = &mut self.campaign;
        let merges = [
            (&mut campaign.data, change.data, &[][..]),
            (&mut campaign.details, change.details, &DETAILS_REPLACED_WHOLE[..]),
            (&mut campaign.ai_content, change.ai_content, &[][..]),
        ];
        for (stored, patch, replaced_whole) in merges {
            if let Some(patch) = patch {
                merge_replacing(stored, patch, replaced_whole);
            }
        }
        if let Some(address) = change.formatted_address {
            campaign.formatted_address = address;
        }
        if let Some(place_id) = change.place_id {
            campaign.place_id = place_id;
        }
        if let Some(allowed) = change.can_download_federal {
            campaign.can_download_federal = allowed;
        }
        self.touches_scalars |= !change.scalars.is_empty();
        change.scalars.apply(campaign);
        self.merge_goals(change.path_to_victory.unwrap_or_default());
    }

    /// Sets whether statewide and federal voter data are allowed.
    pub(crate) fn set_can_download_federal(&mut self, is_allowed: bool) {
        self.campaign.can_download_federal = is_allowed;
        self.touches_campaign = true;
    }

    /// Merges voter goals: an empty patch neither changes nor creates them.
    pub(crate) fn merge_goals(&mut self, patch: Map<String, Value>) {
        if patch.is_empty() {
            return;
        }
        self.touches_goals = true;
        let goals = self.goals.get_or_insert_with(|| Value::Object(Map::new()));
        merge_replacing(goals, patch, &[]);
    }

    /// Copies the effective district of a link to the voter goals.
    pub(crate) fn store_district(&mut self, link: &PositionLink) {
        campaign_json::store_district(link, &mut self.goals);
    }

    /// Copies the position of a link to the details.
    pub(crate) fn store_position(&mut self, link: &PositionLink) {
        if !self.campaign.details.is_object() {
            // A value that is not an object cannot hold an office.
            self.campaign.details = Value::Object(Map::new());
        }
        campaign_json::show_details(link, &mut self.campaign.details);
        self.touches_campaign = true;
    }

    /// Stores the campaign, its voter goals and, if its link was read, the link; returns the
    /// campaign as clients see it.
    pub(crate) fn save(
        self,
        uow: &mut dyn UnitOfWork,
        link: Option<&PositionLink>,
        now: DateTime<Utc>,
    ) -> Result<Campaign, StoreError> {
        let id = self.campaign.id;
        let before = match &self.campaign.stored_link {
            Some(stored) => &stored.position.id,
            None => &self.link_before.position.id,
        };
        let chosen = link.filter(|link| link.position.id != *before);
        let campaign = self.store(uow, link, now)?;
        if let Some(link) = chosen
            && let (Some(position), None) =
                (link.position.id.ballot_ready(), link.effective_district())
            && uow.offers(Feature::Organizations)
        {
            // Its JSON must name the district of the position once that is known.
            uow.lookups().note_choice(id, position)?;
        }
        Ok(campaign)
    }

    fn store(
        mut self,
        uow: &mut dyn UnitOfWork,
        link: Option<&PositionLink>,
        now: DateTime<Utc>,
    ) -> Result<Campaign, StoreError> {
        // What another service wrote to the JSON is authoritative, even before it is copied to the
        // tables. A later copy asks election-api.
        let adopted = if link.is_none() && self.campaign.wants_repair {
            Some(self.settled(uow, &Facts::Unverified, now)?)
        } else {
            None
        };
        if self.touches_campaign {
            self.campaign.updated_at = now;
            uow.campaigns().update(&self.campaign)?;
        }
        if self.touches_scalars {
            uow.campaigns().update_scalars(&self.campaign)?;
        }
        if self.touches_goals || self.goals != self.goals_before {
            self.save_goals(uow, now)?;
        }
        if let Some(link) = link.or(adopted.as_ref()) {
            self.campaign.organization_id =
                uow.position_links().set_of_campaign(&self.campaign, link, now)?;
            self.campaign.stored_link = uow.offers(Feature::LinksInTables).then(|| link.clone());
            self.campaign.wants_repair = false;
        }
        Ok(as_clients_see(self.campaign))
    }

    /// Makes the tables match the JSON, and never changes the JSON.
    pub(crate) fn adopt(
        self,
        uow: &mut dyn UnitOfWork,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<Campaign, StoreError> {
        let link = self.settled(uow, facts, now)?;
        self.store(uow, Some(&link), now)
    }

    /// Another service's change, once the tables know its position.
    fn settled(
        &self,
        uow: &mut dyn UnitOfWork,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<PositionLink, StoreError> {
        let wanted = self.link();
        let position = uow.position_links().settle(wanted.position, facts, now)?;
        // If it chose another position than we did, the district of that position is not ours to
        // write.
        uow.lookups().forget_former_choice(self.campaign.id, &position.id)?;
        Ok(PositionLink::new(position, wanted.district_override, wanted.district_manually_set))
    }

    fn save_goals(
        &mut self,
        uow: &mut dyn UnitOfWork,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(data) = self.goals.take() else { return Ok(()) };
        if let Some(goals) = &mut self.campaign.path_to_victory {
            goals.data = data;
            goals.updated_at = now;
            return uow.campaigns().update_path_to_victory(goals);
        }
        let goals = uow.campaigns().insert_path_to_victory(self.campaign.id, data, now)?;
        self.campaign.path_to_victory = Some(goals);
        Ok(())
    }
}

/// The campaign as clients see it.
pub(crate) fn as_clients_see(mut campaign: Campaign) -> Campaign {
    let link = campaign.link();
    campaign_json::show(&link, &mut campaign);
    campaign
}

/// Office and district according to the JSON.
fn decode_json(campaign: &Campaign, goals: Option<&Value>) -> PositionLink {
    campaign_json::decode(campaign.id, &campaign.details, goals).link
}
