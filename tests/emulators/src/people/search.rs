//! The search of people-api: by phone number or by name, exact and case-sensitive (upstreams §6.3).

use super::kinds::Kind;

/// The search term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// Ten digits.
    Telephone(u64),
    /// One word: a given or a family name.
    Name(String),
    /// The first two words: given and family name.
    Names(String, String),
}

impl Search {
    /// Parses the input; nothing, if it is blank.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let digits = match digits.len() {
            10 => Some(digits.as_str()),
            11 => digits.strip_prefix('1'),
            _ => None,
        };
        if let Some(digits) = digits.and_then(|digits| digits.parse().ok()) {
            return Some(Self::Telephone(digits));
        }
        let mut words = text.split_whitespace().map(str::to_owned);
        let first = words.next()?;
        Some(match words.next() {
            Some(second) => Self::Names(first, second),
            None => Self::Name(first),
        })
    }

    /// Whether voters of a kind have the name.
    pub(crate) fn finds(&self, kind: &Kind) -> bool {
        let is = |name: Option<&str>, word: &str| name == Some(word);
        match self {
            Self::Telephone(_) => false,
            Self::Name(word) => is(kind.first_name, word) || is(kind.last_name, word),
            Self::Names(first, last) => is(kind.first_name, first) && is(kind.last_name, last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_digits_are_a_telephone_number_and_all_else_is_a_name() {
        let names = |a: &str, b: &str| Some(Search::Names(a.to_owned(), b.to_owned()));
        for (text, search) in [
            ("(342) 555-0100", Some(Search::Telephone(3_425_550_100))),
            ("13425550100", Some(Search::Telephone(3_425_550_100))),
            ("23425550100", Some(Search::Name("23425550100".to_owned()))),
            ("5550100", Some(Search::Name("5550100".to_owned()))),
            (" Ann ", Some(Search::Name("Ann".to_owned()))),
            ("Ann Lee Smith", names("Ann", "Lee")),
            (" ", None),
        ] {
            assert_eq!(Search::read(text), search, "{text}");
        }
    }
}
