//! Headers of every page.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS,
    },
    middleware::Next,
    web::Data,
};

use crate::Console;

/// What pages may load: nothing but our own style sheet, script and pictures, and no inline code.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Adds the headers.
pub(crate) async fn add(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let sign_in = request.app_data::<Data<Console>>().and_then(|it| it.sign_in_url.clone());
    let mut response = next.call(request).await?;
    // Browsers apply form-action to redirects too: a form may end at the sign-in page.
    let policy = match sign_in.map(|url| url.origin().ascii_serialization()) {
        Some(origin) => format!("{POLICY} {origin}"),
        None => POLICY.to_owned(),
    };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // With `no-referrer`, browsers send `Origin: null` with forms, which are refused then.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    Ok(response)
}
