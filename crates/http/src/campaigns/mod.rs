//! Campaigns (legacy contract §5.1).

pub(crate) mod get_all;
pub(crate) mod get_by_id;
pub(crate) mod get_by_slug;
pub(crate) mod get_list;
pub(crate) mod get_mine;
pub(crate) mod get_mine_status;
pub(crate) mod post_campaign;
pub(crate) mod post_launch;
pub(crate) mod put_by_id;
pub(crate) mod put_mine;
pub(crate) mod put_mine_district;
pub(crate) mod put_mine_race_targets;
pub(crate) mod put_race_targets_by_slug;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;
use winserve_domain::campaigns::Campaign;

/// A campaign with its voter goals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Campaign)]
pub(crate) struct CampaignAnswer {
    #[serde(flatten)]
    campaign: BareCampaignAnswer,
    path_to_victory: Option<PathToVictoryAnswer>,
}

/// A campaign without its voter goals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BareCampaign)]
pub(crate) struct BareCampaignAnswer {
    id: i32,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    slug: String,
    is_active: bool,
    is_verified: Option<bool>,
    is_pro: Option<bool>,
    is_demo: bool,
    did_win: Option<bool>,
    #[serde(serialize_with = "optional_milliseconds")]
    date_verified: Option<DateTime<Utc>>,
    tier: Option<String>,
    formatted_address: Option<String>,
    place_id: Option<String>,
    data: Value,
    details: Value,
    ai_content: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    vendor_ts_data: Option<Value>,
    user_id: i32,
    can_download_federal: bool,
    completed_task_ids: Vec<String>,
    has_free_texts_offer: bool,
    #[serde(serialize_with = "optional_milliseconds")]
    free_texts_offer_redeemed_at: Option<DateTime<Utc>>,
    organization_id: Option<String>,
    clerk_organization_id: Option<String>,
    position_id: Option<String>,
    /// Code of the part that cannot be read and is therefore not shown; absent if everything is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<&'static str>,
}

/// A campaign as machines see it: without its voter goals, and without the vendor's data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MachineCampaign)]
pub(crate) struct MachineCampaignAnswer(BareCampaignAnswer);

impl From<Campaign> for MachineCampaignAnswer {
    fn from(campaign: Campaign) -> Self {
        Self(BareCampaignAnswer { vendor_ts_data: None, ..campaign.into() })
    }
}

/// The voter goals of a campaign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PathToVictory)]
pub(crate) struct PathToVictoryAnswer {
    id: i32,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    campaign_id: i32,
    data: Value,
    /// Code of the JSON that cannot be read and is therefore not shown; absent if everything is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<&'static str>,
}

impl From<Campaign> for CampaignAnswer {
    fn from(mut campaign: Campaign) -> Self {
        let problem = campaign.problem();
        let path_to_victory = PathToVictoryAnswer::take(&mut campaign);
        let campaign = BareCampaignAnswer { problem, ..campaign.into() };
        Self { campaign, path_to_victory }
    }
}

impl PathToVictoryAnswer {
    /// Removes the voter goals from a campaign.
    pub(crate) fn take(campaign: &mut Campaign) -> Option<Self> {
        let campaign_id = campaign.id.0;
        campaign.path_to_victory.take().map(|goals| Self {
            id: goals.id.0,
            created_at: goals.created_at,
            updated_at: goals.updated_at,
            campaign_id,
            problem: goals.problem(),
            data: goals.data,
        })
    }
}

impl From<Campaign> for BareCampaignAnswer {
    fn from(campaign: Campaign) -> Self {
        Self {
            problem: campaign.problem(),
            organization_id: campaign.organization_id.map(|id| id.to_string()),
            position_id: campaign
                .link()
                .position
                .id
                .ballot_ready()
                .map(|id| id.as_str().to_owned()),
            clerk_organization_id: campaign.clerk_organization_id,
            id: campaign.id.0,
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
            slug: campaign.slug,
            is_active: campaign.is_active,
            is_verified: campaign.is_verified,
            is_pro: campaign.is_pro,
            is_demo: campaign.is_demo,
            did_win: campaign.did_win,
            date_verified: campaign.date_verified,
            tier: campaign.tier,
            formatted_address: campaign.formatted_address,
            place_id: campaign.place_id,
            data: campaign.data,
            details: campaign.details,
            ai_content: campaign.ai_content,
            vendor_ts_data: Some(campaign.vendor_ts_data),
            user_id: campaign.user_id.0,
            can_download_federal: campaign.can_download_federal,
            completed_task_ids: campaign.completed_task_ids,
            has_free_texts_offer: campaign.has_free_texts_offer,
            free_texts_offer_redeemed_at: campaign.free_texts_offer_redeemed_at,
        }
    }
}

/// `2026-02-25T12:34:56.789Z`, always with three digits of a second (legacy contract §5.0).
pub(crate) fn milliseconds<S: Serializer>(
    at: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[expect(clippy::ref_option, reason = "serde hands out a reference to the field")]
pub(crate) fn optional_milliseconds<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => milliseconds(at, serializer),
        None => serializer.serialize_none(),
    }
}
