//! `/app/o/{organization}/result`: "I won my race" or "I lost my race". What will happen is said before.

use actix_web::{Either, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::{
    base::OrganizationId,
    offices::{
        self, ElectionResult, NewOffice, NewOfficeError, RecordResultError, ResultSoFar, Term,
    },
    organizations::ActiveCampaign,
};
use winserve_http::{ApiError, AppState, ErrorCode};

use super::arrival;
use crate::{
    components::{
        field::{ErrorSummary, Field},
        notice::{Kind, Notice},
    },
    days,
    failure::{Failure, explain},
    form::{Fields, Submitted},
    navigation::Section,
    page::{Page, Show, see},
    pages::office::shown_district,
    session::InOrganization,
    shell::Shell,
};

/// The fields of the term.
const START: &str = "term_start";
const END: &str = "term_end";

/// The result of a campaign.
#[derive(Template)]
#[template(path = "result/election.html")]
pub(crate) struct ResultPage {
    shell: Shell,
    office: String,
    district: String,
    notice: Option<Notice>,
    form: Option<Form>,
    action: String,
}

impl Page for ResultPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// The two choices.
struct Form {
    start: Field,
    end: Field,
    summary: Option<ErrorSummary>,
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
) -> Result<Show<ResultPage>, Failure> {
    let known = offices::result_so_far(&state.ports, campaign(&page)?).await?;
    Ok(Show::ok(result_page(&page, &known, None)))
}

pub(crate) async fn submit(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
) -> Result<Either<HttpResponse, Show<ResultPage>>, Failure> {
    let campaign = campaign(&page)?;
    let known = offices::result_so_far(&state.ports, campaign).await?;
    let term = match Typed::read(&fields, &known) {
        Ok(term) => term,
        Err(typed) => return Ok(refused(&page, &known, typed, StatusCode::BAD_REQUEST)),
    };
    let result = match fields.text("result") {
        "won" => ElectionResult::Won(term),
        "lost" => ElectionResult::Lost,
        _ => return Err(Failure::UnreadableForm),
    };
    match offices::record_result(&state.ports, campaign, result).await {
        Ok(office) => Ok(Either::Left(see(&next(&page, office)))),
        Err(error) => not_recorded(&page, &known, &fields, error),
    }
}

/// An organization of an office has no election.
fn campaign(page: &InOrganization) -> Result<ActiveCampaign, Failure> {
    page.active.campaign().ok_or(Failure::NoSuchPage)
}

/// The page after a result was recorded.
fn next(page: &InOrganization, office: Option<NewOffice>) -> String {
    let organization = office.and_then(|office| match office {
        NewOffice::Created(office) | NewOffice::Repeated(office) => office.organization_id,
    });
    match organization {
        Some(organization) => arrival::address(organization, Some(page.id())),
        None => Section::Result.address(page.id()),
    }
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    start: String,
    end: String,
    start_error: Option<&'static str>,
    end_error: Option<&'static str>,
}

impl Typed {
    /// The term of a winner; dates that were left empty are not known.
    fn read(fields: &Fields, known: &ResultSoFar) -> Result<Term, Self> {
        let (start, end) = (days::typed(fields.filled(START)), days::typed(fields.filled(END)));
        match (start, end) {
            (Ok(Some(start)), Ok(Some(end))) if end <= start => Err(Self {
                end_error: Some("The term must end after it starts"),
                ..Self::of(fields)
            }),
            (Ok(term_start_date), Ok(term_end_date)) => {
                Ok(Term { term_start_date, term_end_date, ..known.usual_term })
            }
            (start, end) => {
                Err(Self { start_error: start.err(), end_error: end.err(), ..Self::of(fields) })
            }
        }
    }

    fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        Self { start: text(START), end: text(END), ..Self::default() }
    }
}

fn refused(
    page: &InOrganization,
    known: &ResultSoFar,
    typed: Typed,
    status: StatusCode,
) -> Either<HttpResponse, Show<ResultPage>> {
    Either::Right(Show::refused(result_page(page, known, Some(typed)), status))
}

fn not_recorded(
    page: &InOrganization,
    known: &ResultSoFar,
    fields: &Fields,
    error: RecordResultError,
) -> Result<Either<HttpResponse, Show<ResultPage>>, Failure> {
    match error {
        RecordResultError::AlreadyWon => Ok(Either::Left(see(&Section::Result.address(page.id())))),
        RecordResultError::Office(NewOfficeError::TermsOverlap(_)) => {
            let sentence = explain(ErrorCode::TermsOverlap).sentence;
            let typed = Typed { start_error: Some(sentence), ..Typed::of(fields) };
            Ok(refused(page, known, typed, StatusCode::CONFLICT))
        }
        RecordResultError::Office(error) => Err(ApiError::from(error).into()),
        RecordResultError::Store(error) => Err(ApiError::from(error).into()),
    }
}

fn result_page(page: &InOrganization, known: &ResultSoFar, typed: Option<Typed>) -> ResultPage {
    let link = page.item.link.as_ref();
    let district = link.and_then(|link| link.effective_district());
    let notice = match (known.office, known.recorded) {
        (Some(office), _) => Some(won(office)),
        (None, Some(false)) => Some(lost()),
        (None, _) => None,
    };
    ResultPage {
        shell: Shell::of(Section::Result.label(page.mode()), Section::Result, page),
        office: page.item.position_name().unwrap_or("your office").to_owned(),
        district: district.map_or_else(|| "none yet".to_owned(), |it| shown_district(&it.district)),
        form: known.office.is_none().then(|| form(known, typed)),
        notice,
        action: Section::Result.address(page.id()),
    }
}

fn form(known: &ResultSoFar, typed: Option<Typed>) -> Form {
    let typed = typed.unwrap_or_else(|| Typed {
        start: days::field_value(known.usual_term.term_start_date),
        end: days::field_value(known.usual_term.term_end_date),
        ..Typed::default()
    });
    let start = Field::date(START, "Term starts")
        .hint("The day of your oath. Change it if yours is another day, or leave it empty.")
        .value(typed.start)
        .error(typed.start_error);
    let end = Field::date(END, "Term ends").value(typed.end).error(typed.end_error);
    let summary = ErrorSummary::new(None, [&start, &end]);
    Form { start, end, summary }
}

fn won(office: OrganizationId) -> Notice {
    Notice::new(Kind::Success, "You won this race", "Your office is one of your organizations.")
        .with_link(Section::Overview.address(office), "Open your office")
}

fn lost() -> Notice {
    let sentence = "Thank you for running. Your campaign and its lists stay here. If this is a mistake, you can \
                    still say below that you won.";
    Notice::new(Kind::Info, "You lost this race", sentence)
}
