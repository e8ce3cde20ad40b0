//! What a list can be filtered by, as groups of boxes.

use askama::{Template, filters::HtmlSafe};
use winserve_domain::saved_filters::FilterContent;

use crate::{
    mode::Mode,
    pages::lists::groups::{self, Extra, Section},
};

/// The boxes of a mode. Values that only other programs set have boxes too, as long as they are set.
#[derive(Template)]
#[template(path = "components/filter_form.html")]
pub(crate) struct FilterForm {
    sections: Vec<Boxes>,
    extras: Vec<Extra>,
}

impl HtmlSafe for FilterForm {}

struct Boxes {
    heading: &'static str,
    groups: Vec<BoxGroup>,
}

struct BoxGroup {
    legend: &'static str,
    boxes: Vec<CheckBox>,
}

struct CheckBox {
    label: &'static str,
    field: &'static str,
    text: &'static str,
    is_chosen: bool,
}

impl FilterForm {
    /// The boxes of a mode, ticked as a list selects.
    pub(crate) fn new(content: &FilterContent, mode: Mode) -> Self {
        let sections = groups::SECTIONS.iter().map(|section| Boxes::new(section, content, mode));
        Self { sections: sections.collect(), extras: groups::extras(content, mode) }
    }
}

impl Boxes {
    fn new(section: &Section, content: &FilterContent, mode: Mode) -> Self {
        let check_box = |choice: &groups::Choice| CheckBox {
            label: choice.label,
            field: choice.value.field(),
            text: choice.value.text(),
            is_chosen: choice.value.is_in(content),
        };
        let groups = section.groups.iter().filter(|group| group.is_of(mode));
        let groups = groups.map(|group| BoxGroup {
            legend: group.legend,
            boxes: group.choices.iter().map(check_box).collect(),
        });
        Self { heading: section.heading, groups: groups.collect() }
    }
}
