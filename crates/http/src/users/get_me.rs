//! `GET /v1/users/me`.

use actix_web::web::Json;

use super::UserAnswer;
use crate::{auth::RequireLogin, openapi::Errors};

/// Returns the calling user.
#[utoipa::path(
    get,
    path = "/v1/users/me",
    tag = "Users",
    security(("session" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "The user", body = UserAnswer),
        Errors<(RequireLogin,)>
    )
)]
pub(crate) async fn handler(RequireLogin(user): RequireLogin) -> Json<UserAnswer> {
    Json(user.into())
}
