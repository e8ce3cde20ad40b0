//! A sentence in the place of what cannot be shown, with the next step.

use askama::{Template, filters::HtmlSafe};
use winserve_http::ErrorCode;

use crate::failure::{Explanation, explain};

/// How urgent a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For information.
    Info,
    /// Something was done.
    Success,
    /// Something is missing.
    Warning,
}

/// A notice.
#[derive(Template)]
#[template(path = "components/notice.html")]
pub(crate) struct Notice {
    kind: Kind,
    heading: String,
    sentence: String,
    link: Option<(String, String)>,
}

impl HtmlSafe for Notice {}

impl Notice {
    /// A notice with a heading and a sentence.
    pub(crate) fn new(kind: Kind, heading: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { kind, heading: heading.into(), sentence: sentence.into(), link: None }
    }

    /// What a visitor reads in the place of what an operation did not give.
    pub(crate) fn of(code: ErrorCode) -> Self {
        let Explanation { heading, sentence } = explain(code);
        Self::new(Kind::Warning, heading, sentence)
    }

    /// With a link to the next step.
    pub(crate) fn with_link(self, address: impl Into<String>, text: impl Into<String>) -> Self {
        Self { link: Some((address.into(), text.into())), ..self }
    }

    fn class(&self) -> &'static str {
        match self.kind {
            Kind::Info => "notice notice-info",
            Kind::Success => "notice notice-success",
            Kind::Warning => "notice notice-warning",
        }
    }
}
