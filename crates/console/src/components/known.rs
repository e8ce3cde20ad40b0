//! Something that may not be known.

use askama::{Template, filters::HtmlSafe};

/// A text, or a dash that is read out as "Not known".
#[derive(Template)]
#[template(path = "components/known.html")]
pub(crate) struct Known(pub(crate) Option<String>);

impl HtmlSafe for Known {}
