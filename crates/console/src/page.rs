//! Answers with pages.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ContentType, LOCATION},
    },
};
use askama::Template;

use crate::{failure::Failure, shell::Shell};

/// A page: a template with the frame that surrounds it.
pub(crate) trait Page: Template {
    /// The frame.
    fn shell(&self) -> &Shell;
}

/// A page as an answer.
pub(crate) struct Show<P> {
    page: P,
    status: StatusCode,
}

impl<P: Page> Show<P> {
    /// A page that was asked for.
    pub(crate) const fn ok(page: P) -> Self {
        Self { page, status: StatusCode::OK }
    }

    /// A form that was refused, with what was typed and why.
    pub(crate) const fn refused(page: P, status: StatusCode) -> Self {
        Self { page, status }
    }

    fn response(&self, request: &HttpRequest) -> Result<HttpResponse, askama::Error> {
        let html = self.page.render()?;
        let mut response = HttpResponse::build(self.status);
        response
            .insert_header(ContentType::html())
            .insert_header((CACHE_CONTROL, "private, no-store"));
        let token = self.page.shell().cookie.as_ref();
        if let Some(cookie) = token.and_then(|token| token.cookie(request)) {
            response.cookie(cookie);
        }
        Ok(response.body(html))
    }
}

impl<P: Page> Responder for Show<P> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        self.response(request).unwrap_or_else(|error| {
            tracing::error!(%error, "a page was not rendered");
            HttpResponse::from_error(Failure::Broken)
        })
    }
}

/// After a form: the page to look at next. Sent as 303, so that reloading it sends nothing again.
pub(crate) fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, address))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .finish()
}
