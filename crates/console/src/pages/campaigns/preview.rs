//! `GET /app/new-campaign/preview`: what a new campaign would bring; and `POST /app/new-campaign`, which starts
//! it.

use actix_web::{Either, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use uuid::Uuid;
use winserve_domain::{
    campaigns::{self, StartCampaignError, StartPreview},
    organizations::CampaignSummary,
};
use winserve_http::{ApiError, AppState};

use super::{
    address,
    custom::{self, DescribeOfficePage},
    wish::{DATE, FROM, KEY, command, held},
};
use crate::{
    components::{
        count,
        field::{ErrorSummary, Field},
        notice::Notice,
    },
    days,
    failure::Failure,
    form::{Fields, Query, Submitted},
    mode::Mode,
    page::{Page, Show, see},
    pages::{office::shown_district, result::arrival},
    session::WithOrganizations,
    shell::Shell,
};

/// A campaign before it is started.
#[derive(Template)]
#[template(path = "campaigns/preview.html")]
pub(crate) struct StartPage {
    shell: Shell,
    is_re_election: bool,
    /// What it would bring, or why it cannot be started.
    outcome: Result<Start, Notice>,
    summary: Option<ErrorSummary>,
    fields: Fields,
    request_key: String,
    action: String,
}

impl Page for StartPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// What a campaign would bring.
struct Start {
    office: String,
    state: String,
    district: String,
    /// How many voters it has, or why that is not known.
    count: String,
    date: Field,
}

impl StartPage {
    fn new(of: &WithOrganizations, fields: Fields, outcome: Result<Start, Notice>) -> Self {
        let is_re_election = fields.filled(FROM).is_some();
        let heading = if is_re_election { "Run for re-election" } else { "Start your campaign" };
        let key = fields.filled(KEY).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        Self {
            shell: Shell::of_organizations(heading, of),
            is_re_election,
            summary: outcome.as_ref().ok().and_then(|it| ErrorSummary::new(None, [&it.date])),
            outcome,
            fields,
            request_key: key,
            action: address(),
        }
    }

    /// The page of a campaign that was not started.
    fn refused(of: &WithOrganizations, fields: Fields, error: StartCampaignError) -> Show<Self> {
        let error = ApiError::from(error);
        error.log_source();
        let notice = Notice::of(error.code()).with_link(address(), "Choose again");
        Show::refused(Self::new(of, fields, Err(notice)), error.code().status())
    }

    /// The fields that name the office.
    fn repeated(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.repeatable().filter(|(name, _)| name != KEY && name != DATE)
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    of: WithOrganizations,
    Query(fields): Query,
) -> Result<Either<Show<DescribeOfficePage>, Show<StartPage>>, Failure> {
    if let Some(form) = custom::refused(&of, &fields) {
        return Ok(Either::Left(form));
    }
    let preview = campaigns::preview_start(&state.ports, command(&of, &fields)?).await;
    Ok(Either::Right(match preview {
        Ok(preview) => {
            let start = start(&fields, preview);
            Show::ok(StartPage::new(&of, fields, Ok(start)))
        }
        Err(error) => StartPage::refused(&of, fields, error),
    }))
}

pub(crate) async fn submit(
    state: Data<AppState>,
    Submitted { by: of, fields }: Submitted<WithOrganizations>,
) -> Result<Either<HttpResponse, Show<StartPage>>, Failure> {
    let command = command(&of, &fields)?;
    if days::typed(fields.filled(DATE)).is_err() {
        let start = start(&fields, campaigns::preview_start(&state.ports, command).await?);
        let page = StartPage::new(&of, fields, Ok(start));
        return Ok(Either::Right(Show::refused(page, StatusCode::BAD_REQUEST)));
    }
    match campaigns::start(&state.ports, command).await {
        Ok(started) => {
            let from = held(&of, &fields)?.map(|item| item.id);
            Ok(Either::Left(see(&arrival::address(started.organization.id, from))))
        }
        Err(error) => Ok(Either::Right(StartPage::refused(&of, fields, error))),
    }
}

fn start(fields: &Fields, preview: StartPreview) -> Start {
    let StartPreview { organization, contacts } = preview;
    let link = organization.link.as_ref();
    let district = link.and_then(|link| link.effective_district());
    let known_day = organization.campaign.as_ref().and_then(CampaignSummary::election_day);
    let typed = fields.filled(DATE).map(str::to_owned);
    Start {
        office: organization.position_name().unwrap_or("Not known yet").to_owned(),
        state: link
            .and_then(|it| it.position.state.clone())
            .unwrap_or_else(|| "Not known yet".to_owned()),
        district: district.map_or_else(|| "None yet".to_owned(), |it| shown_district(&it.district)),
        count: count::shown(contacts, Mode::Campaign),
        date: Field::date(DATE, "General election date")
            .hint("Leave it empty if you do not know it yet")
            .value(typed.unwrap_or_else(|| days::field_value(known_day)))
            .error(days::typed(fields.filled(DATE)).err()),
    }
}
