//! `GET /app/o/{organization}/contacts/statistics`: figures of the whole district as charts.

use actix_web::web::Data;
use askama::Template;
use winserve_domain::contacts::{self, ContactsError, Statistics};
use winserve_http::AppState;

use super::away;
use crate::{
    components::{chart::Chart, notice::Notice, pager::grouped},
    failure::Failure,
    mode::Words,
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// Figures of a district, or why there are none.
#[derive(Template)]
#[template(path = "contacts/statistics.html")]
pub(crate) struct StatisticsPage {
    shell: Shell,
    words: &'static Words,
    people: String,
    figures: Result<Figures, Notice>,
}

struct Figures {
    total: String,
    with_cell_phone: String,
    charts: [Chart; 5],
}

impl Page for StatisticsPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
) -> Result<Show<StatisticsPage>, Failure> {
    let statistics = contacts::statistics(&state.ports, &page.active).await;
    Ok(Show::ok(StatisticsPage::new(&page, statistics)?))
}

impl StatisticsPage {
    fn new(
        page: &InOrganization,
        statistics: Result<Statistics, ContactsError>,
    ) -> Result<Self, Failure> {
        let figures = match statistics {
            Ok(statistics) => Ok(Figures::from(statistics)),
            Err(error) => Err(away(error, page)?),
        };
        Ok(Self {
            shell: Shell::of("District figures", Section::Contacts, page),
            words: page.mode().words(),
            people: Section::Contacts.address(page.id()),
            figures,
        })
    }
}

impl From<Statistics> for Figures {
    fn from(statistics: Statistics) -> Self {
        let with_cell_phone = statistics.total_constituents_with_cell_phone;
        Self {
            total: grouped(statistics.total_constituents.unsigned_abs()),
            with_cell_phone: grouped(with_cell_phone.unsigned_abs()),
            charts: [
                Chart::new("age", "Age", statistics.age),
                Chart::new("homeowner", "Homeowner", statistics.homeowner),
                Chart::new("children", "Children under 18", statistics.presence_of_children),
                Chart::new("education", "Level of education", statistics.education),
                Chart::new("income", "Household income", statistics.estimated_income_range),
            ],
        }
    }
}
