//! What a user may start now: a campaign, an office, a re-election, a win.

use crate::{
    Ports,
    base::UserId,
    database::Feature,
    organizations::{OrganizationError, OrganizationItem, read::require_tables},
    positions::BallotPosition,
};

/// Why something cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The migration does not allow it yet.
    NotMigrated,
    /// The campaign was won already.
    AlreadyWon,
    /// Nobody has chosen the position of the office yet, or it cannot be read.
    NoPosition,
}

impl Obstacle {
    /// The name of the reason in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotMigrated => "not-migrated",
            Self::AlreadyWon => "already-won",
            Self::NoPosition => "no-position",
        }
    }
}

/// What a user may start; `None` stands for no obstacle.
#[derive(Debug, Clone, PartialEq)]
pub struct Eligibility {
    /// A campaign for an office that the user names.
    pub campaign: Option<Obstacle>,
    /// An elected office without a campaign.
    pub elected_office: Option<Obstacle>,
    /// For each elected office of the user, a campaign to hold it again.
    pub re_elections: Vec<(OrganizationItem, Option<Obstacle>)>,
    /// For each campaign of the user, the office that it runs for.
    pub wins: Vec<(OrganizationItem, Option<Obstacle>)>,
}

/// What a user may start now, and why not.
///
/// # Errors
/// See [`OrganizationError`].
pub async fn eligibility(ports: &Ports, user: UserId) -> Result<Eligibility, OrganizationError> {
    let today = ports.today();
    ports
        .database
        .read("organization.eligibility", move |uow| {
            require_tables(uow)?;
            let is_free = uow.offers(Feature::IndependentHoldings);
            let unless_free = (!is_free).then_some(Obstacle::NotMigrated);
            let has_campaign = uow.campaigns().has_any(user)?;
            let campaign = unless_free.filter(|_| has_campaign);
            let mut items = uow.organizations().of_owner(user)?;
            OrganizationItem::sort(&mut items, today);
            let won = uow.organizations().won(user)?;
            let (offices, campaigns): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| item.elected_office.is_some());
            let re_election = |item: OrganizationItem| {
                let obstacle = campaign.or_else(|| without_position(&item));
                (item, obstacle)
            };
            let win = |item: OrganizationItem| {
                let obstacle = won.contains(&item.id).then_some(Obstacle::AlreadyWon);
                (item, obstacle)
            };
            Ok(Eligibility {
                campaign,
                elected_office: unless_free,
                re_elections: offices.into_iter().map(re_election).collect(),
                wins: campaigns.into_iter().map(win).collect(),
            })
        })
        .await
}

fn without_position(item: &OrganizationItem) -> Option<Obstacle> {
    let position = item.link.as_ref().map(|link| &link.position);
    let is_chosen = position.is_some_and(BallotPosition::is_chosen);
    (!is_chosen).then_some(Obstacle::NoPosition)
}
