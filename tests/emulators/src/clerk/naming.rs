//! Rules for the names of organizations.

use super::{
    directory::Directory,
    fields::invalid,
    instance::{InstanceSettings, SlugWhenDisabled},
    refusal::Refusal,
};

/// Maximum length of a name in characters.
const LONGEST_NAME: usize = 256;
/// Endings that make a word a URL. (Clerk knows all of them.)
const DOMAINS: [&str; 10] = ["com", "org", "net", "gov", "edu", "us", "info", "io", "co", "dev"];

/// Checks a name: not too long, and without URLs and HTML.
pub(crate) fn checked_name(name: &str) -> Result<String, Refusal> {
    let lower = name.to_lowercase();
    let is_bad = name.chars().count() > LONGEST_NAME
        || ["http://", "https://", "www.", "<", ">"].iter().any(|part| lower.contains(part))
        || lower.split_whitespace().any(is_address);
    if is_bad { Err(invalid("name")) } else { Ok(name.to_owned()) }
}

fn is_address(word: &str) -> bool {
    let host = word.split('/').next().unwrap_or_default();
    let Some((name, ending)) = host.rsplit_once('.') else { return false };
    name.ends_with(|letter: char| letter.is_ascii_alphanumeric()) && DOMAINS.contains(&ending)
}

/// The slug of something new: the requested one, or one derived from the name.
pub(crate) fn slug_of_new(
    directory: &Directory,
    settings: &InstanceSettings,
    wished: Option<&str>,
    name: &str,
) -> Result<Option<String>, Refusal> {
    match wished.filter(|slug| !slug.is_empty()) {
        Some(slug) => checked_slug(directory, settings, slug).map(Some),
        None if settings.slug_disabled
            && settings.slug_when_disabled != SlugWhenDisabled::Derived =>
        {
            Ok(None)
        }
        None => Ok(Some(derived(directory, name))),
    }
}

/// A requested slug: well formed, free, and only if slugs are on.
pub(crate) fn checked_slug(
    directory: &Directory,
    settings: &InstanceSettings,
    slug: &str,
) -> Result<String, Refusal> {
    let is_letter = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if settings.slug_disabled {
        Err(Refusal::new(403, "organization_slugs_disabled"))
    } else if !slug.bytes().all(is_letter) {
        Err(Refusal::new(422, "form_param_format_invalid").about("slug"))
    } else if directory.has_slug(slug) {
        Err(Refusal::new(422, "form_identifier_exists").about("slug"))
    } else {
        Ok(slug.to_owned())
    }
}

fn derived(directory: &Directory, name: &str) -> String {
    let letters = name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let slug = letters.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if !slug.is_empty() && !directory.has_slug(&slug) {
        return slug;
    }
    // Names repeat often, so the suffix starts at the number of organizations.
    let numbers = directory.all().len()..;
    let mut slugs = numbers.map(|number| format!("{slug}-{number}"));
    slugs.find(|slug| !directory.has_slug(slug)).unwrap_or_default()
}
