//! `PATCH /v1/organizations/:id`, and `PATCH /v1/organizations/admin/:id` for staff and machines.

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use winserve_domain::{
    campaigns::{Existence, campaign_json::keys},
    organizations::{
        self, ChangeOrganization, ChangeOrganizationError, NamedDistrict, OfficeChange,
        OrganizationAuthor, OrganizationError, OrganizationItem, OrganizationReference,
        Precondition,
    },
    positions::{
        BallotReadyId, CustomOfficeChange, District, DistrictId, ElectionUnavailable,
        LinkedDistrict, clean_name,
    },
};

use super::{AdminOrganizationAnswer, OrganizationAnswer, reference};
use crate::{
    AppState, asking,
    auth::{Actor, StaffOrMachine},
    body::{JsonBody, given, typed},
    conditional::{self, IfMatch},
    error::{ApiError, ErrorCode},
    office_choice::{CUSTOM, CUSTOM_OFFICE_CHANGE},
    openapi::{Errors, IfMatchHeader, body_schema, refuses},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const POSITION_ID: (&str, Rule) = (keys::POSITION_ID, Rule::Nullable(&Rule::Text));
const CUSTOM_OFFICE: (&str, Rule) = (CUSTOM, CUSTOM_OFFICE_CHANGE);
const NAMED_DISTRICT: (&str, Rule) = ("district", Rule::Nullable(&Rule::Object(&DISTRICT)));
const KEEP_DISTRICT: (&str, Rule) = ("keepDistrict", Rule::Boolean);
/// What an owner may change.
const BODY: Shape = Shape {
    required: &[],
    fields: &[POSITION_ID, CUSTOM_OFFICE, NAMED_DISTRICT, KEEP_DISTRICT],
    unknown: Unknown::Refuse,
};
/// What staff and machines may change.
const ADMIN_BODY: Shape = Shape {
    required: &[],
    fields: &[
        POSITION_ID,
        CUSTOM_OFFICE,
        NAMED_DISTRICT,
        KEEP_DISTRICT,
        ("canDownloadFederal", Rule::Boolean),
    ],
    unknown: Unknown::Refuse,
};
const DISTRICT: Shape = Shape {
    required: &[],
    fields: &[("id", Rule::Text), ("type", Rule::NotBlank(LIMIT)), ("name", Rule::NotBlank(LIMIT))],
    unknown: Unknown::Refuse,
};
/// Longest type and name, in UTF-16 units.
const LIMIT: usize = 512;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "given")]
    position_id: Option<Option<String>>,
    custom_office: Option<CustomBody>,
    #[serde(default, deserialize_with = "given")]
    district: Option<Option<DistrictBody>>,
    #[serde(default)]
    keep_district: bool,
    can_download_federal: Option<bool>,
}

body_schema!(Body, "OrganizationChange", BODY);

/// The body of staff and machines, read as [`Body`].
enum AdminBody {}

body_schema!(AdminBody, "AdminOrganizationChange", ADMIN_BODY);

#[derive(Clone, Deserialize)]
struct CustomBody {
    office: Option<String>,
    #[serde(default, deserialize_with = "given")]
    state: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    county: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    city: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    district: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    zip: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    level: Option<Option<String>>,
}

#[derive(Clone, Deserialize)]
struct DistrictBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
}

/// Changes the office or the district of the user's own organization.
#[utoipa::path(
    patch,
    path = "/v1/organizations/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = Body,
    responses(
        (status = 200, description = "The organization as changed", body = OrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        Errors<(Actor, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn of_owner(
    state: Data<AppState>,
    Actor { user, is_staff, label }: Actor,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let author = OrganizationAuthor {
        owner: Some(user),
        is_staff_or_machine: is_staff,
        // Here, nobody can ask for what only they may.
        is_admin_or_machine: false,
        actor: label,
    };
    change::<OrganizationAnswer>(&state, reference(&id)?, author, if_match, body).await
}

/// Changes the office or district of anybody's organization, for staff and machines.
#[utoipa::path(
    patch,
    path = "/v1/organizations/admin/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = AdminBody,
    responses(
        (status = 200, description = "The organization as changed", body = AdminOrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        Errors<(StaffOrMachine, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn of_anybody(
    state: Data<AppState>,
    StaffOrMachine { is_admin_or_machine, label }: StaffOrMachine,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let body: Body = typed(check(body, &ADMIN_BODY)?)?;
    let author = OrganizationAuthor {
        owner: None,
        is_staff_or_machine: true,
        is_admin_or_machine,
        actor: label,
    };
    change::<AdminOrganizationAnswer>(&state, reference(&id)?, author, if_match, body).await
}

/// Asks election-api, then writes; anew if the organization has another office by then.
async fn change<A: Serialize + From<OrganizationItem>>(
    state: &AppState,
    reference: OrganizationReference,
    author: OrganizationAuthor,
    if_match: IfMatch,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    require_complete_organization(state, &reference, &author).await?;
    for _ in 0..asking::ATTEMPTS {
        let office = ask_for_office(state, &body).await?;
        let position_state = position_state(state, &reference, &author, office.clone()).await?;
        let district = match body.district.clone() {
            None => None,
            Some(None) => Some(None),
            Some(Some(named)) => Some(Some(ask_for_district(state, named, position_state).await?)),
        };
        let if_match = if_match.clone();
        let precondition: Precondition =
            Box::new(move |item| if_match.allows(&A::from(item.clone())));
        let command = ChangeOrganization {
            reference: reference.clone(),
            author: author.clone(),
            office,
            keep_district: body.keep_district,
            district,
            can_download_federal: body.can_download_federal,
            precondition: Some(precondition),
        };
        let now = state.clock.now();
        let changed = state
            .database
            .transaction("organization.change", move |uow| {
                organizations::change_organization(uow, command, now)
            })
            .await;
        match changed {
            Err(ChangeOrganizationError::AnswerOutdated) => {}
            changed => return conditional::tagged(&A::from(changed?)),
        }
    }
    Err(ChangeOrganizationError::AnswerOutdated.into())
}

/// What is unknown or somebody else's is refused before anything is asked. An office that the old service won a
/// moment ago gets its position first: without it, no state is known to look for districts in.
async fn require_complete_organization(
    state: &AppState,
    reference: &OrganizationReference,
    author: &OrganizationAuthor,
) -> Result<(), ApiError> {
    let (wanted, owner) = (reference.clone(), author.owner);
    let wants_completion = state
        .database
        .read("organization.find", move |uow| organizations::wants_completion(uow, &wanted, owner))
        .await?;
    if wants_completion {
        let (reference, now) = (reference.clone(), state.clock.now());
        state
            .database
            .transaction("organization.complete", move |uow| {
                organizations::complete_organization(uow, &reference, owner, now)
            })
            .await?;
    }
    Ok(())
}

/// Without an answer nothing is stored.
fn unavailable(error: ElectionUnavailable) -> ApiError {
    ApiError::server(ErrorCode::Unavailable, error)
}

/// The office that a body names. A position that election-api does not know is none.
async fn ask_for_office(state: &AppState, body: &Body) -> Result<Option<OfficeChange>, ApiError> {
    match (&body.position_id, &body.custom_office) {
        (Some(_), Some(_)) => Err(ApiError::client(
            ErrorCode::InvalidRequest,
            "Either positionId or customOffice, not both",
        )),
        (None, None) => Ok(None),
        (None, Some(custom)) => Ok(Some(OfficeChange::Custom(custom.clone().into()))),
        (Some(None), None) => Ok(Some(OfficeChange::Cleared)),
        (Some(Some(id)), None) => {
            let unknown =
                || ApiError::client(ErrorCode::UnknownPosition, "There is no such position");
            let id = BallotReadyId::parse(id).ok_or_else(unknown)?;
            let known = state.election.position(&id).await.map_err(unavailable)?;
            Ok(Some(OfficeChange::Known(Box::new(known.ok_or_else(unknown)?))))
        }
    }
}

async fn position_state(
    state: &AppState,
    reference: &OrganizationReference,
    author: &OrganizationAuthor,
    office: Option<OfficeChange>,
) -> Result<Option<String>, ApiError> {
    let (reference, author) = (reference.clone(), author.clone());
    let asked = state
        .database
        .read("organization.ask_before_change", move |uow| {
            organizations::ask_before_organization_change(uow, &reference, &author, office)
        })
        .await?;
    Ok(asked)
}

/// A district by its id, or by type and name in the state of the position; the latter is taken
/// without an id when election-api gives no answer (design §3).
async fn ask_for_district(
    state: &AppState,
    named: DistrictBody,
    position_state: Option<String>,
) -> Result<NamedDistrict, ApiError> {
    let election = state.election.as_ref();
    let unknown =
        || ApiError::client(ErrorCode::UnknownDistrict, "There is no such district in the state");
    let (state, id, district) = match (named.id, named.kind, named.name) {
        (Some(id), None, None) => {
            let id = DistrictId::parse(&id).ok_or_else(unknown)?;
            let known = election.district(&id).await.map_err(unavailable)?.ok_or_else(unknown)?;
            let District { kind, name } = known.district;
            (Some(known.state), Some(id), District { kind, name: clean_name(&name).to_owned() })
        }
        (None, Some(kind), Some(name)) => {
            let name = clean_name(&name).to_owned();
            let district = District { kind: kind.trim().to_owned(), name };
            let within = position_state.clone().ok_or_else(unknown)?;
            let id = match asking::existence(election, &within, &district).await {
                Existence::Known(id) => Some(id),
                Existence::NoAnswer => None,
                Existence::Unknown => return Err(unknown()),
            };
            (Some(within), id, district)
        }
        _ => {
            let message = "Name a district by its id, or by its type and name";
            return Err(ApiError::client(ErrorCode::InvalidRequest, message));
        }
    };
    Ok(NamedDistrict { position_state, state, district: LinkedDistrict { id, district } })
}

impl From<CustomBody> for CustomOfficeChange {
    fn from(body: CustomBody) -> Self {
        let trimmed = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let given = |text: Option<Option<String>>| text.map(|text| text.and_then(trimmed));
        Self {
            office: body.office.and_then(trimmed),
            state: given(body.state).map(|state| state.map(|code| code.to_uppercase())),
            county: given(body.county),
            city: given(body.city),
            district: given(body.district),
            zip: given(body.zip),
            level: given(body.level),
        }
    }
}

impl From<ChangeOrganizationError> for ApiError {
    fn from(error: ChangeOrganizationError) -> Self {
        match error {
            ChangeOrganizationError::Unreadable(error) => error.into(),
            ChangeOrganizationError::Stale => Self::client(
                ErrorCode::PreconditionFailed,
                "The organization has changed since you read it: read it again",
            ),
            ChangeOrganizationError::NoOfficeName => {
                Self::client(ErrorCode::InvalidRequest, "A typed-in office needs a name")
            }
            ChangeOrganizationError::DistrictForbidden => Self::client(
                ErrorCode::Forbidden,
                "User does not have permission to set a district of a whole state or of another one",
            ),
            ChangeOrganizationError::FederalDataForbidden(error) => error.into(),
            error @ ChangeOrganizationError::AnswerOutdated => {
                Self::server(ErrorCode::Unavailable, error)
            }
            ChangeOrganizationError::Store(error) => error.into(),
        }
    }
}

refuses!(ChangeOrganizationError: PreconditionFailed, InvalidRequest, UnknownPosition, UnknownDistrict, Forbidden, TooMuchData; OrganizationError);
