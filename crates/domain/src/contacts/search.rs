//! Another spelling of what a user searches for.

/// The text with the usual capitalization of names, if that is another text: people-api finds names
/// only as the voter file spells them (upstreams §6.3).
pub(super) fn usual_capitalization(text: &str) -> Option<String> {
    let words: Vec<String> = text.split_whitespace().map(name).collect();
    let usual = words.join(" ");
    (usual != text).then_some(usual)
}

/// `o'neil-smith` as `O'Neil-Smith`.
fn name(word: &str) -> String {
    let mut is_start = true;
    let mut name = String::with_capacity(word.len());
    for letter in word.chars() {
        if is_start {
            name.extend(letter.to_uppercase());
        } else {
            name.extend(letter.to_lowercase());
        }
        is_start = matches!(letter, '-' | '\'' | '\u{2019}');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::usual_capitalization;

    #[test]
    fn names_begin_with_a_capital_also_within_a_word() {
        for (typed, usual) in [
            ("mary", "Mary"),
            ("MARY  ann", "Mary Ann"),
            ("o'neil-smith", "O'Neil-Smith"),
            ("zoë ÉMILE", "Zoë Émile"),
        ] {
            assert_eq!(usual_capitalization(typed).as_deref(), Some(usual));
        }
    }

    #[test]
    fn what_is_spelled_so_already_is_not_tried_twice() {
        for typed in ["Mary Ann", "(307) 555-0123", "3075550123", ""] {
            assert_eq!(usual_capitalization(typed), None);
        }
    }
}
