//! `GET /app/staff/users/{user}`: a user with all their organizations.

use actix_web::web::{Data, Path};
use askama::Template;
use winserve_domain::{
    base::UserId,
    offices::Status,
    organizations::{self, OrganizationItem},
    users,
};
use winserve_http::AppState;

use super::{organization_address, search::full_name, search_address};
use crate::{
    components::switcher,
    failure::Failure,
    page::{Page, Show},
    session::StaffVisitor,
    shell::Shell,
};

/// A user.
#[derive(Template)]
#[template(path = "staff/user.html")]
pub(crate) struct UserPage {
    shell: Shell,
    id: i32,
    email: String,
    phone: String,
    zip: String,
    roles: String,
    organizations: Vec<Row>,
    back: String,
}

struct Row {
    name: String,
    detail: String,
    status: &'static str,
    address: String,
}

impl Page for UserPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    StaffVisitor(visitor): StaffVisitor,
    id: Path<String>,
) -> Result<Show<UserPage>, Failure> {
    let id = id.parse().map(UserId).map_err(|_no_number| Failure::NoSuchPage)?;
    let user = users::find(&state.ports, id).await?.ok_or(Failure::NoSuchPage)?;
    let items = organizations::list(&state.ports, id).await?;
    let today = state.ports.today();
    let roles: Vec<_> = user.roles.iter().map(|role| role.as_str()).collect();
    Ok(Show::ok(UserPage {
        shell: Shell::of_visitor(&full_name(&user), &visitor),
        id: id.0,
        roles: roles.join(", "),
        organizations: items.iter().map(|item| row(item, item.status(today))).collect(),
        back: search_address(),
        email: user.email,
        phone: user.phone.unwrap_or_else(|| "Not given".to_owned()),
        zip: user.zip.unwrap_or_else(|| "Not given".to_owned()),
    }))
}

fn row(item: &OrganizationItem, status: Status) -> Row {
    Row {
        name: item.name(),
        detail: switcher::detail(item),
        status: shown_status(status),
        address: organization_address(item.id),
    }
}

/// A status as people read it.
pub(super) const fn shown_status(status: Status) -> &'static str {
    match status {
        Status::Active => "Active",
        Status::Upcoming => "Upcoming",
        Status::Past => "Past",
    }
}
