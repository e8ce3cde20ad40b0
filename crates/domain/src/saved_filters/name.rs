//! Names of saved filters.

use crate::saved_filters::SavedFilter;

/// What the names of lists without another name begin with.
const USUAL: &str = "Custom list";
/// What a filter without a name is called.
pub const UNNAMED: &str = "Unnamed list";

/// The first `Custom list N` that no filter of an organization has.
#[must_use]
pub fn free_name(filters: &[SavedFilter]) -> String {
    first_free(filters, |number| format!("{USUAL} {number}"))
}

/// The name of a copy beside its original, such as `Seniors (copy)`, then `Seniors (copy 2)`. It has
/// at most [`LONGEST_NAME`] characters.
pub(super) fn name_of_copy(original: &str, filters: &[SavedFilter]) -> String {
    first_free(filters, |number| {
        let end = if number == 1 { " (copy)".to_owned() } else { format!(" (copy {number})") };
        let start: String = original.chars().take(LONGEST_NAME - end.chars().count()).collect();
        format!("{}{end}", start.trim_end())
    })
}

/// Maximum length of a name that a person can enter, in characters. (Older names may be longer.)
pub const LONGEST_NAME: usize = 30;

fn first_free(filters: &[SavedFilter], name: impl Fn(usize) -> String) -> String {
    let is_free =
        |name: &String| filters.iter().all(|filter| filter.content.name.as_ref() != Some(name));
    // One more name than there are filters.
    let mut names = (1..=filters.len()).map(&name);
    names.find(is_free).unwrap_or_else(|| name(filters.len() + 1))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{base::SavedFilterId, saved_filters::FilterContent};

    fn named(names: &[&str]) -> Vec<SavedFilter> {
        let filter = |name: &&str| SavedFilter {
            id: SavedFilterId(1),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            campaign: None,
            content: FilterContent { name: Some((*name).to_owned()), ..FilterContent::default() },
        };
        names.iter().map(filter).collect()
    }

    #[test]
    fn the_first_free_number_is_taken_also_after_a_deletion() {
        assert_eq!(free_name(&[]), "Custom list 1");
        assert_eq!(free_name(&named(&["Custom list 1", "Custom list 3"])), "Custom list 2");
        assert_eq!(free_name(&named(&["Seniors", "Custom list 1"])), "Custom list 2");
    }

    #[test]
    fn a_copy_says_that_it_is_one_and_stays_short() {
        assert_eq!(name_of_copy("Seniors", &named(&["Seniors"])), "Seniors (copy)");
        let taken = named(&["Seniors", "Seniors (copy)"]);
        assert_eq!(name_of_copy("Seniors", &taken), "Seniors (copy 2)");
        let long = name_of_copy(&"é".repeat(40), &[]);
        assert_eq!(long.chars().count(), LONGEST_NAME);
    }
}
