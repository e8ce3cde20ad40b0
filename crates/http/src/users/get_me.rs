//! `GET /v1/users/me`.

use actix_web::web::Json;

use super::UserAnswer;
use crate::auth::Authenticated;

pub(crate) async fn handler(Authenticated(user): Authenticated) -> Json<UserAnswer> {
    Json(user.into())
}
