//! What surrounds every page: title, switcher, navigation, account menu, and who acts for whom.

use winserve_domain::organizations::OrganizationItem;

use crate::{
    assets,
    components::switcher::Switcher,
    mode::Mode,
    navigation::{self, Entry, Section},
    session::{InOrganization, Visitor, WithOrganizations},
};

/// The frame of a page; `layout.html` shows it.
pub(crate) struct Shell {
    /// The title of the tab.
    pub(crate) title: String,
    /// The heading of the page.
    pub(crate) heading: String,
    /// Address of the style sheet.
    pub(crate) style: String,
    /// Address of the script.
    pub(crate) script: String,
    /// The visitor; `None` on pages for everybody.
    pub(crate) account: Option<Account>,
    /// The switcher; `None` without organizations.
    pub(crate) switcher: Option<Switcher>,
    /// The navigation of the organization.
    pub(crate) navigation: Vec<Entry>,
    /// The token of the visitor's forms.
    pub(crate) form_token: String,
    /// The cookie with the token, if the visitor does not have it yet.
    pub(crate) cookie: Option<crate::csrf::FormToken>,
}

/// The visitor, as shown in the frame.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) is_staff: bool,
    /// Who acts for them, if somebody does.
    pub(crate) actor: Option<String>,
    /// Their profile, on a page of an organization.
    pub(crate) profile: Option<String>,
    /// Where they sign out, if it is configured.
    pub(crate) sign_out: Option<String>,
}

impl Shell {
    /// The frame of a page for everybody.
    pub(crate) fn bare(heading: &str) -> Self {
        Self {
            title: format!("{heading} · Winserve"),
            heading: heading.to_owned(),
            style: assets::style(),
            script: assets::script(),
            account: None,
            switcher: None,
            navigation: Vec::new(),
            form_token: String::new(),
            cookie: None,
        }
    }

    /// The frame of a page about no organization.
    pub(crate) fn of_visitor(heading: &str, visitor: &Visitor) -> Self {
        Self {
            account: Some(Account {
                name: visitor.name(),
                email: visitor.user.user.email.clone(),
                is_staff: visitor.is_staff(),
                actor: visitor.user.actor.as_ref().map(|actor| actor.email.clone()),
                profile: None,
                sign_out: visitor.sign_out.clone(),
            }),
            form_token: visitor.token.value.clone(),
            cookie: Some(visitor.token.clone()),
            ..Self::bare(heading)
        }
    }

    /// The frame of a page that is about all organizations of the visitor, or about a new one.
    pub(crate) fn of_organizations(heading: &str, of: &WithOrganizations) -> Self {
        let switcher = Switcher::new(&of.organizations, of.today, None, Section::Overview);
        Self { switcher: Some(switcher), ..Self::of_visitor(heading, &of.visitor) }
    }

    /// The frame of a page of an organization.
    pub(crate) fn of(heading: &str, section: Section, page: &InOrganization) -> Self {
        let of = &page.of;
        let switcher = Switcher::new(&of.organizations, of.today, Some(page.id()), section);
        let profile = Some(Section::Profile.address(page.id()));
        let shell = Self::of_visitor(heading, &of.visitor);
        Self {
            title: format!("{heading} · {} · Winserve", full_name(&page.item)),
            account: shell.account.map(|account| Account { profile, ..account }),
            switcher: Some(switcher),
            navigation: navigation::entries(page.id(), page.mode(), section),
            ..shell
        }
    }
}

/// A name that tells two tabs apart: campaigns of one year have the same.
fn full_name(item: &OrganizationItem) -> String {
    match (Mode::of(item.kind), item.position_name()) {
        (Mode::Campaign, Some(office)) => format!("{}, {office}", item.name()),
        _ => item.name(),
    }
}
