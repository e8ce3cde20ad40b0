//! `PUT /v1/users/me`.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use winserve_domain::{
    base::StoreError,
    users::{self, UpdateUserError, UserChange},
};

use super::{EMAIL_LIMIT, NAME_LIMIT, UserAnswer};
use crate::{
    AppState,
    auth::RequireLogin,
    body::{JsonBody, given},
    error::{ApiError, ErrorCode},
    openapi::{Errors, body_schema, refuses},
    validation::{Rule, Shape, Unknown, check},
};

/// Names need two characters, phone and zip can be cleared: the rules with which the old service validated
/// its answers, applied where they belong. The maximum lengths are ours: names and e-mail are indexed, and an
/// index cannot hold a text of several thousand characters.
const BODY: Shape = Shape {
    required: &[],
    fields: &[
        ("firstName", Rule::TextBetween(2, NAME_LIMIT)),
        ("lastName", Rule::TextBetween(2, NAME_LIMIT)),
        ("email", Rule::Email(EMAIL_LIMIT)),
        ("name", Rule::Nullable(&Rule::TextBetween(0, NAME_LIMIT))),
        ("zip", Rule::Nullable(&Rule::ZipCode)),
        ("phone", Rule::Nullable(&Rule::MobilePhone)),
        ("signUpMode", Rule::OneOf(&["candidate", "facilitated"])),
        ("allowTexts", Rule::Boolean),
    ],
    unknown: Unknown::Strip,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    zip: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    phone: Option<Option<String>>,
    sign_up_mode: Option<String>,
    allow_texts: Option<bool>,
}

body_schema!(Body, "UserChange", BODY);

impl From<Body> for UserChange {
    fn from(body: Body) -> Self {
        let meta_data: [(&str, Option<Value>); 2] = [
            ("signUpMode", body.sign_up_mode.map(Value::from)),
            ("textNotifications", body.allow_texts.map(Value::from)),
        ];
        Self {
            first_name: body.first_name,
            last_name: body.last_name,
            name: body.name,
            email: body.email,
            phone: body.phone,
            zip: body.zip,
            meta_data: meta_data
                .into_iter()
                .filter_map(|(key, value)| value.map(|value| (key.to_owned(), value)))
                .collect::<Map<_, _>>(),
        }
    }
}

/// Changes the given members of the calling user.
#[utoipa::path(
    put,
    path = "/v1/users/me",
    tag = "Users",
    security(("session" = []), ("cookie" = [])),
    request_body = Body,
    responses(
        (status = 200, description = "The user as changed", body = UserAnswer),
        Errors<(RequireLogin, JsonBody, UpdateUserError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    JsonBody(body): JsonBody,
) -> Result<Json<UserAnswer>, ApiError> {
    let body: Body = crate::body::typed(check(body, &BODY)?)?;
    let user = users::update(&state.ports, user.id, body.into()).await?;
    Ok(Json(user.into()))
}

impl From<UpdateUserError> for ApiError {
    fn from(error: UpdateUserError) -> Self {
        match error {
            UpdateUserError::NotFound(_) => Self::client(ErrorCode::Unauthorized, "Unauthorized"),
            UpdateUserError::EmailTaken => {
                Self::client(ErrorCode::Conflict, "Duplicate field: email")
            }
            UpdateUserError::EmailOfClerk => Self::client(
                ErrorCode::EmailManaged,
                "Change your e-mail address where you sign in",
            ),
            UpdateUserError::Store(error) => error.into(),
        }
    }
}

refuses!(UpdateUserError: Unauthorized, Conflict, EmailManaged; StoreError);
