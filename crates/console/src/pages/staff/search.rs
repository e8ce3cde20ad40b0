//! `GET /app/staff`: finds users and their organizations by name or e-mail address.

use actix_web::web::Data;
use askama::Template;
use url::form_urlencoded;
use winserve_domain::{
    organizations::{self, OrganizationFilter, OrganizationItem},
    users::{self, User},
};
use winserve_http::AppState;

use super::{dead_letters_address, organization_address, search_address, user_address};
use crate::{
    components::{pager::Pager, switcher},
    failure::Failure,
    form::{Fields, Query},
    page::{Page, Show},
    session::StaffVisitor,
    shell::Shell,
};

/// Rows of a page, of each kind.
const ROWS: i64 = 20;

/// The search.
#[derive(Template)]
#[template(path = "staff/search.html")]
pub(crate) struct SearchPage {
    shell: Shell,
    action: String,
    dead_letters: String,
    text: String,
    found: Option<Found>,
}

impl Page for SearchPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// What was found.
struct Found {
    users: Vec<UserRow>,
    organizations: Vec<OrganizationRow>,
    pager: Pager,
}

struct UserRow {
    id: i32,
    name: String,
    email: String,
    phone: String,
    address: String,
}

struct OrganizationRow {
    name: String,
    detail: String,
    kind: &'static str,
    owner: String,
    address: String,
}

pub(crate) async fn show(
    state: Data<AppState>,
    StaffVisitor(visitor): StaffVisitor,
    Query(query): Query,
) -> Result<Show<SearchPage>, Failure> {
    let text = query.text("q").to_owned();
    Ok(Show::ok(SearchPage {
        found: if text.is_empty() { None } else { Some(found(&state, &query, &text).await?) },
        shell: Shell::of_visitor("Staff", &visitor),
        action: search_address(),
        dead_letters: dead_letters_address(),
        text,
    }))
}

async fn found(state: &AppState, query: &Fields, text: &str) -> Result<Found, Failure> {
    let page: u32 = query.text("page").parse().ok().filter(|page| *page > 0).unwrap_or(1);
    let offset = i64::from(page - 1) * ROWS;
    let filter = OrganizationFilter {
        text: Some(text.to_owned()),
        offset,
        limit: ROWS,
        ..OrganizationFilter::default()
    };
    let (users, user_count) = users::search(&state.ports, text.to_owned(), offset, ROWS).await?;
    let (items, item_count) = organizations::page(&state.ports, filter).await?;
    let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    Ok(Found {
        users: users.into_iter().map(user_row).collect(),
        organizations: items.iter().map(organization_row).collect(),
        pager: Pager::new(
            "results",
            u64::from(page),
            ROWS.unsigned_abs(),
            user_count.max(item_count).unsigned_abs(),
            |page| format!("{}?q={query}&page={page}", search_address()),
        ),
    })
}

fn user_row(user: User) -> UserRow {
    UserRow {
        id: user.id.0,
        address: user_address(user.id),
        name: full_name(&user),
        phone: user.phone.unwrap_or_default(),
        email: user.email,
    }
}

/// Given and family name, or the e-mail address.
pub(super) fn full_name(user: &User) -> String {
    let parts = [user.first_name.as_deref(), user.last_name.as_deref()];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if name.is_empty() { user.email.clone() } else { name }
}

fn organization_row(item: &OrganizationItem) -> OrganizationRow {
    OrganizationRow {
        name: item.name(),
        detail: switcher::detail(item),
        kind: if item.elected_office.is_some() { "Elected Office" } else { "Campaign" },
        owner: item.owner.email.clone(),
        address: organization_address(item.id),
    }
}
