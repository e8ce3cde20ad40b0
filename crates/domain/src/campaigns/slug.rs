//! Slugs of campaigns.

use deunicode::deunicode;
use uuid::Uuid;

/// How often to retry a taken slug with a number appended (legacy contract §3.1).
const HIGHEST_SUFFIX: u32 = 99;
/// Characters other than letters and digits that are kept, like the old service's library does.
const KEPT: &str = "*_+~.()'\"!-:@";

/// Candidate slugs for a name, in order of preference: the name itself, then with 1 to 99 appended.
#[must_use]
pub fn candidates(name: &str) -> Vec<String> {
    let base = slugify(name);
    let numbered = (1..=HIGHEST_SUFFIX).map(|number| format!("{base}{number}"));
    std::iter::once(base.clone()).chain(numbered).collect()
}

/// A slug for an additional campaign of a user: the name with eight random letters, because the
/// numbers are limited and shared by everyone with that name.
#[must_use]
pub fn further(name: &str) -> String {
    let random = Uuid::now_v7().simple().to_string();
    let letters: String = random.chars().skip(random.len() - 8).collect();
    format!("{}-{letters}", slugify(name))
}

/// Lower case, ASCII, blanks as hyphens; punctuation that an address can hold stays.
///
/// Source: legacy contract §3.1 (`slugify`, not strict).
///
/// ```
/// use winserve_domain::campaigns::slug::slugify;
/// assert_eq!(slugify("Zoë D'Angelo"), "zoe-d'angelo");
/// ```
#[must_use]
pub fn slugify(name: &str) -> String {
    let ascii = deunicode(name).replace('&', " and ");
    let kept: String = ascii
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || KEPT.contains(*c))
        .collect();
    kept.split_ascii_whitespace().collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{candidates, slugify};

    #[test]
    fn names_become_readable_keys() {
        for (name, slug) in [
            ("Maria Smith", "maria-smith"),
            ("  Łukasik  Müller ", "lukasik-muller"),
            ("Nguyễn", "nguyen"),
            ("a@b.co", "a@b.co"),
            ("Ann & Bob", "ann-and-bob"),
            ("x/y?z#", "xyz"),
            ("", ""),
        ] {
            assert_eq!(slugify(name), slug, "{name}");
        }
    }

    #[test]
    fn a_taken_slug_gets_a_number() {
        let candidates = candidates("Ann");
        assert_eq!(candidates.first().map(String::as_str), Some("ann"));
        assert_eq!(candidates.get(1).map(String::as_str), Some("ann1"));
        assert_eq!(candidates.len(), 100);
    }
}
