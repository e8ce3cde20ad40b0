//! Pages of a list, with the number of all rows beside them.

use askama::{Template, filters::HtmlSafe};

/// The pager of a list.
#[derive(Template)]
#[template(path = "components/pager.html")]
pub(crate) struct Pager {
    /// What is listed, for people who hear the page.
    label: String,
    summary: String,
    previous: Option<String>,
    next: Option<String>,
    pages: Vec<Step>,
}

impl HtmlSafe for Pager {}

/// A page number, or a gap.
enum Step {
    Page { number: u64, address: String, is_current: bool },
    Gap,
}

impl Pager {
    /// The pager of page `page` (from 1) of `total` rows; `address` gives a page's address.
    pub(crate) fn new(
        label: impl Into<String>,
        page: u64,
        page_size: u64,
        total: u64,
        address: impl Fn(u64) -> String,
    ) -> Self {
        let size = page_size.max(1);
        let last = total.div_ceil(size).max(1);
        let page = page.clamp(1, last);
        let first_row = grouped((page - 1) * size + 1);
        let last_row = grouped(total.min(page * size));
        let summary = match total {
            0 => "None".to_owned(),
            _ => format!("{first_row}–{last_row} of {}", grouped(total)),
        };
        let mut pages = Vec::new();
        let mut before = 0;
        for number in (1..=last).filter(|it| *it == 1 || *it == last || it.abs_diff(page) <= 1) {
            if number > before + 1 {
                pages.push(Step::Gap);
            }
            before = number;
            let is_current = number == page;
            pages.push(Step::Page { number, address: address(number), is_current });
        }
        Self {
            label: label.into(),
            summary,
            previous: (page > 1).then(|| address(page - 1)),
            next: (page < last).then(|| address(page + 1)),
            pages,
        }
    }
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn first_last_and_neighbours_are_shown() {
        let pager = Pager::new("Voters", 5, 20, 200, |page| format!("?page={page}"));
        let shown: Vec<_> = pager
            .pages
            .iter()
            .map(|step| match step {
                Step::Page { number, .. } => number.to_string(),
                Step::Gap => "…".to_owned(),
            })
            .collect();
        assert_eq!(shown, ["1", "…", "4", "5", "6", "…", "10"]);
        assert_eq!(pager.summary, "81–100 of 200");
    }
}
