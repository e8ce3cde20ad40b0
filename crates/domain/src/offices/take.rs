//! Takes an office without a campaign (design §5).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::UserId,
    database::{Feature, UnitOfWork},
    offices::{
        ElectedOffice, NewOffice, NewOfficeError, Term, elected_office::shown_position,
        overlap::overlapping, win::new_office,
    },
    organizations::RequestKey,
    positions::{Facts, OfficeChoice, PositionId, PositionLink, election_lookup},
};

/// An office that its holder names without a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct TakeOffice {
    /// The user.
    pub holder: UserId,
    /// The office held.
    pub office: OfficeChoice,
    /// The term, as entered by its holder.
    pub term: Term,
    /// Makes the request repeatable, if the client asks for that.
    pub request: Option<RequestKey>,
}

/// Creates an elected office from a position, without a campaign. The position is looked up in
/// election-api.
///
/// # Errors
/// See [`NewOfficeError`].
pub async fn take(ports: &Ports, command: TakeOffice) -> Result<NewOffice, NewOfficeError> {
    let position = command.office.ballot_ready();
    let facts = election_lookup::facts(ports.election.as_ref(), position).await;
    let now = ports.now();
    ports
        .database
        .transaction("elected_office.take", move |uow| write(uow, command, &facts, now))
        .await
}

fn write(
    uow: &mut dyn UnitOfWork,
    command: TakeOffice,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<NewOffice, NewOfficeError> {
    uow.require(Feature::Organizations)?;
    let TakeOffice { holder, office: choice, term, request } = command;
    // The lock serializes parallel repeats.
    uow.users().find_for_update(holder)?.ok_or(NewOfficeError::NoUser(holder))?;
    if let Some(office) = taken_earlier(uow, holder, request.as_ref())? {
        return Ok(NewOffice::Repeated(office));
    }
    uow.require(Feature::IndependentHoldings)?;
    let mut office = new_office(holder, term, now);
    let own = PositionId::CustomOfOffice(office.id.clone());
    let position = uow.position_links().settle(choice.position(own), facts, now)?;
    let link = PositionLink::new(position, None, false);
    if let Some(term) = overlapping(uow, &office, &link.position.id)? {
        return Err(NewOfficeError::TermsOverlap(term));
    }
    office.organization_id = uow.elected_offices().insert(&office, &link, request.as_ref())?;
    office.position = shown_position(&office, &link);
    Ok(NewOffice::Created(office))
}

fn taken_earlier(
    uow: &mut dyn UnitOfWork,
    holder: UserId,
    request: Option<&RequestKey>,
) -> Result<Option<ElectedOffice>, NewOfficeError> {
    let Some(request) = request else { return Ok(None) };
    let Some(earlier) = uow.organizations().requested_earlier(holder, &request.key)? else {
        return Ok(None);
    };
    let office = uow.elected_offices().find_of_organization(earlier.organization)?;
    let office = office.filter(|_| earlier.digest == request.digest);
    office.map(Some).ok_or(NewOfficeError::KeyReused)
}
