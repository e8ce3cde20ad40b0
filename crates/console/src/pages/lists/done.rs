//! What was done with a list, said on the page that follows.

use winserve_domain::{base::SavedFilterId, saved_filters::Flag};

use super::groups;
use crate::{
    components::notice::{Kind, Notice},
    form::Fields,
    mode::Mode,
    navigation::Section,
    session::InOrganization,
};

/// The parameter that says what was done.
const DONE: &str = "did";

/// Something that was done with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Saved,
    Renamed,
    Duplicated,
    Counted,
    Deleted,
}

const ALL: [(Done, &str, &str); 5] = [
    (Done::Saved, "saved", "The list is saved."),
    (Done::Renamed, "renamed", "The list has its new name."),
    (Done::Duplicated, "duplicated", "The list is duplicated."),
    (Done::Counted, "counted", "The list is counted."),
    (Done::Deleted, "deleted", "The list is deleted."),
];

/// What stands for a copy to another organization.
const COPIED: &str = "copied";

impl Done {
    /// The lists of an organization, after it.
    pub(super) fn lists(self, page: &InOrganization) -> String {
        format!("{}?{DONE}={}", Section::Lists.address(page.id()), self.code())
    }

    /// The people of a list, after it.
    pub(super) fn people(self, page: &InOrganization, list: SavedFilterId) -> String {
        let contacts = Section::Contacts.address(page.id());
        format!("{contacts}?list={}&{DONE}={}", list.0, self.code())
    }

    fn code(self) -> &'static str {
        ALL.iter().find(|(done, _, _)| *done == self).map_or("", |(_, code, _)| code)
    }
}

/// The lists of an organization, after one of them was copied to another.
pub(super) fn copied(page: &InOrganization, to: &str, left_out: &[Flag]) -> String {
    let left_out: Vec<_> = left_out.iter().map(|flag| flag.key()).collect();
    let lists = Section::Lists.address(page.id());
    format!("{lists}?{DONE}={COPIED}&to={to}&left_out={}", left_out.join(","))
}

/// What an address says was done; nothing that is not one of these texts.
pub(crate) fn notice(query: &Fields, page: &InOrganization) -> Option<Notice> {
    let code = query.text(DONE);
    if code == COPIED {
        let (to, _) = page.another(query.text("to"))?;
        let heading = format!("The list is copied to {}", to.name());
        let sentence = left_out(query.text("left_out"), page.mode());
        let notice = Notice::new(Kind::Success, heading, sentence);
        return Some(notice.with_link(Section::Lists.address(to.id), "Go to its lists"));
    }
    let (_, _, sentence) = ALL.iter().find(|(_, known, _)| *known == code)?;
    Some(Notice::new(Kind::Success, "Done", *sentence))
}

/// What a copy lacks. What is copied from an office has no party.
fn left_out(flags: &str, from: Mode) -> String {
    let flags = flags.split(',').filter(|_| !from.is_office());
    let labels: Vec<_> = flags.filter_map(groups::party).collect();
    if labels.is_empty() {
        "The copy selects the same.".to_owned()
    } else {
        format!("An office has no party, so the copy lacks: {}.", labels.join(", "))
    }
}
