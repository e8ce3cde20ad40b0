//! Requests with which an elected official could try to learn a voter's party: no route reveals more than in a
//! world without parties.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::Parties;

use super::{Call, FOREIGN, Naming, OF_CAMPAIGN, OF_OFFICE, Seen, Side, voters};
use crate::api::tenant_matrix::{SCOPED, UNSCOPED};

/// A request to each route that an official has, about their own filter and one of their voters.
fn routes(voter: &str) -> Vec<Call> {
    let filter = "/v1/voters/voter-file/filter";
    let [own, _] = OF_OFFICE;
    let content = json!({"name": "New", "genderFemale": true});
    vec![
        Call::get("/v1/contacts"),
        Call::new(Method::POST, "/v1/contacts/count").with_body(json!({"genderFemale": true})),
        Call::get("/v1/contacts/stats"),
        Call::get("/v1/contacts/download"),
        Call::get(format!("/v1/contacts/{voter}")),
        Call::get("/v1/voters/voter-file/filters"),
        Call::new(Method::POST, filter).with_body(content.clone()),
        Call::get(format!("{filter}/{own}")),
        Call::new(Method::PUT, format!("{filter}/{own}")).with_body(content),
        Call::new(Method::POST, format!("{filter}/{own}/copy"))
            .with_body(json!({"organizationId": "{office}"})),
        Call::get("/v1/organizations"),
        Call::get("/v1/organizations/{office}"),
        Call::new(Method::PATCH, "/v1/organizations/{office}").with_body(json!({})),
        Call::new(Method::POST, "/v1/organizations/{office}/preview").with_body(json!({})),
        Call::get("/v1/elected-office/current"),
        Call::get("/v1/elected-office/mine"),
        Call::get("/v1/eligibility"),
        Call::get("/v1/elected-office/office-7"),
        Call::new(Method::PUT, "/v1/elected-office/office-7").with_body(json!({})),
        Call::get("/v1/polls"),
        Call::get("/v1/polls/has-polls"),
        Call::get("/v1/polls/poll-7"),
        Call::new(Method::POST, "/v1/polls/initial-poll")
            .with_body(json!({"message": "Hello", "swornInDate": "2025-01-06"})),
        Call::new(Method::DELETE, format!("{filter}/{}", OF_OFFICE[1])),
    ]
}

/// A variation of a normal request, made to learn a party.
type Attack = fn(&Call) -> Vec<Call>;

/// With more members in its body. Nothing without a body: the request would be the normal one.
fn with_members(call: &Call, members: &Value) -> Option<Call> {
    let mut call = call.clone();
    let body = call.body.as_mut()?.as_object_mut()?;
    body.extend(members.as_object().unwrap().clone());
    Some(call)
}

fn by_filter(call: &Call) -> Vec<Call> {
    let mut calls: Vec<_> = [
        "politicalParty=Democratic",
        "filters[politicalParty][eq]=Democratic",
        "filters=%7B%22politicalParty%22%3A%7B%22eq%22%3A%22Democratic%22%7D%7D",
        "partyDemocrat=true&Parties_Description=Democratic&party=D",
    ]
    .map(|query| call.asking(query))
    .into();
    for members in [
        json!({"partyDemocrat": true}),
        json!({"politicalParty": {"eq": "Democratic"}, "filters": {"partyDemocrat": true}}),
        json!({"voterStatus": ["Democratic"], "languageCodes": ["Democratic"]}),
    ] {
        calls.extend(with_members(call, &members));
    }
    calls
}

fn by_sort(call: &Call) -> Vec<Call> {
    [
        "sort=politicalParty",
        "sortBy=Parties_Description&sortOrder=asc",
        "order=politicalParty.desc",
        "orderBy=party",
    ]
    .map(|query| call.asking(query))
    .into()
}

fn by_search(call: &Call) -> Vec<Call> {
    [
        "Democratic",
        "Republican",
        "Parties_Description:Democratic",
        "party%3DDemocratic",
        "Karen%20Young",
    ]
    .map(|text| call.asking(&format!("search={text}")))
    .into()
}

fn by_segment_of_the_other_mode(call: &Call) -> Vec<Call> {
    let mut calls = vec![call.clone().naming(Naming::Campaign)];
    calls.extend(OF_CAMPAIGN.map(|id| call.asking(&format!("segment={id}"))));
    calls.push(call.asking(&format!("segment={FOREIGN}")));
    let other =
        |call: &Call| Call { path: call.path.replace("filter/21", "filter/1"), ..call.clone() };
    calls.push(other(call));
    calls
}

/// The copy gets the next id, and the attack uses it as the segment.
fn by_copied_segment(call: &Call) -> Vec<Call> {
    let copy = |to: &str| {
        Call::new(Method::POST, "/v1/voters/voter-file/filter/1/copy")
            .with_body(json!({"organizationId": to}))
    };
    let mut calls = vec![
        copy("{office}").naming(Naming::Campaign),
        copy("{campaign}").naming(Naming::Campaign),
        copy("{office}"),
    ];
    calls.extend((31..=34).map(|id| call.asking(&format!("segment={id}"))));
    calls
}

fn by_renamed_segment(call: &Call) -> Vec<Call> {
    let rename = |id: i32, body: Value| {
        Call::new(Method::PUT, format!("/v1/voters/voter-file/filter/{id}")).with_body(body)
    };
    vec![
        rename(21, json!({"name": "partyDemocrat", "partyDemocrat": true})),
        rename(21, json!({"name": "Democratic", "partyDemocrat": null, "partyRepublican": false})),
        rename(1, json!({"name": "Women"})),
        rename(1, json!({"name": "Women"})).naming(Naming::Campaign),
        call.asking("segment=21"),
        call.asking("segment=1"),
    ]
}

fn by_cached_answer(call: &Call) -> Vec<Call> {
    let theirs = call.clone().naming(Naming::Campaign);
    vec![
        theirs.clone(),
        call.clone(),
        theirs.with("Cache-Control", "max-age=3600"),
        call.clone().with("Cache-Control", "max-stale=3600, only-if-cached"),
        call.clone().with("Pragma", "no-cache"),
    ]
}

fn by_conditional_request(call: &Call) -> Vec<Call> {
    let tags = ["*", "\"0123456789abcdef0123456789abcdef\"", "W/\"x\", \"y\""];
    let mut calls = vec![call.clone().naming(Naming::Campaign)];
    for tag in tags {
        calls.push(call.clone().with("If-None-Match", tag));
        calls.push(call.clone().with("If-Match", tag));
    }
    calls.push(call.clone().with("If-Modified-Since", "Wed, 25 Feb 2026 12:00:00 GMT"));
    calls.push(call.clone().with("Range", "bytes=0-200"));
    calls
}

fn by_header_switch(call: &Call) -> Vec<Call> {
    let plain = call.clone().naming(Naming::None);
    vec![
        call.clone().naming(Naming::Both),
        plain.clone().with("X-Organization-Id", "{campaign}"),
        plain.clone().with("X-Organization-Id", "org_unknown"),
        call.clone().with("X-Organisation-Id", "0193f6a4-0000-7000-8000-00000000000a"),
        call.clone().with("X-Original-URL", "/v1/contacts"),
        call.clone().with("X-HTTP-Method-Override", "GET"),
        call.clone().with("Forwarded", "for=127.0.0.1;host=people-api"),
    ]
}

fn by_spelling(call: &Call) -> Vec<Call> {
    let mut calls: Vec<_> = [
        "politicalparty=Democratic",
        "POLITICALPARTY=Democratic",
        "political_party=Democratic",
        "political%50arty=Democratic",
        "p%CE%BFliticalParty=Democratic",
        "segment=%31",
        "segment=1%00",
        "segment=%EF%BC%91",
        "segment=1&segment=21",
        "segment[]=1",
        "Segment=1",
    ]
    .map(|query| call.asking(query))
    .into();
    for key in [
        "PartyDemocrat",
        "partydemocrat",
        "party\u{200b}Democrat",
        "p\u{430}rtyDemocrat",
        "party_democrat",
    ] {
        calls.extend(with_members(call, &json!({key: true})));
    }
    calls.extend(with_members(call, &json!({"partyDemocrat": "true"})));
    calls.extend(with_members(call, &json!({"partyDemocrat": 1})));
    calls
}

fn by_count_differencing(call: &Call) -> Vec<Call> {
    let count =
        |segment: &str| Call::get(format!("/v1/contacts?resultsPerPage=1&segment={segment}"));
    let mut calls: Vec<_> = ["all", "21", "22", "1", "2", "texting"].map(count).into();
    calls.extend(with_members(call, &json!({"partyDemocrat": true, "voterCount": 0})));
    calls.extend(with_members(call, &json!({"voterCount": 412})));
    calls.push(call.asking("resultsPerPage=1&page=1250"));
    calls.push(call.asking("resultsPerPage=1000&page=2"));
    calls
}

fn by_error_text(call: &Call) -> Vec<Call> {
    let mut calls: Vec<_> = [
        "page=Democratic",
        "resultsPerPage=politicalParty",
        "page=-1",
        "resultsPerPage=0",
        "segment=Democratic",
        "search=%00",
        "search=%FF",
    ]
    .map(|query| call.asking(query))
    .into();
    calls.extend(with_members(call, &json!({"partyDemocrat": {}, "age18_25": "politicalParty"})));
    if call.body.is_some() {
        calls.push(Call { body: Some(json!("{")), ..call.clone() });
    }
    calls
}

fn by_another_method(call: &Call) -> Vec<Call> {
    let methods = [Method::HEAD, Method::OPTIONS, Method::TRACE, Method::POST, Method::PUT];
    let mut calls: Vec<_> =
        methods.map(|method| Call { method, ..call.clone() }).into_iter().collect();
    calls.push(Call { path: call.path.replace("/v1/", "/v1//"), ..call.clone() });
    calls.push(Call { path: format!("{}/", call.path), ..call.clone() });
    calls.push(Call { path: call.path.replace("/v1/", "/V1/"), ..call.clone() });
    calls.push(Call::get("/v1/contacts/sample?size=10"));
    calls.push(Call::new(Method::POST, "/v1/people").with_body(json!({})));
    calls.push(Call::get("/v1/voters/voter-file?type=full&selectedColumns=Parties_Description"));
    calls
}

fn by_representation(call: &Call) -> Vec<Call> {
    let mut calls: Vec<_> =
        ["application/xml", "text/csv", "application/x-ndjson", "application/vnd.full+json"]
            .map(|kind| call.clone().with("Accept", kind))
            .into();
    calls.push(call.clone().with("Accept-Encoding", "br, gzip"));
    calls.push(call.asking("fields=politicalParty&include=politicalParty&select=*&expand=party"));
    calls.push(
        call.asking("columns=Parties_Description,Primary_2024&selectedColumns=Parties_Description"),
    );
    calls.push(call.asking("mode=campaign&type=campaign&organizationType=campaign&product=win"));
    calls
}

/// Whether the answer is for a candidate, who may see the party.
fn is_of_campaign(call: &Call) -> bool {
    call.naming == Naming::Campaign || call.headers.iter().any(|(_, value)| value == "{campaign}")
}

/// Sends an attack on every route, in a world with parties and in one without: the answers must be the same.
async fn tells_nothing(attack: Attack) {
    let (with, without) = (Side::new(Parties::B).await, Side::new(Parties::None).await);
    let voter = voters(&with).await.remove(2);
    for route in routes(&voter) {
        for call in attack(&route) {
            let (one, other) = (with.send(&call).await, without.send(&call).await);
            assert!(one == other || is_of_campaign(&call), "{call:?}\n{one:?}\n{other:?}");
        }
    }
}

/// [`tells_nothing`], for an attack that works for a candidate: the selection alone reveals the party.
async fn tells_candidates_only(attack: Attack) {
    tells_nothing(attack).await;
    let (with, without) = (Side::new(Parties::B).await, Side::new(Parties::None).await);
    let mut is_told = false;
    for call in attack(&Call::get("/v1/contacts")) {
        let call = call.naming(Naming::Campaign);
        let selected = [with.send(&call).await, without.send(&call).await].map(whom);
        is_told |= selected[0] != selected[1];
    }
    assert!(is_told, "it would not even tell a candidate");
}

/// Status and ids of a page.
fn whom(seen: Seen) -> (u16, Vec<Value>, Value) {
    let page: Value = serde_json::from_str(&seen.body.unwrap_or_default()).unwrap_or_default();
    let people = page["people"].as_array().cloned().unwrap_or_default();
    let ids = people.into_iter().map(|mut person| person["id"].take()).collect();
    (seen.status, ids, page["pagination"].clone())
}

macro_rules! attacks {
    ($($proof:ident: $($name:ident $attack:ident)+;)+) => {
        mod no_official_learns_a_party {
            $($(
                #[actix_web::test]
                async fn $name() {
                    super::$proof(super::$attack).await;
                }
            )+)+
        }
    };
}

attacks! {
    tells_candidates_only:
        by_a_segment_saved_in_the_other_mode by_segment_of_the_other_mode
        by_a_copied_segment by_copied_segment
        by_a_renamed_segment by_renamed_segment
        by_spelling_and_encoding by_spelling
        by_subtracting_counts by_count_differencing;
    tells_nothing:
        by_a_filter by_filter
        by_an_order by_sort
        by_searching by_search
        by_a_cached_answer by_cached_answer
        by_a_conditional_request by_conditional_request
        by_switching_the_header by_header_switch
        by_the_text_of_errors by_error_text
        by_another_method_or_path by_another_method
        by_another_representation by_representation;
}

/// Every route that answers an official must be attacked.
#[test]
fn every_route_of_an_official_is_attacked() {
    let attacked = routes("0");
    let (named, own) = (1, 6);
    let of_office = SCOPED.iter().filter(|row| row.3[named] < 300).map(|row| (row.0, row.1));
    let unscoped = UNSCOPED.iter().filter(|row| row.2.is_empty() && row.3[own] < 300);
    let of_office = of_office.chain(unscoped.map(|row| (row.0, row.1))).filter(|(_, path)| {
        ["/contacts", "/voters", "/organizations", "/eligibility", "/elected-office", "/polls"]
            .iter()
            .any(|prefix| path.starts_with(prefix))
    });
    let segments = |path: &str| {
        let path = path.split('?').next().unwrap().trim_start_matches("/v1").to_owned();
        path.split('/').map(str::to_owned).collect::<Vec<_>>()
    };
    for (method, path) in
        of_office.filter(|(_, path)| !path.contains("admin") && !path.contains("{campaign}"))
    {
        let wanted = segments(path);
        let is_it = |call: &&Call| {
            let given = segments(&call.path);
            call.method.as_str() == method
                && given.len() == wanted.len()
                && given.iter().zip(&wanted).all(|(one, other)| {
                    one == other
                        || other.starts_with('{')
                        || one.starts_with('{')
                        || other.contains("-7")
                })
        };
        assert!(attacked.iter().any(|call| is_it(&call)), "nobody attacks {method} {path}");
    }
}
