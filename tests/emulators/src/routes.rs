//! The routes of election-api that Winserve calls (upstreams §3).

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, ServiceConfig, get, resource},
};
use chrono::{Datelike as _, NaiveDate};
use serde_json::{Map, Value, json};

use crate::{
    District, ElectionCode, Position, Turnout, World,
    dialect::Dialect,
    faults::{Call, Fault, Faults},
    machine_tokens::MachineTokens,
    query::{Parameters, Validity, columns, flag, is_uuid, state, text},
    refusal::Refusal,
    search::positions_search,
};

const TIME: &str = "2026-03-20T12:00:00.000Z";
const DISTRICT_COLUMNS: [&str; 9] = [
    "id",
    "createdAt",
    "updatedAt",
    "state",
    "L2DistrictType",
    "L2DistrictName",
    "registeredVoters",
    "uniqueCellphones",
    "uniqueLandlines",
];
const TURNOUT_COLUMNS: [&str; 9] = [
    "id",
    "districtId",
    "electionYear",
    "electionCode",
    "projectedTurnout",
    "inferenceAt",
    "modelVersion",
    "createdAt",
    "updatedAt",
];

/// State shared by all workers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) faults: Faults<Call, Fault>,
    pub(crate) machine_tokens: MachineTokens,
    pub(crate) dialect: Dialect,
}

impl Shared {
    pub(crate) fn new(world: World, machine_tokens: MachineTokens) -> Self {
        Self { world, faults: Faults::default(), machine_tokens, dialect: Dialect::default() }
    }
}

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            resource("/v1/positions/by-ballotready-id/{id}")
                .route(get().to(position_by_ballotready_id)),
        )
        .service(resource("/v1/positions/search").route(get().to(positions_search)))
        .service(resource("/v1/positions/{id}").route(get().to(position)))
        .service(resource("/v1/elections/positions/{id}").route(get().to(folded_position)))
        .service(resource("/v1/districts/list").route(get().to(districts_list)))
        .service(resource("/v1/districts/types").route(get().to(districts_types)))
        .service(resource("/v1/districts/names").route(get().to(districts_names)))
        .service(resource("/v1/districts/{id}").route(get().to(district)))
        .service(resource("/v1/projectedTurnout").route(get().to(projected_turnout)))
        .service(resource("/v1/health").route(get().to(health)))
        .default_service(get().to(no_route));
}

/// An answer, or the refusal that ends the request.
type Answer = Result<HttpResponse, Refusal>;

async fn no_route(request: HttpRequest) -> Refusal {
    Refusal::not_found(format!("Cannot {} {}", request.method(), request.uri()))
}

async fn health(shared: Data<Shared>) -> HttpResponse {
    match shared.faults.admit(Call::Health).await {
        Some(fault) => fault,
        None => HttpResponse::Ok().body("OK"),
    }
}

async fn position_by_ballotready_id(
    shared: Data<Shared>,
    id: Path<String>,
    query: Parameters,
) -> Answer {
    if let Some(fault) = shared.faults.admit_about(Call::PositionByBallotreadyId, &id).await {
        return Ok(fault);
    }
    let position = shared.world.position_by_ballotready_id(&id);
    let shown = show_position(&shared.world, position, &id, &query)?;
    Ok(HttpResponse::Ok().json(shared.dialect.position(shown)))
}

async fn position(shared: Data<Shared>, id: Path<String>, query: Parameters) -> Answer {
    if let Some(fault) = shared.faults.admit(Call::Position).await {
        return Ok(fault);
    }
    if !is_uuid(&id) {
        return Err(Refusal::bad_request("Validation failed (uuid is expected)"));
    }
    let position = shared.world.position(&id.to_ascii_lowercase());
    let shown = show_position(&shared.world, position, &id, &query)?;
    Ok(HttpResponse::Ok().json(shared.dialect.position(shown)))
}

/// gp-api's answers: always in the later dialect, and with the district's state.
async fn folded_position(shared: Data<Shared>, id: Path<String>, query: Parameters) -> Answer {
    if let Some(fault) = shared.faults.admit_about(Call::FoldedPosition, &id).await {
        return Ok(fault);
    }
    if !is_uuid(&id) {
        return Err(Refusal::bad_request("Validation failed (uuid is expected)"));
    }
    let position = shared.world.position(&id.to_ascii_lowercase());
    let mut shown = show_position(&shared.world, position, &id, &query)?;
    let state = position.map(|position| position.state.clone());
    if let Some(district) = shown.get_mut("district").and_then(Value::as_object_mut) {
        district.insert("state".to_owned(), json!(state));
    }
    Ok(HttpResponse::Ok().json(shared.dialect.later_position(shown)))
}

async fn district(shared: Data<Shared>, id: Path<String>) -> Answer {
    if let Some(fault) = shared.faults.admit(Call::District).await {
        return Ok(fault);
    }
    if !is_uuid(&id) {
        return Err(Refusal::bad_request("Validation failed (uuid is expected)"));
    }
    match shared.world.district(&id.to_ascii_lowercase()) {
        Some(district) => Ok(HttpResponse::Ok().json(district_row(district))),
        None => Err(Refusal::not_found(format!("District not found for id: {id}"))),
    }
}

async fn districts_list(shared: Data<Shared>, query: Parameters) -> Answer {
    let name = text(&query, "L2DistrictName").unwrap_or_default();
    if let Some(fault) = shared.faults.admit_about(Call::DistrictsList, name).await {
        return Ok(fault);
    }
    list_districts(&shared.world, &query)
}

async fn districts_types(shared: Data<Shared>, query: Parameters) -> Answer {
    if let Some(fault) = shared.faults.admit(Call::DistrictsTypes).await {
        return Ok(fault);
    }
    list_types(&shared.world, &query)
}

async fn districts_names(shared: Data<Shared>, query: Parameters) -> Answer {
    if let Some(fault) = shared.faults.admit(Call::DistrictsNames).await {
        return Ok(fault);
    }
    list_names(&shared.world, &query)
}

async fn projected_turnout(shared: Data<Shared>, query: Parameters) -> Answer {
    if let Some(fault) = shared.faults.admit(Call::ProjectedTurnout).await {
        return Ok(fault);
    }
    show_turnout(&shared.world, &query)
}

fn show_position(
    world: &World,
    position: Option<&Position>,
    id: &str,
    query: &Parameters,
) -> Result<Value, Refusal> {
    let date = text(query, "electionDate");
    let (with_district, with_turnout) =
        (flag(query, "includeDistrict"), flag(query, "includeTurnout"));
    if with_turnout && (date.is_none() || !with_district) {
        return Err(Refusal::bad_request(
            "includeTurnout requires electionDate and includeDistrict",
        ));
    }
    let position =
        position.ok_or_else(|| Refusal::not_found(format!("Position not found for id: {id}")))?;
    let mut body = json!({
        "id": position.id,
        "brPositionId": position.br_position_id,
        "brDatabaseId": position.br_database_id,
        "state": position.state,
        "name": position.name,
        "level": position.level,
    });
    let district = position.district_id.as_deref().and_then(|id| world.district(id));
    if with_district && let Some((district, body)) = district.zip(body.as_object_mut()) {
        let turnout = match date.filter(|_| with_turnout) {
            Some(date) => dated_turnout(district, date)?,
            None => None,
        };
        body.insert(
            "district".to_owned(),
            json!({
                "id": district.id,
                "L2DistrictType": district.kind,
                "L2DistrictName": district.name,
                "projectedTurnout": turnout.map(|turnout| turnout_row(district, turnout)),
            }),
        );
    }
    if flag(query, "includeFilingFee")
        && let Some(body) = body.as_object_mut()
    {
        for key in ["filingFee", "filingRequirementsText", "filingFeeExtractionSource"] {
            body.insert(key.to_owned(), Value::Null);
        }
    }
    Ok(body)
}

/// The only turnout of a day; two rows are the service's own inconsistency.
fn dated_turnout<'a>(district: &'a District, date: &str) -> Result<Option<&'a Turnout>, Refusal> {
    let (year, code) = election(date, &district.state);
    let mut rows = district.turnouts.iter().filter(|row| {
        row.election_code == code && year.is_none_or(|year| row.election_year == year)
    });
    let first = rows.next();
    if year.is_some() && rows.next().is_some() {
        let message = "Multiple \"ProjectedTurnout\" rows for one district and election";
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message));
    }
    Ok(first)
}

/// Year and code; anything but a bare date silently has no year and counts as local.
fn election(date: &str, state: &str) -> (Option<i32>, ElectionCode) {
    match date.parse::<NaiveDate>() {
        Ok(date) => (Some(date.year()), ElectionCode::of(date, state)),
        Err(_) => (None, ElectionCode::LocalOrMunicipal),
    }
}

fn list_districts(world: &World, query: &Parameters) -> Answer {
    let state = state(query)?;
    let (kind, name) = (text(query, "L2DistrictType"), text(query, "L2DistrictName"));
    let valid = Validity::of(query)?;
    let district_columns = columns(query, "districtColumns", &DISTRICT_COLUMNS)?;
    let turnout_columns = columns(query, "projectedTurnoutColumns", &TURNOUT_COLUMNS)?;
    let found: Vec<Value> = world
        .districts()
        .iter()
        .filter(|district| state.as_deref().is_none_or(|state| district.state == state))
        .filter(|district| kind.is_none_or(|kind| district.kind == kind))
        .filter(|district| name.is_none_or(|name| district.name == name))
        .filter(|district| valid.keeps(district))
        .map(|district| {
            let mut row = only(district_row(district), district_columns.as_deref());
            let turnouts = district.turnouts.iter().filter(|turnout| valid.matches(turnout));
            let turnouts = turnouts
                .map(|turnout| only(turnout_row(district, turnout), turnout_columns.as_deref()));
            row.insert("projectedTurnouts".to_owned(), turnouts.map(Value::Object).collect());
            Value::Object(row)
        })
        .collect();
    if found.is_empty() {
        return Err(Refusal::not_found("No districts found"));
    }
    Ok(HttpResponse::Ok().json(found))
}

fn list_types(world: &World, query: &Parameters) -> Answer {
    let state = state(query)?;
    let valid = Validity::of(query)?;
    let types: BTreeMap<&str, &str> = world
        .districts()
        .iter()
        .filter(|district| state.as_deref().is_none_or(|state| district.state == state))
        .filter(|district| valid.keeps(district))
        .map(|district| (district.kind.as_str(), district.id.as_str()))
        .collect();
    let types: Vec<Value> =
        types.into_iter().map(|(kind, id)| json!({"id": id, "L2DistrictType": kind})).collect();
    Ok(HttpResponse::Ok().json(types))
}

fn list_names(world: &World, query: &Parameters) -> Answer {
    let state = state(query)?.ok_or_else(|| Refusal::bad_request("state is required"))?;
    let kind = text(query, "L2DistrictType")
        .ok_or_else(|| Refusal::bad_request("L2DistrictType is required"))?;
    let valid = Validity::of(query)?;
    let mut names: Vec<(&str, &str)> = world
        .districts()
        .iter()
        .filter(|district| district.state == state && district.kind == kind)
        .filter(|district| valid.keeps(district))
        .map(|district| (district.name.as_str(), district.id.as_str()))
        .collect();
    names.sort_unstable();
    let names: Vec<Value> =
        names.into_iter().map(|(name, id)| json!({"id": id, "L2DistrictName": name})).collect();
    Ok(HttpResponse::Ok().json(names))
}

fn show_turnout(world: &World, query: &Parameters) -> Answer {
    let date = text(query, "electionDate")
        .ok_or_else(|| Refusal::bad_request("electionDate is required"))?;
    let state = state(query)?;
    let valid = Validity::of(query)?;
    let (kind, name) = (text(query, "L2DistrictType"), text(query, "L2DistrictName"));
    let district = match (text(query, "districtId"), state, kind, name) {
        (Some(id), ..) if !is_uuid(id) => {
            return Err(Refusal::bad_request("districtId must be a UUID"));
        }
        (Some(id), ..) => world.district(&id.to_ascii_lowercase()),
        (None, Some(state), Some(kind), Some(name)) => world.districts().iter().find(|district| {
            district.state == state && district.kind == kind && district.name == name
        }),
        _ => {
            let message = "districtId, or state, L2DistrictType and L2DistrictName are required";
            return Err(Refusal::bad_request(message));
        }
    };
    // The year of the date is ignored here; only the requested year counts.
    district
        .and_then(|district| {
            let code = valid.code.unwrap_or_else(|| election(date, &district.state).1);
            let row = district.turnouts.iter().find(|row| {
                row.election_code == code && valid.year.is_none_or(|year| row.election_year == year)
            })?;
            Some(HttpResponse::Ok().json(turnout_row(district, row)))
        })
        .ok_or_else(|| Refusal::not_found("No projected turnout found"))
}

fn district_row(district: &District) -> Value {
    json!({
        "id": district.id,
        "createdAt": TIME,
        "updatedAt": TIME,
        "state": district.state,
        "L2DistrictType": district.kind,
        "L2DistrictName": district.name,
        "registeredVoters": null,
        "uniqueCellphones": null,
        "uniqueLandlines": null,
    })
}

fn turnout_row(district: &District, turnout: &Turnout) -> Value {
    // Derived from the district's id: the same row has the same id in every answer.
    let id = format!(
        "{}-{:04}-4000-8000-{:012}",
        district.id.get(..8).unwrap_or("00000000"),
        turnout.election_year,
        turnout.projected_turnout
    );
    json!({
        "id": id,
        "districtId": district.id,
        "electionYear": turnout.election_year,
        "electionCode": turnout.election_code,
        "projectedTurnout": turnout.projected_turnout,
        "inferenceAt": TIME,
        "modelVersion": "emulated",
        "createdAt": TIME,
        "updatedAt": TIME,
    })
}

fn only(row: Value, columns: Option<&[String]>) -> Map<String, Value> {
    let Value::Object(mut row) = row else { return Map::new() };
    if let Some(columns) = columns {
        row.retain(|key, _| columns.contains(key));
    }
    row
}
