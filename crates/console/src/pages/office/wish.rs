//! The change that an address or a form names.

use std::sync::Arc;

use chrono::NaiveDate;
use winserve_domain::{
    organizations::{
        ChangeOrganization, DistrictChoice, OfficeChange, OrganizationAuthor, OrganizationItem,
        OrganizationReference, Precondition,
    },
    positions::District,
};

use crate::{components::custom_office, days, form::Fields, session::InOrganization};

/// The field with the version that the visitor looked at.
pub(super) const SEEN: &str = "seen";
/// The field that keeps the holder's own district with another office.
pub(super) const KEEP: &str = "keep";

/// What is to be changed.
pub(super) enum Wish {
    /// The office, with the day of its election.
    Office(OfficeChange, Option<NaiveDate>),
    /// The district; `None` brings back that of the office.
    District(Option<District>),
}

impl Wish {
    /// What the fields name; `None` if nothing.
    pub(super) fn read(fields: &Fields) -> Option<Self> {
        let day = days::typed(fields.filled("date")).ok().flatten();
        if let Some(id) = fields.filled("position") {
            return Some(Self::Office(OfficeChange::BallotReady(id.to_owned()), day));
        }
        if fields.all("office").next().is_some() {
            return Some(Self::Office(OfficeChange::Custom(custom_office::change(fields)), day));
        }
        match (fields.filled("type"), fields.filled("name")) {
            (Some(kind), Some(name)) => {
                let district = District { kind: kind.to_owned(), name: name.to_owned() };
                Some(Self::District(Some(district)))
            }
            _ => fields.is_ticked("reset").then_some(Self::District(None)),
        }
    }

    /// Whether it is about the office.
    pub(super) const fn is_office(&self) -> bool {
        matches!(self, Self::Office(..))
    }

    /// Whether it describes an office that the search does not know.
    pub(super) const fn is_custom(&self) -> bool {
        matches!(self, Self::Office(OfficeChange::Custom(_), _))
    }

    /// The change, for the operation.
    pub(super) fn command(self, page: &InOrganization, fields: &Fields) -> ChangeOrganization {
        let (office, district, election_day) = match self {
            Self::Office(office, day) => (Some(office), None, day),
            Self::District(district) => (None, Some(district.map(DistrictChoice::Named)), None),
        };
        ChangeOrganization {
            reference: OrganizationReference::Ours(page.id()),
            author: OrganizationAuthor {
                owner: Some(page.active.owner()),
                is_staff_or_machine: page.of.visitor.is_staff(),
                is_admin_or_machine: false,
            },
            office,
            keep_district: fields.is_ticked(KEEP),
            district,
            can_download_federal: None,
            election_day: election_day.filter(|_| !page.mode().is_office()),
            precondition: fields.filled(SEEN).map(unchanged_since),
        }
    }
}

/// The version of an organization, for [`SEEN`].
pub(super) fn version(item: &OrganizationItem) -> String {
    item.updated_at.timestamp_micros().to_string()
}

fn unchanged_since(seen: &str) -> Precondition {
    let seen = seen.to_owned();
    Arc::new(move |item: &OrganizationItem| version(item) == seen)
}
