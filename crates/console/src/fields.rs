//! The fields of a form or a query.

use url::form_urlencoded;

use crate::csrf;

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
