//! Chooses a list and searches in it: one form, which works without a script.

use askama::{Template, filters::HtmlSafe};
use winserve_domain::saved_filters::{SavedFilter, UNNAMED};

use crate::mode::Mode;

/// People per page.
pub(crate) const SIZES: [u32; 4] = [10, 20, 50, 100];

/// The form above the people.
#[derive(Template)]
#[template(path = "components/list_picker.html")]
pub(crate) struct ListPicker {
    address: String,
    built_in: Vec<Entry>,
    own: Vec<Entry>,
    search: String,
    sizes: Vec<Entry>,
    may_search: bool,
}

impl HtmlSafe for ListPicker {}

struct Entry {
    value: String,
    label: String,
    is_chosen: bool,
}

/// What is chosen.
pub(crate) struct Chosen<'q> {
    /// The name of a built-in list, or the id of an own one.
    pub(crate) list: &'q str,
    /// What is searched for; empty if nothing is.
    pub(crate) search: &'q str,
    /// People per page.
    pub(crate) size: u32,
}

impl ListPicker {
    /// The form at `address`, with the lists of an organization.
    pub(crate) fn new(
        address: String,
        mode: Mode,
        own: &[SavedFilter],
        chosen: &Chosen<'_>,
        may_search: bool,
    ) -> Self {
        let entry = |value: String, label: String| {
            let is_chosen = value == chosen.list;
            Entry { value, label, is_chosen }
        };
        let built_in = built_in(mode);
        Self {
            address,
            built_in: built_in.map(|(value, label)| entry(value.into(), label.into())).into(),
            own: own.iter().map(|list| entry(list.id.0.to_string(), name(list).into())).collect(),
            search: chosen.search.to_owned(),
            sizes: SIZES
                .map(|size| Entry {
                    value: size.to_string(),
                    label: size.to_string(),
                    is_chosen: size == chosen.size,
                })
                .into(),
            may_search,
        }
    }
}

/// The lists that everybody has: name in addresses, and label.
pub(crate) fn built_in(mode: Mode) -> [(&'static str, &'static str); 6] {
    [
        ("all", mode.words().everybody),
        ("texting", "Texting"),
        ("doorKnocking", "Door Knocking"),
        ("directMail", "Direct Mail"),
        ("phoneBanking", "Phone Banking"),
        ("digitalAds", "Digital Advertising"),
    ]
}

/// What an own list is called.
pub(crate) fn name(list: &SavedFilter) -> &str {
    list.content.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(UNNAMED)
}
