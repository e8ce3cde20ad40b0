//! What a form sends.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::Bytes};
use url::form_urlencoded;

use crate::{csrf, failure::Failure};

/// The fields of a form, in order. A field that is sent several times has several entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a query or of an `application/x-www-form-urlencoded` body.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// A field without the space around it; empty if it was not sent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default().trim()
    }

    /// A field without the space around it, if it is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every value of a field.
    pub(crate) fn all<'f, 'n>(
        &'f self,
        name: &'n str,
    ) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The fields to repeat in another form: all but the token.
    pub(crate) fn repeatable(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| name != csrf::FIELD)
    }
}

/// The query of a page.
pub(crate) struct Query(pub(crate) Fields);

impl FromRequest for Query {
    type Error = Failure;
    type Future = std::future::Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(Fields::parse(request.query_string().as_bytes()))))
    }
}

/// A form that comes from one of our own pages, with the visitor whom `C` requires. If their session has ended,
/// the answer keeps what they typed.
pub(crate) struct Submitted<C> {
    /// Who sent it, and about what.
    pub(crate) by: C,
    /// Its fields.
    pub(crate) fields: Fields,
}

impl<C: FromRequest<Error = Failure> + 'static> FromRequest for Submitted<C> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        let by = C::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
                value.as_bytes().starts_with(b"application/x-www-form-urlencoded")
            });
            let body = body.await.map_err(|_too_large_or_gone| Failure::UnreadableForm)?;
            if !is_form {
                return Err(Failure::UnreadableForm);
            }
            let fields = Fields::parse(&body);
            if !csrf::is_own(&request, fields.filled(csrf::FIELD)) {
                return Err(Failure::ForeignForm);
            }
            match by.await {
                Ok(by) => Ok(Self { by, fields }),
                Err(Failure::SignedOut { .. }) => {
                    Err(Failure::SessionEnded { action: request.path().to_owned(), fields })
                }
                Err(other) => Err(other),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_may_have_several_values() {
        let fields = Fields::parse(b"language=en&language=es&name=+Ann+&empty=");
        assert_eq!(fields.all("language").collect::<Vec<_>>(), ["en", "es"]);
        assert_eq!(fields.filled("name"), Some("Ann"));
        assert_eq!(fields.filled("empty"), None);
        assert!(!fields.is_ticked("other"));
    }
}
