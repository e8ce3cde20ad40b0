//! Wins an election with a campaign (legacy contract §3.8).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::{CampaignId, ElectedOfficeId, StoreError, UserId},
    campaigns::adopt::adopted,
    database::{Feature, UnitOfWork},
    offices::{
        ElectedOffice, Term,
        complete::{WonWith, completed},
        elected_office::shown_position,
        from_campaign::{link_of_winner, organization_of, unverified_position, verified},
        overlap::overlapping,
    },
    organizations::{ActiveCampaign, RequestKey},
    positions::{BallotReadyId, Facts, election_lookup},
};

/// The result of a request for an office.
#[derive(Debug, Clone, PartialEq)]
pub enum NewOffice {
    /// A new office.
    Created(ElectedOffice),
    /// The office that the same request created before.
    Repeated(ElectedOffice),
}

/// Why no office was created.
#[derive(Debug, thiserror::Error)]
pub enum NewOfficeError {
    /// The user has no campaign to win with, and named no position.
    #[error("there is no campaign to win with")]
    NoCampaign,
    /// The user was deleted.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The key was used for another request.
    #[error("the request key was used for something else")]
    KeyReused,
    /// The user's term in the same office overlaps.
    #[error("another term in the same office overlaps")]
    TermsOverlap(Term),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// "I won": turns the campaign that the request is about into an elected office, once. The office
/// takes the current position (of a custom one a copy), district, manual flag and
/// `can_download_federal`, and is independent of the campaign afterwards.
///
/// # Errors
/// See [`NewOfficeError`].
pub async fn win(
    ports: &Ports,
    active: ActiveCampaign,
    term: Term,
) -> Result<NewOffice, NewOfficeError> {
    let position = ports
        .database
        .read("elected_office.ask_before_win", move |uow| prepare_win(uow, active))
        .await?;
    let facts = election_lookup::facts(ports.election.as_ref(), position.as_ref()).await;
    let now = ports.now();
    ports
        .database
        .transaction("elected_office.win", move |uow| write_win(uow, active, term, &facts, now))
        .await
}

/// The position of the campaign that a user would win with, if election-api has not confirmed its
/// facts.
pub(crate) fn prepare_win(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
) -> Result<Option<BallotReadyId>, StoreError> {
    if !uow.offers(Feature::Organizations) {
        return Ok(None);
    }
    let Some(campaign) = uow.campaigns().find_active(active)? else { return Ok(None) };
    unverified_position(uow, campaign)
}

/// [`win`] within a transaction.
pub(crate) fn write_win(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
    term: Term,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<NewOffice, NewOfficeError> {
    let holder = active.owner();
    // Lock the user before the campaign, as the deletion of a user does. The locks serialize
    // parallel repeats.
    uow.users().find_for_update(holder)?.ok_or(NewOfficeError::NoUser(holder))?;
    let campaign =
        uow.campaigns().find_active_for_update(active)?.ok_or(NewOfficeError::NoCampaign)?;
    let campaign = adopted(uow, campaign, facts, now)?;
    if let Some(WonOffice { office, is_oldest }) = won_office(uow, campaign.id)? {
        if office.wants_repair {
            uow.elected_offices().link_to_campaign(campaign.id)?;
        }
        // The backfill may be completing it right now; the lock decides who does.
        let office = match office.organization_id {
            None => uow.elected_offices().find_for_update(&office.id)?.unwrap_or(office),
            Some(_) => office,
        };
        let from = WonWith { campaign: &campaign, is_oldest, facts };
        return Ok(NewOffice::Repeated(completed(uow, office, Some(from), now)?));
    }
    let campaign = verified(uow, campaign, facts, now)?;
    let mut office = new_office(holder, term, now);
    office.campaign = Some(campaign.id);
    office.can_download_federal = campaign.can_download_federal;
    let link = link_of_winner(uow, &campaign, &office.id, facts, now)?;
    if let Some(term) = overlapping(uow, &office, &link.position.id)?.first() {
        return Err(NewOfficeError::TermsOverlap(*term));
    }
    let request = organization_of(uow, &campaign, facts, now)?.map(RequestKey::of_win);
    office.organization_id = uow.elected_offices().insert(&office, &link, request.as_ref())?;
    office.position = shown_position(&office, &link);
    Ok(NewOffice::Created(office))
}

/// The office that was won with a campaign.
pub(crate) struct WonOffice {
    pub(crate) office: ElectedOffice,
    /// Whether it is the oldest one, which a repeated win finds.
    is_oldest: bool,
}

/// The office that was won with a campaign. From before phase 1 there may be several: the active
/// one is used.
pub(crate) fn won_office(
    uow: &mut dyn UnitOfWork,
    campaign: CampaignId,
) -> Result<Option<WonOffice>, StoreError> {
    let won = uow.elected_offices().won_with(campaign)?;
    let oldest = won.first().map(|office| office.id.clone());
    let held = won.iter().position(|office| office.term.is_active).unwrap_or_default();
    let office = won.into_iter().nth(held);
    Ok(office.map(|office| WonOffice { is_oldest: oldest.as_ref() == Some(&office.id), office }))
}

/// An office that is not stored yet.
pub(super) fn new_office(holder: UserId, term: Term, now: DateTime<Utc>) -> ElectedOffice {
    ElectedOffice {
        id: ElectedOfficeId::generate(),
        user_id: holder,
        campaign: None,
        organization_id: None,
        clerk_organization_id: None,
        position: None,
        created_at: now,
        updated_at: now,
        can_download_federal: false,
        wants_repair: false,
        term,
    }
}
