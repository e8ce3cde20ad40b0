//! Office and district of an organization, and their change: choose, look at the preview, confirm.

pub(crate) mod custom;
pub(crate) mod district;
pub(crate) mod picker;
pub(crate) mod preview;
mod wish;

use winserve_domain::{base::OrganizationId, positions::District};

use crate::navigation::Section;

/// The address of the page where a change is looked at before it is confirmed.
fn preview_address(organization: OrganizationId) -> String {
    format!("{}/preview", Section::Office.address(organization))
}

/// A district as people read it. Types have an underscore for each blank.
pub(crate) fn shown_district(district: &District) -> String {
    format!("{} ({})", district.name, district.kind.replace('_', " "))
}
