//! A visitor of the console: a browser without JavaScript.

use reqwest::{StatusCode, header::HeaderMap, redirect::Policy};
use winserve_testkit::TestApp;

/// Cookie and form field with the token of forms.
const COOKIE: &str = "winserve_form";
const FIELD: &str = "form_token";
/// A token as the console creates them.
const TOKEN: &str = "0b0a5c9e-4f6e-4f0e-9d53-0c3f4c1f0d11";

/// A visitor who follows no redirect.
#[derive(Clone)]
pub(crate) struct Visitor {
    http: reqwest::Client,
    base: String,
    session: Option<String>,
}

/// What a visitor sees.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The page.
    pub(crate) html: String,
}

impl Visitor {
    /// A signed-in visitor.
    pub(crate) fn user(app: &TestApp, id: i32) -> Self {
        Self { session: Some(app.user_token(id)), ..Self::signed_out(app) }
    }

    /// A visitor without a session.
    pub(crate) fn signed_out(app: &TestApp) -> Self {
        winserve_upstreams::install_crypto_provider();
        let http = reqwest::Client::builder().tls_certs_only([]).redirect(Policy::none());
        let http = http.build().unwrap();
        Self { http, base: app.base().to_owned(), session: None }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Shown {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Sends a form of one of our pages.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let fields: Vec<_> = fields.iter().copied().chain([(FIELD, TOKEN)]).collect();
        let request = self.form(path, &fields).header("sec-fetch-site", "same-origin");
        self.send(request.header("cookie", format!("{COOKIE}={TOKEN}"))).await
    }

    /// A form, without what shows that it is ours.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish())
    }

    /// Sends a request as this visitor.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Shown {
        let request = match &self.session {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Shown { status, headers, html: response.text().await.unwrap() }
    }
}

impl Shown {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// Asserts that texts are on the page, in this order.
    #[track_caller]
    pub(crate) fn assert_shows(&self, texts: &[&str]) {
        let mut rest = self.html.as_str();
        for text in texts {
            let (_, after) = rest
                .split_once(text)
                .unwrap_or_else(|| panic!("{text:?} is not there, or not in order: {}", self.html));
            rest = after;
        }
    }

    /// Asserts that a text is nowhere on the page.
    #[track_caller]
    pub(crate) fn assert_lacks(&self, text: &str) {
        assert!(!self.html.contains(text), "{text:?} is there: {}", self.html);
    }
}
