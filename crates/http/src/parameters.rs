//! Reads path and query.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    error::ApiError,
    validation::{Issue, PathItem},
};

/// The one parameter of a path, free of the character NUL.
pub(crate) struct PathText(pub(crate) String);

impl FromRequest for PathText {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some((name, _)) = request.match_info().iter().next() else {
            return ready(Err(ApiError::not_found()));
        };
        let path = [PathItem::Key(name.to_owned())];
        // The router has decoded it, but for bytes that are no text: nothing stored has those.
        let text = actix_web::web::Path::<String>::extract(request).into_inner();
        ready(match text {
            Ok(text) if text.contains('\0') => Err(ApiError::invalid(vec![Issue::nul(&path)])),
            Ok(text) => Ok(Self(text.into_inner())),
            Err(_no_text) => Err(ApiError::not_found()),
        })
    }
}
