//! The routes of people-api (upstreams §6).

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::header::{AUTHORIZATION, ContentType},
    web::{Bytes, Data, Path, PayloadConfig, ServiceConfig, get, post, resource},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    download::Download,
    faults::{CsvFault, PeopleCall as Call, PeopleFault},
    filters::Filters,
    input::{self, List},
    person::Person,
    population::Electorate,
    selection::Selection,
    state::{PeopleRequest, Shared},
    token,
    voter::Voter,
};
use crate::{query::Parameters, query::is_uuid, query::text, refusal::Refusal};

/// The framework's size limit for a body, in bytes.
const BODY: usize = 1 << 20;

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(BODY))
        .service(resource("/v1/people").route(post().to(list)))
        .service(resource("/v1/people/stats").route(get().to(stats)))
        .service(resource("/v1/people/download").route(post().to(download)))
        .service(resource("/v1/people/{id}").route(get().to(person)))
        .service(resource("/v1/health").route(get().to(health)))
        .default_service(get().to(no_route));
}

/// An answer, or the refusal that ends the request.
type Answer = Result<HttpResponse, Refusal>;

async fn no_route(request: HttpRequest) -> Refusal {
    Refusal::not_found(format!("Cannot {} {}", request.method(), request.uri()))
}

/// Records a request, applies its planned fault, and checks the token; then does the work.
async fn admit(
    shared: &Shared,
    call: Call,
    request: &HttpRequest,
    body: &[u8],
    work: impl FnOnce(Option<CsvFault>) -> Answer,
) -> Answer {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let authorization = header(AUTHORIZATION.as_str());
    shared.lock().note(PeopleRequest {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        body: PeopleRequest::body_of(body),
        authorization: authorization.clone(),
        request_id: header("x-request-id"),
    });
    let csv_fault = match shared.faults.due(call) {
        Some(PeopleFault::Answer(fault)) => match fault.hit().await {
            Some(answer) => return Ok(answer),
            None => None,
        },
        Some(PeopleFault::Csv(fault)) => Some(fault),
        None => None,
    };
    if call != Call::Health {
        let now = shared.lock().now();
        token::check(authorization.as_deref(), &shared.secret, now)?;
    }
    work(csv_fault)
}

async fn health(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, Call::Health, &request, b"", |_| Ok(HttpResponse::Ok().body("OK"))).await
}

async fn list(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> Answer {
    admit(&shared, Call::List, &request, &body, |_| list_people(&shared, &body)).await
}

async fn person(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    query: Parameters,
) -> Answer {
    admit(&shared, Call::Person, &request, b"", |_| show_person(&shared, &id, &query)).await
}

async fn stats(shared: Data<Shared>, request: HttpRequest, query: Parameters) -> Answer {
    admit(&shared, Call::Statistics, &request, b"", |_| {
        let district = input::district(&shared.population, text(&query, "districtId"))?;
        let counted = counted(district)?;
        let statistics = shared.lock().statistics(district, counted);
        Ok(HttpResponse::Ok().content_type(ContentType::json()).body(statistics))
    })
    .await
}

async fn download(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> Answer {
    admit(&shared, Call::Download, &request, &body, |fault| send_file(&shared, &body, fault)).await
}

/// The total that the batch job counted.
fn counted(district: &Electorate) -> Result<u64, Refusal> {
    district.counted.ok_or_else(|| Refusal::not_found("District statistics not found"))
}

fn list_people(shared: &Shared, body: &[u8]) -> Answer {
    let members = input::object(body)?;
    let view = shared.view();
    let List { filters, search, size, offset, page } = List::read(&members, view.parties)?;
    let district = input::district_of(&shared.population, &members)?;
    let selection = Selection::new(district, &filters, search.as_ref());
    let is_everybody = filters.is_empty() && search.is_none();
    let total = if is_everybody && !district.is_statewide() {
        counted(district)?
    } else {
        selection.count()
    };
    let offset = offset.ok_or_else(Refusal::internal)?;
    let people = (offset..offset.saturating_add(size)).map_while(|rank| selection.at(rank));
    let people = people.map(|voter| Person::new(voter, view)).collect();
    Ok(HttpResponse::Created().json(Page { pagination: pagination(total, size, page), people }))
}

#[derive(serde::Serialize)]
struct Page {
    pagination: Value,
    people: Vec<Person>,
}

/// The envelope. The current page is at most the last; a page size of 0 makes infinitely many pages, which
/// JSON writes as null (upstreams §6.3).
fn pagination(total: u64, size: u64, page: i64) -> Value {
    let pages = total.checked_next_multiple_of(size).and_then(|all| all.checked_div(size));
    let pages = pages.map(|pages| i64::try_from(pages).unwrap_or(i64::MAX).max(1));
    // 0 divided by 0 is NaN, which compares with nothing.
    let current = (size > 0 || total > 0).then(|| pages.map_or(page, |pages| page.min(pages)));
    json!({
        "totalResults": total,
        "currentPage": current,
        "pageSize": size,
        "totalPages": pages,
        "hasNextPage": current.is_some_and(|current| pages.is_none_or(|pages| current < pages)),
        "hasPreviousPage": current.is_some_and(|current| current > 1),
    })
}

fn show_person(shared: &Shared, id: &str, query: &Parameters) -> Answer {
    let id = Uuid::parse_str(id).ok().filter(|_| is_uuid(id));
    let id = id.ok_or_else(|| Refusal::invalid("id", "Invalid uuid"))?;
    let district = input::district(&shared.population, text(query, "districtId"))?;
    let voter = Voter::find(id, district).ok_or_else(|| Refusal::not_found("Person not found"))?;
    Ok(HttpResponse::Ok().json(Person::new(voter, shared.view())))
}

fn send_file(shared: &Shared, body: &[u8], fault: Option<CsvFault>) -> Answer {
    let members = input::object(body)?;
    let rows = shared.lock().rows();
    let filters = Filters::read(members.get("filters"), rows.view().parties)?;
    let district = input::district_of(&shared.population, &members)?;
    let selection = Selection::new(district, &filters, None);
    let file = Download::new(district, selection, rows, fault, Arc::clone(&shared.streams));
    Ok(HttpResponse::Created().body(BoxBody::new(file)))
}
