//! Shared by both `PATCH` routes: the bodies, and the errors of a change.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use winserve_domain::{
    campaigns::campaign_json::keys,
    organizations::{
        ChangeOrganization, ChangeOrganizationError, DistrictChoice, OfficeChange,
        OrganizationAuthor, OrganizationError, OrganizationItem, OrganizationReference,
        Precondition,
    },
    positions::{CustomOfficeChange, District},
};

use crate::{
    body::given,
    conditional::IfMatch,
    error::{ApiError, ErrorCode},
    office_choice::{CUSTOM, CUSTOM_OFFICE_CHANGE},
    openapi::refuses,
    validation::{Rule, Shape, Unknown},
};

pub(super) const POSITION_ID: (&str, Rule) = (keys::POSITION_ID, Rule::Nullable(&Rule::Text));
pub(super) const CUSTOM_OFFICE: (&str, Rule) = (CUSTOM, CUSTOM_OFFICE_CHANGE);
pub(super) const NAMED_DISTRICT: (&str, Rule) =
    ("district", Rule::Nullable(&Rule::Object(&DISTRICT)));
pub(super) const KEEP_DISTRICT: (&str, Rule) = ("keepDistrict", Rule::Boolean);
const DISTRICT: Shape = Shape {
    required: &[],
    fields: &[("id", Rule::Text), ("type", Rule::NotBlank(LIMIT)), ("name", Rule::NotBlank(LIMIT))],
    unknown: Unknown::Refuse,
};
/// Maximum length of type and name, in UTF-16 units.
const LIMIT: usize = 512;

/// The body; an owner's never contains `canDownloadFederal`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    #[serde(default, deserialize_with = "given")]
    position_id: Option<Option<String>>,
    custom_office: Option<CustomBody>,
    #[serde(default, deserialize_with = "given")]
    district: Option<Option<DistrictBody>>,
    #[serde(default)]
    keep_district: bool,
    can_download_federal: Option<bool>,
}

#[derive(Deserialize)]
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

#[derive(Deserialize)]
struct DistrictBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
}

impl Body {
    /// The requested change.
    pub(super) fn into_command(
        self,
        reference: OrganizationReference,
        author: OrganizationAuthor,
        precondition: Precondition,
    ) -> Result<ChangeOrganization, ApiError> {
        let district = match self.district {
            Some(Some(named)) => Some(Some(named.try_into()?)),
            Some(None) => Some(None),
            None => None,
        };
        Ok(ChangeOrganization {
            reference,
            author,
            office: office(self.position_id, self.custom_office)?,
            keep_district: self.keep_district,
            district,
            can_download_federal: self.can_download_federal,
            election_day: None,
            precondition: Some(precondition),
        })
    }
}

/// Whether `If-Match` names the version of the answer `A`.
pub(super) fn precondition<A>(if_match: IfMatch, today: NaiveDate) -> Precondition
where
    A: Serialize + From<(OrganizationItem, NaiveDate)>,
{
    Arc::new(move |item| if_match.allows(&A::from((item.clone(), today))))
}

fn office(
    position_id: Option<Option<String>>,
    custom: Option<CustomBody>,
) -> Result<Option<OfficeChange>, ApiError> {
    Ok(match (position_id, custom) {
        (Some(_), Some(_)) => {
            let message = "Either positionId or customOffice, not both";
            return Err(ApiError::client(ErrorCode::InvalidRequest, message));
        }
        (Some(Some(id)), None) => Some(OfficeChange::BallotReady(id)),
        (Some(None), None) => Some(OfficeChange::Cleared),
        (None, Some(custom)) => Some(OfficeChange::Custom(custom.into())),
        (None, None) => None,
    })
}

impl TryFrom<DistrictBody> for DistrictChoice {
    type Error = ApiError;

    fn try_from(body: DistrictBody) -> Result<Self, ApiError> {
        match (body.id, body.kind, body.name) {
            (Some(id), None, None) => Ok(Self::Id(id)),
            (None, Some(kind), Some(name)) => Ok(Self::Named(District { kind, name })),
            _ => {
                let message = "Name a district by its id, or by its type and name";
                Err(ApiError::client(ErrorCode::InvalidRequest, message))
            }
        }
    }
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
                "User does not have permission to set a whole state or a district of another state",
            ),
            ChangeOrganizationError::FederalDataForbidden(error) => error.into(),
            ChangeOrganizationError::UnknownPosition => {
                Self::client(ErrorCode::UnknownPosition, "There is no such position")
            }
            ChangeOrganizationError::UnknownDistrict => {
                Self::client(ErrorCode::UnknownDistrict, "There is no such district in the state")
            }
            ChangeOrganizationError::ElectionUnavailable(error) => {
                Self::server(ErrorCode::Unavailable, error)
            }
            error @ ChangeOrganizationError::AnswerOutdated => {
                Self::server(ErrorCode::Unavailable, error)
            }
            ChangeOrganizationError::Store(error) => error.into(),
        }
    }
}

refuses!(ChangeOrganizationError: PreconditionFailed, InvalidRequest, UnknownPosition, UnknownDistrict, Forbidden, TooMuchData; OrganizationError);
