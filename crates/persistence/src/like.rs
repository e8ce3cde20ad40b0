//! Patterns of `LIKE`.

/// A text as a pattern that matches only itself.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}
