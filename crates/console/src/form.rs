//! What a page is asked for, and what a form sends.

use std::{future::Future, pin::Pin};

pub(crate) use crate::fields::Fields;
use crate::{csrf, failure::Failure};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::Bytes};

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
    use actix_web::{
        App, HttpResponse,
        cookie::Cookie,
        dev::ServiceResponse,
        http::StatusCode,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service, read_body},
        web::{Data, post},
    };

    use super::*;
    use crate::{Console, failure, session::Visitor};

    const TOKEN: &str = "0b0a5c9e-4f6e-4f0e-9d53-0c3f4c1f0d11";
    const OTHER: &str = "5d1c1a2e-0d5b-4c3f-8a37-3f6f8e5f2b90";

    /// A form of a page at `https://console.example`, with a cookie and the token it repeats.
    fn form(path: &str, cookie: (&'static str, &'static str), repeated: &str) -> TestRequest {
        TestRequest::post()
            .uri(path)
            .insert_header(("host", "console.example"))
            .insert_header(("x-forwarded-proto", "https"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .cookie(Cookie::new(cookie.0, cookie.1))
            .set_payload(format!("form_token={repeated}&name=Young+%26+new&age=18&age=25"))
    }

    /// Sends it to a page for everybody at `/open`, and to one for visitors at `/closed`; nobody is signed in.
    async fn send(request: TestRequest) -> ServiceResponse {
        let console = Console {
            sign_in_url: Some("https://accounts.example/sign-in".parse().unwrap()),
            sign_out_url: None,
        };
        let open = |sent: Submitted<Query>| async move {
            Ok::<_, Failure>(HttpResponse::Ok().body(sent.fields.text("name").to_owned()))
        };
        let closed =
            |_: Submitted<Visitor>| async { Ok::<_, Failure>(HttpResponse::Ok().finish()) };
        let app = App::new()
            .app_data(Data::new(console))
            .route("/open", post().to(open))
            .route("/closed", post().to(closed))
            .wrap(from_fn(failure::page::show));
        call_service(&init_service(app).await, request.to_request()).await
    }

    #[actix_web::test]
    async fn only_forms_of_our_own_pages_are_accepted() {
        let (accepted, refused) = (StatusCode::OK, StatusCode::FORBIDDEN);
        let own = ("__Host-winserve_form", TOKEN);
        let fetched = "sec-fetch-site";
        for (header, value, cookie, repeated, expected) in [
            (fetched, "same-origin", own, TOKEN, accepted),
            (fetched, "same-origin", own, OTHER, refused),
            (fetched, "same-origin", own, "", refused),
            // Without the prefix, a neighbour in the domain could have set it.
            (fetched, "same-origin", ("winserve_form", TOKEN), TOKEN, refused),
            (fetched, "same-site", own, TOKEN, refused),
            (fetched, "cross-site", own, TOKEN, refused),
            (fetched, "none", own, TOKEN, refused),
            ("origin", "https://console.example", own, TOKEN, accepted),
            ("origin", "https://evil.example", own, TOKEN, refused),
            ("origin", "null", own, TOKEN, refused),
            ("accept", "text/html", own, TOKEN, refused),
        ] {
            let request = form("/open", cookie, repeated).insert_header((header, value));
            let status = send(request).await.status();
            assert_eq!(status, expected, "{header}: {value}, {cookie:?}, {repeated}");
        }
    }

    #[actix_web::test]
    async fn what_was_typed_survives_the_end_of_the_session() {
        let own = ("__Host-winserve_form", TOKEN);
        let request = form("/closed", own, TOKEN).insert_header(("sec-fetch-site", "same-origin"));
        let response = send(request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let page = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        for shown in [
            r#"<form method="post" action="/closed">"#,
            r#"name="name" value="Young &#38; new""#,
            r#"name="age" value="18""#,
            r#"name="age" value="25""#,
            r#"name="form_token" value="0b0a5c9e-4f6e-4f0e-9d53-0c3f4c1f0d11""#,
            "https://accounts.example/sign-in?redirect_url=https%3A%2F%2Fconsole.example%2Fapp",
            "Send again",
        ] {
            assert!(page.contains(shown), "{shown} is missing: {page}");
        }
        assert_eq!(page.matches("form_token").count(), 1);
    }
}
