//! A field of a form: label, hint, control, and beside it what is wrong.

use askama::{Template, filters::HtmlSafe};

/// A field of a form.
#[derive(Template)]
#[template(path = "components/field.html")]
pub(crate) struct Field {
    /// Its name in the form, and its id on the page.
    pub(crate) name: &'static str,
    label: String,
    hint: Option<String>,
    value: String,
    error: Option<String>,
    control: Control,
    is_required: bool,
    autocomplete: Option<&'static str>,
}

impl HtmlSafe for Field {}

/// What a field is entered with.
enum Control {
    /// One line; the type of the input.
    Line(&'static str),
    /// Several lines.
    Lines,
    /// One of several values, each with its label.
    Choice(Vec<(String, String)>),
}

impl Field {
    fn new(name: &'static str, label: impl Into<String>, control: Control) -> Self {
        Self {
            name,
            label: label.into(),
            hint: None,
            value: String::new(),
            error: None,
            control,
            is_required: false,
            autocomplete: None,
        }
    }

    /// A line of text.
    pub(crate) fn text(name: &'static str, label: impl Into<String>) -> Self {
        Self::new(name, label, Control::Line("text"))
    }

    /// A day.
    pub(crate) fn date(name: &'static str, label: impl Into<String>) -> Self {
        Self::new(name, label, Control::Line("date"))
    }

    /// Several lines of text.
    pub(crate) fn lines(name: &'static str, label: impl Into<String>) -> Self {
        Self::new(name, label, Control::Lines)
    }

    /// One of several values, each with its label.
    pub(crate) fn choice(
        name: &'static str,
        label: impl Into<String>,
        options: Vec<(String, String)>,
    ) -> Self {
        Self::new(name, label, Control::Choice(options))
    }

    /// With an explanation.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what was entered.
    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// With what is wrong with it.
    pub(crate) fn error(self, error: Option<impl Into<String>>) -> Self {
        Self { error: error.map(Into::into), ..self }
    }

    /// It must be filled in.
    pub(crate) fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// What a browser may fill in.
    pub(crate) fn autocomplete(self, what: &'static str) -> Self {
        Self { autocomplete: Some(what), ..self }
    }

    /// The ids of what describes it.
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        let ids = [hint, error].into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!ids.is_empty()).then_some(ids)
    }

    /// The error of a field and where it is, for the summary of a form.
    pub(crate) fn problem(&self) -> Option<(&str, &str)> {
        self.error.as_deref().map(|error| (self.name, error))
    }
}

/// The summary of what is wrong with a form, above it.
#[derive(Template)]
#[template(path = "components/error_summary.html")]
pub(crate) struct ErrorSummary {
    /// What was refused as a whole.
    sentence: Option<String>,
    /// The fields with errors: id and error.
    problems: Vec<(String, String)>,
}

impl HtmlSafe for ErrorSummary {}

impl ErrorSummary {
    /// The summary of fields, and of what was refused as a whole; `None` if nothing is wrong.
    pub(crate) fn new<'f>(
        sentence: Option<String>,
        fields: impl IntoIterator<Item = &'f Field>,
    ) -> Option<Self> {
        let problems: Vec<_> = fields
            .into_iter()
            .filter_map(Field::problem)
            .map(|(name, error)| (name.to_owned(), error.to_owned()))
            .collect();
        (sentence.is_some() || !problems.is_empty()).then_some(Self { sentence, problems })
    }
}
