//! `GET /app/o/{organization}/profile`: every organization of the user with its office and district.

use askama::Template;
use winserve_domain::organizations::OrganizationItem;

use crate::{
    components::switcher,
    failure::Failure,
    mode::Mode,
    navigation::Section,
    page::{Page, Show},
    pages::office::shown_district,
    session::InOrganization,
    shell::Shell,
};

/// All organizations of a user.
#[derive(Template)]
#[template(path = "organizations/profile.html")]
pub(crate) struct ProfilePage {
    shell: Shell,
    name: String,
    email: String,
    phone: Option<String>,
    zip: Option<String>,
    organizations: Vec<Row>,
}

/// An organization with what is known of it.
struct Row {
    name: String,
    detail: String,
    address: String,
    office_address: String,
    office: Option<String>,
    state: Option<String>,
    district: Option<String>,
    is_set_by_hand: bool,
    plan: Option<&'static str>,
    is_current: bool,
}

impl Page for ProfilePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(page: InOrganization) -> Result<Show<ProfilePage>, Failure> {
    let user = &page.of.visitor.user.user;
    Ok(Show::ok(ProfilePage {
        shell: Shell::of("Profile", Section::Profile, &page),
        name: page.of.visitor.name(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        zip: user.zip.clone(),
        organizations: page
            .of
            .organizations
            .iter()
            .map(|item| row(item, item.id == page.id()))
            .collect(),
    }))
}

fn row(item: &OrganizationItem, is_current: bool) -> Row {
    let link = item.link.as_ref();
    let district = link.and_then(|link| link.effective_district()).map(|it| &it.district);
    Row {
        name: item.name(),
        detail: switcher::detail(item),
        address: Section::Overview.address(item.id),
        office_address: Section::Office.address(item.id),
        office: item.position_name().map(str::to_owned),
        state: link.and_then(|link| link.position.state.clone()),
        district: district.map(shown_district),
        is_set_by_hand: link.is_some_and(|link| link.district_manually_set),
        plan: (!Mode::of(item.kind).is_office()).then_some(if item.is_paid_for {
            "Pro"
        } else {
            "Free"
        }),
        is_current,
    }
}
