//! `/v1/contacts…` of campaigns (legacy contract §5.5, §8, design §5). For elected officials see
//! `political_party`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use winserve_emulators::{Call, CsvFault, Fault, PeopleCall};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp, ran_alone};

use crate::{
    binaries::eventually,
    fixtures::{self, COUNCIL, MAYOR},
};

const CONTACTS: &str = "/v1/contacts";
const STATS: &str = "/v1/contacts/stats";
const DOWNLOAD: &str = "/v1/contacts/download";
const COUNT: &str = "/v1/contacts/count";
const FILTER: &str = "/v1/voters/voter-file/filter";
/// The id of `City` / TECUMSEH CITY in election-api and people-api, where 1,250 voters live.
const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";

/// Each route, for a contact that does not exist.
const ROUTES: [&str; 4] =
    [CONTACTS, STATS, DOWNLOAD, "/v1/contacts/0193f6a4-0000-7000-8000-00000000000a"];

fn mayor() -> Value {
    json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07",
    })
}

fn of_district(kind: &str, name: &str) -> Value {
    json!({"electionType": kind, "electionLocation": name})
}

/// User 7 with the campaign 11 for the city's mayor.
fn candidate(app: &TestApp) {
    candidate_in(app, &mayor(), &of_district("City", "TECUMSEH CITY"));
}

fn candidate_in(app: &TestApp, details: &Value, goals: &Value) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, details, Some(goals));
}

fn pay(app: &TestApp) {
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
}

async fn get(app: &TestApp, path: &str) -> Response {
    app.user(7).get(path).await
}

/// Bodies of the requests to people-api, in order.
fn people_requests(app: &TestApp) -> Vec<Value> {
    app.people.requests().into_iter().map(|request| request.body).collect()
}

fn people(page: &Response) -> Vec<Value> {
    assert_eq!(page.status, 200, "{}", page.json());
    page.json()["people"].as_array().unwrap().clone()
}

async fn save(client: &Client, filter: Value) -> String {
    let saved = client.post(FILTER, filter).await;
    assert_eq!(saved.status, 201, "{}", saved.json());
    saved.json()["id"].to_string()
}

/// The header and the rows: a quoted text may contain line breaks.
fn lines(file: &Response) -> Vec<String> {
    assert_eq!(file.status, 200);
    rows(&file.body)
}

/// The header and the rows of a file.
pub(crate) fn rows(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    let mut quotes = 0;
    let at_end = |letter| {
        quotes += usize::from(letter == '"');
        letter == '\n' && quotes % 2 == 0
    };
    text.split(at_end).map(str::to_owned).collect()
}

contract! {
    async fn a_page_has_every_member_of_the_contract(app) {
        candidate(&app);
        let page = get(&app, "/v1/contacts?resultsPerPage=2&page=3").await;
        let people = people(&page);
        assert_eq!(page.json()["pagination"], json!({
            "totalResults": 1250, "currentPage": 3, "pageSize": 2, "totalPages": 625,
            "hasNextPage": true, "hasPreviousPage": true,
        }));
        assert_eq!(people.len(), 2);
        let members = people[0].as_object().unwrap();
        assert_eq!(members.len(), 24, "{members:?}");
        assert_eq!(members["address"].as_object().unwrap().len(), 8);
        assert!(members["politicalParty"].is_string());
        assert_eq!(people_requests(&app), [json!({
            "districtId": TECUMSEH, "filters": {}, "resultsPerPage": 2, "page": 3,
        })]);
    }

    async fn a_contact_is_read_by_its_id(app) {
        candidate(&app);
        let listed = people(&get(&app, CONTACTS).await).remove(7);
        let contact = get(&app, &format!("{CONTACTS}/{}", listed["id"].as_str().unwrap())).await;
        assert_eq!((contact.status.as_u16(), contact.json()), (200, listed));
    }

    async fn a_contact_who_is_unknown_or_lives_elsewhere_is_not_found(app) {
        candidate(&app);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({"state": "MI"}), Some(&of_district("City", "ADRIAN CITY")));
        let elsewhere = people(&app.user(8).get(CONTACTS).await)[0]["id"].clone();
        for id in ["0193f6a4-0000-7000-8000-00000000000a", elsewhere.as_str().unwrap()] {
            let answer = get(&app, &format!("{CONTACTS}/{id}")).await;
            answer.assert_error(404, "Not Found", "not-found", "Person not found");
        }
        app.people.forget_requests();
        for id in ["7", "sample", "tevyn-api", "0193f6a4000070008000000000000000"] {
            get(&app, &format!("{CONTACTS}/{id}")).await.assert_invalid(&json!([["invalid_string", ["id"]]]));
        }
        assert!(people_requests(&app).is_empty());
    }

    async fn pages_are_within_bounds(app) {
        candidate(&app);
        let last = get(&app, "/v1/contacts?resultsPerPage=100&page=13").await;
        assert_eq!(people(&last).len(), 50);
        let beyond = get(&app, "/v1/contacts?resultsPerPage=100&page=5000").await;
        assert_eq!(beyond.json(), last.json());
        assert_eq!(last.json()["pagination"]["hasNextPage"], false);
        let usual = get(&app, "/v1/contacts?resultsPerPage=&page=").await;
        assert_eq!(people(&usual).len(), 50);
        app.people.forget_requests();
        for (query, code) in [
            ("page=0", "too_small"), ("page=-1", "too_small"), ("page=1.5", "invalid_type"),
            ("page=x", "invalid_type"), ("page=99999999999", "too_big"),
        ] {
            get(&app, &format!("{CONTACTS}?{query}")).await.assert_invalid(&json!([[code, ["page"]]]));
        }
        for size in ["0", "-5", "1001"] {
            let refused = get(&app, &format!("{CONTACTS}?resultsPerPage={size}")).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!("invalid-request")));
        }
        assert!(people_requests(&app).is_empty());
    }

    async fn search_and_download_are_for_those_who_pay(app) {
        candidate(&app);
        let search = "/v1/contacts?search=Ann";
        get(&app, search).await.assert_error(
            400, "Bad Request", "pro-required", "Search is only available for pro campaigns");
        get(&app, DOWNLOAD).await.assert_error(400, "Bad Request", "pro-required", "Campaign is not pro");
        // `pro-required` comes first, whatever is wrong with the filter.
        for filter in [json!({}), json!({"age18_25": "yes"})] {
            let count = app.user(7).post(COUNT, filter).await;
            count.assert_error(400, "Bad Request", "pro-required", "Campaign is not pro");
        }
        assert!(people_requests(&app).is_empty());
        assert_eq!(get(&app, "/v1/contacts?search=").await.status, 200);
        pay(&app);
        let name = people(&get(&app, CONTACTS).await)[0]["lastName"].clone();
        let found = people(&get(&app, &format!("{CONTACTS}?search={}", name.as_str().unwrap())).await);
        assert!(!found.is_empty());
        assert!(found.iter().all(|person| person["lastName"] == name || person["firstName"] == name));
        assert_eq!(get(&app, DOWNLOAD).await.status, 200);
    }

    async fn a_name_is_found_in_the_usual_capitalization_too(app) {
        candidate(&app);
        pay(&app);
        let spelled = get(&app, "/v1/contacts?search=Young").await;
        assert!(!people(&spelled).is_empty());
        assert_eq!(get(&app, "/v1/contacts?search=yOUNG").await.json(), spelled.json());
        let asked: Vec<_> = people_requests(&app).into_iter().map(|body| body["search"].clone()).collect();
        assert_eq!(asked, ["Young", "yOUNG", "Young"]);
        assert!(people(&get(&app, "/v1/contacts?search=nobody").await).is_empty());
    }

    async fn built_in_segments_select_by_telephone(app) {
        candidate(&app);
        for (segment, filters) in [
            ("all", json!({})), ("doorKnocking", json!({})), ("directMail", json!({})), ("", json!({})),
            ("texting", json!({"hasCellPhone": true})), ("digitalAds", json!({"hasCellPhone": true})),
            ("phoneBanking", json!({"hasLandline": true})),
        ] {
            app.people.forget_requests();
            assert_eq!(get(&app, &format!("{CONTACTS}?segment={segment}")).await.status, 200);
            assert_eq!(people_requests(&app)[0]["filters"], filters, "{segment}");
        }
    }

    async fn a_saved_filter_becomes_the_filters_of_people_api(app) {
        candidate(&app);
        pay(&app);
        let client = app.user(7);
        for (filter, filters) in [
            (json!({"audienceSuperVoters": true, "genderMale": false, "registeredVoterTrue": true}),
             json!({"voterStatus": {"eq": "Super"}})),
            (json!({"voterStatus": ["Likely", "First Time"], "audienceSuperVoters": true}),
             json!({"voterStatus": {"eq": "Likely"}})),
            (json!({"partyDemocrat": true, "partyUnknown": true}),
             json!({"politicalParty": {"in": ["Democratic", "Unknown"]}})),
            (json!({"age18_25": true, "age25_35": true, "ageUnknown": true}),
             json!({"ageInt": {"gte": 18, "lte": 35, "_includeNull": true}})),
            (json!({"age50Plus": true}), json!({"ageInt": {"gte": 50}})),
            (json!({"ageUnknown": true}), json!({"ageInt": {"is": "null"}})),
            (json!({"incomeRanges": ["$200k+", "Under $25k", "$25k - $35k"]}),
             json!({"estimatedIncomeAmountInt": {"_or": [
                 {"gte": 0, "lte": 24999}, {"gte": 25000, "lte": 34999}, {"gte": 200_000}]}})),
            (json!({"languageCodes": ["en", "xx"], "hasCellPhone": true, "hasLandline": true}),
             json!({"language": {"eq": "English"}, "hasCellPhone": true, "hasLandline": true})),
            (json!({"likelyMarried": true, "veteranUnknown": true, "educationNone": true,
                    "ethnicityAfricanAmerican": true, "businessOwnerYes": true, "hasChildrenNo": true,
                    "homeownerLikely": true, "genderFemale": true, "genderUnknown": true}),
             json!({"maritalStatus": {"eq": "Inferred Married"}, "veteranStatus": {"eq": "Unknown"},
                    "educationLevel": {"eq": "None"}, "ethnicity": {"eq": "African American"},
                    "businessOwner": {"eq": "Yes"}, "presenceOfChildren": {"eq": "No"},
                    "homeowner": {"eq": "Likely"}, "gender": {"in": ["F", "Unknown"]}})),
        ] {
            let id = save(&client, filter.clone()).await;
            app.people.forget_requests();
            let page = get(&app, &format!("{CONTACTS}?segment={id}")).await;
            assert_eq!(page.status, 200, "{filter}: {}", page.json());
            assert_eq!(people_requests(&app)[0]["filters"], filters, "{filter}");
            let rows = lines(&get(&app, &format!("{DOWNLOAD}?segment={id}")).await).len() - 1;
            assert_eq!(page.json()["pagination"]["totalResults"], rows, "{filter}");
            assert_eq!(people_requests(&app)[1]["filters"], filters, "{filter}");
        }
    }

    async fn ages_with_gaps_are_listed_one_by_one(app) {
        candidate(&app);
        pay(&app);
        let id = save(&app.user(7), json!({"age18_25": true, "age50Plus": true})).await;
        assert_eq!(get(&app, &format!("{CONTACTS}?segment={id}")).await.status, 200);
        let ages: Vec<u32> = (18..=25).chain(50..=120).collect();
        assert_eq!(people_requests(&app)[0]["filters"], json!({"ageInt": {"in": ages}}));
    }

    async fn a_group_of_values_that_the_file_does_not_have_is_named_and_nothing_is_fetched(app) {
        candidate(&app);
        pay(&app);
        for (filter, member) in [
            (json!({"languageCodes": ["xx"], "genderMale": true}), "languageCodes"),
            (json!({"incomeRanges": ["a lot"]}), "incomeRanges"),
            (json!({"voterStatus": ["First Time"], "audienceSuperVoters": true}), "voterStatus"),
            (json!({"audienceFirstTimeVoters": true}), "audienceFirstTimeVoters"),
        ] {
            let saved = app.user(7).post(FILTER, filter.clone()).await;
            let problem = &saved.json()["problem"];
            assert_eq!(problem["unknownValues"][0]["member"], member, "{filter}: {}", saved.json());
            assert_eq!((&problem["code"], &problem["usable"]), (&json!("unknown-values"), &json!(false)));
            let id = &saved.json()["id"];
            let count = app.user(7).post(COUNT, filter.clone()).await;
            for answer in [
                get(&app, &format!("{CONTACTS}?segment={id}")).await,
                get(&app, &format!("{DOWNLOAD}?segment={id}")).await,
                count,
            ] {
                let error = answer.error();
                assert_eq!((&error["statusCode"], &error["code"]), (&json!(400), &json!("invalid-filter")));
                assert_eq!(error["errors"][0]["path"], json!([member]), "{filter}: {error}");
            }
        }
        assert!(people_requests(&app).is_empty(), "without the group, all voters would be selected");
    }

    async fn values_that_the_file_has_no_more_are_named_and_the_others_select(app) {
        candidate(&app);
        pay(&app);
        let filter = json!({"audienceFirstTimeVoters": true, "audienceSuperVoters": true, "name": "Often"});
        let saved = app.user(7).post(FILTER, filter.clone()).await.json();
        assert_eq!(saved["problem"], json!({
            "code": "unknown-values", "usable": true,
            "unknownValues": [{"member": "audienceFirstTimeVoters", "value": "First Time"}],
        }));
        let listed = app.user(7).get("/v1/voters/voter-file/filters").await.json();
        assert_eq!(listed[0]["problem"], saved["problem"]);
        let page = get(&app, &format!("{CONTACTS}?segment={}", saved["id"])).await;
        assert_eq!(people_requests(&app)[0]["filters"], json!({"voterStatus": {"eq": "Super"}}));
        let counted = app.user(7).post(COUNT, filter).await;
        assert_eq!(counted.json()["count"], page.json()["pagination"]["totalResults"], "{}", counted.json());
        let plain = app.user(7).post(FILTER, json!({"audienceSuperVoters": true})).await;
        assert_eq!(plain.json().get("problem"), None);
    }

    async fn counting_is_for_those_who_pay(app) {
        candidate(&app);
        app.user(7).post(COUNT, json!({})).await
            .assert_error(400, "Bad Request", "pro-required", "Campaign is not pro");
        pay(&app);
        assert_eq!(app.user(7).post(COUNT, json!({})).await.json(), json!({"count": 1250}));
    }

    async fn a_segment_that_is_not_theirs_is_not_found_and_nothing_is_fetched(app) {
        candidate(&app);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &mayor(), Some(&of_district("City", "TECUMSEH CITY")));
        pay(&app);
        let own = save(&app.user(7), json!({})).await;
        let foreign = save(&app.user(8), json!({})).await;
        let deleted = save(&app.user(7), json!({})).await;
        app.user(7).delete(&format!("{FILTER}/{deleted}")).await;
        for segment in [
            &foreign, &deleted, "999999", "99999999999", "12abc", "abc", "Texting", "0", "-1",
            &format!("%20{own}"), &format!("{own}.0"), &format!("0{own}"), &format!("{own}%0A"), "%D9%A1",
        ] {
            for route in [CONTACTS, DOWNLOAD] {
                get(&app, &format!("{route}?segment={segment}")).await.assert_error(
                    404, "Not Found", "not-found", "Voter file filter not found");
            }
        }
        let twice = get(&app, &format!("{CONTACTS}?segment={own}&segment={own}")).await;
        assert_eq!(twice.status, 400);
        assert!(people_requests(&app).is_empty());
        assert_eq!(get(&app, &format!("{CONTACTS}?segment={own}")).await.status, 200);
    }

    async fn counts_are_the_five_of_the_contract_as_bare_lists(app) {
        candidate(&app);
        app.people.set_future(true);
        let stats = get(&app, STATS).await.json();
        assert_eq!(stats["districtId"], TECUMSEH);
        assert_eq!(stats["totalConstituents"], 1250);
        assert!(stats["updatedAt"].is_string());
        let buckets: Vec<_> = stats["buckets"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(buckets, ["age", "education", "estimatedIncomeRange", "homeowner", "presenceOfChildren"]);
        let first = stats["buckets"]["age"][0].as_object().unwrap();
        assert_eq!(first.keys().collect::<Vec<_>>(), ["count", "label", "percent"]);
    }

    async fn a_file_has_the_columns_of_the_voter_file_and_the_headers_of_one(app) {
        candidate(&app);
        pay(&app);
        app.people.set_future(true);
        let file = get(&app, DOWNLOAD).await;
        assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
        assert!(file.body.starts_with("\u{FEFF}id,".as_bytes()), "spreadsheets need the byte order mark");
        assert_eq!(file.headers["content-disposition"], "attachment; filename=\"contacts.csv\"");
        assert!(file.headers["set-cookie"].to_str().unwrap().starts_with("gp_download=1; "));
        assert!(!file.headers.contains_key("content-length"));
        let lines = lines(&file);
        assert_eq!(lines.len(), 1 + 1250);
        assert_eq!(lines[0].split(',').count(), 67, "{}", lines[0]);
        for column in ["Parties_Description", "Primary_2024", "electionLocation"] {
            assert!(lines[0].split(',').any(|name| name == column), "{column}");
        }
    }

    async fn a_file_without_rows_has_a_header(app) {
        candidate_in(&app, &json!({"state": "WY", "ballotLevel": "STATE"}), &of_district("State_House_District", "041"));
        pay(&app);
        let lines = lines(&get(&app, DOWNLOAD).await);
        assert_eq!((lines.len(), lines[0].split(',').count()), (1, 67));
    }

    async fn what_people_api_says_when_it_fails_stays_with_us(app) {
        candidate(&app);
        pay(&app);
        let id = people(&get(&app, CONTACTS).await)[0]["id"].as_str().unwrap().to_owned();
        let faults = [
            Fault::Down,
            Fault::Status { status: 500, message: "column Parties_Description".to_owned() },
            Fault::Status { status: 400, message: "politicalParty".to_owned() },
            Fault::Garbage,
            Fault::Truncated,
            Fault::Text { status: 404, body: "Cannot POST".to_owned() },
        ];
        for fault in faults {
            for (call, path, message) in [
                (PeopleCall::List, CONTACTS.to_owned(), "Failed to fetch from people API"),
                (PeopleCall::Person, format!("{CONTACTS}/{id}"), "Failed to fetch person from people API"),
                (PeopleCall::Statistics, STATS.to_owned(), "Failed to fetch stats from people API"),
            ] {
                app.people.fail_always(call, fault.clone());
                get(&app, &path).await.assert_error(502, "Bad Gateway", "upstream-failed", message);
                app.people.heal();
                // So that consecutive failures do not trigger a pause of people-api.
                let healed = get(&app, &path).await;
                assert_eq!(healed.status, 200, "{path} after {fault:?}: {}", healed.json());
            }
        }
        for fault in [Fault::Down, Fault::Status { status: 500, message: "x".to_owned() }] {
            app.people.fail_always(PeopleCall::Download, fault);
            get(&app, DOWNLOAD).await.assert_error(
                502, "Bad Gateway", "upstream-failed", "Failed to download contacts from people API");
            app.people.heal();
        }
    }

    async fn one_failure_is_asked_again(app) {
        candidate(&app);
        pay(&app);
        for (call, path) in
            [(PeopleCall::List, CONTACTS), (PeopleCall::Statistics, STATS), (PeopleCall::Download, DOWNLOAD)]
        {
            for status in [500, 401] {
                app.people.fail(call, Fault::Status { status, message: "x".to_owned() }, 1);
                assert_eq!(get(&app, path).await.status, 200, "{path} after {status}");
            }
        }
    }

    async fn statistics_that_were_never_computed_are_not_found(app) {
        let goals = of_district("School_District", "LARAMIE COUNTY SCHOOL DIST 1");
        candidate_in(&app, &json!({"state": "WY"}), &goals);
        get(&app, STATS).await.assert_error(404, "Not Found", "no-statistics", "Statistics are not computed yet");
    }

    async fn a_district_without_an_id_is_looked_up_once_and_remembered(app) {
        candidate(&app);
        if app.database.phase().has_tables() {
            app.database.execute_unmapped(
                "UPDATE campaign SET l2_district_id = NULL; UPDATE ballot_position SET l2_district_id = NULL");
        }
        let before = app.election.count(Call::DistrictsList);
        assert_eq!(get(&app, CONTACTS).await.status, 200);
        assert_eq!(app.election.count(Call::DistrictsList), before + 1);
        if app.database.phase().has_tables() {
            let stored = app.database.row(
                "SELECT coalesce(campaign.l2_district_id, ballot_position.l2_district_id) AS id FROM campaign
                 LEFT JOIN ballot_position ON ballot_position.id = position_id");
            // The old service wrote the campaign, so the tables have no district yet.
            if app.database.phase().reads_tables() {
                assert_eq!(stored["id"], TECUMSEH);
                let app = app.restarted().await;
                assert_eq!(get(&app, CONTACTS).await.status, 200);
                assert_eq!(app.election.count(Call::DistrictsList), 0);
            }
        }
    }

    async fn a_district_under_another_spelling_is_found(app) {
        candidate_in(&app, &json!({"state": "FL"}), &of_district("City", "FL##GULFPORT CITY##"));
        let page = get(&app, CONTACTS).await;
        assert_eq!(page.json()["pagination"]["totalResults"], 6100, "{}", page.json());
    }

    async fn without_a_district_that_is_known_there_are_no_contacts(app) {
        candidate_in(&app, &json!({"state": "MI", "ballotLevel": "CITY"}), &of_district("City", "ATLANTIS"));
        pay(&app);
        for route in ROUTES {
            let answer = get(&app, route).await;
            assert_eq!(answer.error(), json!({
                "statusCode": 400, "error": "Bad Request", "code": "district-unresolved",
                "message": "Campaign path to victory data is missing required election information",
                "errorCode": "DATA_INTEGRITY_P2V_ELECTION_INFO_MISSING",
            }), "{route}");
        }
        assert!(people_requests(&app).is_empty());
    }

    async fn without_a_state_there_are_no_contacts(app) {
        candidate_in(&app, &json!({"state": "Michigan"}), &of_district("City", "TECUMSEH CITY"));
        for route in [CONTACTS, STATS] {
            let answer = get(&app, route).await.error();
            assert_eq!(answer["errorCode"], "DATA_INTEGRITY_CAMPAIGN_STATE_INVALID");
            assert_eq!(answer["message"], "Invalid state code in campaign data");
        }
    }

    async fn without_election_api_a_district_that_is_not_known_cannot_be_looked_up(app) {
        candidate_in(&app, &json!({"state": "MI"}), &of_district("City", "ADRIAN CITY"));
        if app.database.phase().has_tables() {
            app.database.execute_unmapped(
                "UPDATE campaign SET l2_district_id = NULL; UPDATE ballot_position SET l2_district_id = NULL");
        }
        app.election.fail_always(Call::DistrictsList, Fault::Down);
        get(&app, CONTACTS).await.assert_error(
            502, "Bad Gateway", "upstream-failed", "The voter district could not be looked up");
    }

    async fn a_whole_state_requires_a_state_office_and_an_approval(app) {
        let details = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Governor",
            "state": "WY", "ballotLevel": "STATE"});
        candidate_in(&app, &details, &of_district("State", "WY"));
        let refused = "Statewide or federal contacts require admin approval";
        for route in [CONTACTS, STATS] {
            get(&app, route).await.assert_error(400, "Bad Request", "approval-required", refused);
        }
        app.database.execute_unmapped("UPDATE campaign SET can_download_federal = true");
        let page = get(&app, CONTACTS).await;
        assert_eq!(page.json()["pagination"]["totalResults"], 270_000, "{}", page.json());
        get(&app, STATS).await.assert_error(400, "Bad Request", "district-unresolved",
            "Could not resolve state, district type, and district name");
    }

    async fn without_a_district_an_approved_office_of_the_state_reaches_all_of_it(app) {
        candidate_in(&app, &json!({"state": "WY", "ballotLevel": "STATE", "positionId": MAYOR,
            "office": "Other", "otherOffice": "Governor"}), &json!({}));
        assert_eq!(get(&app, CONTACTS).await.error()["errorCode"], "DATA_INTEGRITY_P2V_ELECTION_INFO_MISSING");
        app.database.execute_unmapped("UPDATE campaign SET can_download_federal = true");
        let page = get(&app, CONTACTS).await;
        assert_eq!(page.json()["pagination"]["totalResults"], 270_000, "{}", page.json());
    }

    async fn a_user_without_a_campaign_has_no_contacts(app) {
        fixtures::user(&app.database, 7, "candidate");
        for route in ROUTES {
            get(&app, route).await.assert_error(404, "Not Found", "no-organization", "Not Found");
        }
    }
}

#[actix_web::test]
async fn an_official_without_any_campaign_has_the_contacts_of_the_office() {
    {
        let app = TestApp::new(Phase::Three).await;
        fixtures::user(&app.database, 7, "candidate");
        let office = json!({"positionId": MAYOR, "electedDate": "2024-11-05"});
        assert_eq!(app.user(7).post("/v1/elected-office", office).await.status, 201);
        let page = get(&app, "/v1/contacts?search=Young").await;
        let people = people(&page);
        assert!(!people.is_empty() && people[0].get("politicalParty").is_none());
        assert_eq!(people[0].as_object().unwrap().len(), 23);
        assert_eq!(get(&app, STATS).await.json()["totalConstituents"], 1250);
        let file = lines(&get(&app, DOWNLOAD).await);
        assert_eq!(file.len(), 1 + 1250);
        assert!(!file[0].contains("Part") && !file[0].contains("Primary"), "{}", file[0]);
        let id = people[0]["id"].as_str().unwrap();
        assert_eq!(get(&app, &format!("{CONTACTS}/{id}")).await.json(), people[0]);
        assert_eq!(get(&app, "/v1/contacts?segment=1").await.status, 404);
    }
}

#[actix_web::test]
async fn the_district_is_the_organizations_not_the_users() {
    for phase in [Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        candidate(&app);
        let won = json!({"electedDate": "2024-11-05"});
        let office = app.user(7).post("/v1/elected-office", won).await.json();
        let office = office["organizationId"].as_str().unwrap().to_owned();
        let client = app.user(7);
        let path = format!("/v1/organizations/{office}");
        let moved =
            client.request(reqwest::Method::PATCH, &path).json(&json!({"positionId": COUNCIL}));
        assert_eq!(client.send(moved).await.status, 200);
        let total = async |organization: String| {
            let page = app.user(7).naming(organization).get(CONTACTS).await.json();
            page["pagination"]["totalResults"].clone()
        };
        assert_eq!(total(office.clone()).await, 620);
        let campaign = app.organization_of(11);
        assert_eq!(total(campaign.as_str().unwrap().to_owned()).await, 1250);
        // An override wins over the position's district.
        app.database.execute_unmapped(
            "UPDATE elected_office SET l2_district_type = 'City', l2_district_name = 'CHEYENNE CITY',
                 l2_district_id = NULL",
        );
        assert_eq!(total(office).await, 10_000);
        let stored = app.database.row("SELECT l2_district_id FROM elected_office");
        assert!(stored["l2_district_id"].is_string(), "{stored}");
    }
}

/// In one phase only: people-api does not depend on the phase.
async fn one() -> TestApp {
    let app = TestApp::new(Phase::Two).await;
    candidate(&app);
    pay(&app);
    app
}

/// A campaign with exactly this district in Wyoming or Michigan.
async fn with_district(state: &str, kind: &str, name: &str) -> TestApp {
    let app = TestApp::new(Phase::Two).await;
    candidate_in(&app, &json!({"state": state}), &of_district(kind, name));
    pay(&app);
    app
}

/// The file, or the error of an aborted connection.
async fn download(app: &TestApp) -> Result<Vec<u8>, reqwest::Error> {
    let client = app.user(7);
    let response = client.request(reqwest::Method::GET, DOWNLOAD).send().await.unwrap();
    assert_eq!(response.status(), 200);
    Ok(response.bytes().await?.to_vec())
}

#[actix_web::test]
async fn a_file_that_people_api_ends_too_early_is_broken_off_not_ended() {
    if ran_alone() {
        return;
    }
    for (kind, name, pages) in
        [("City", "CHEYENNE CITY", 1), ("City", "CHEYENNE CITY", 0), ("County", "LARAMIE", 3)]
    {
        let app = with_district("WY", kind, name).await;
        assert_eq!(app.user(7).get(CONTACTS).await.status, 200);
        app.people.fail(PeopleCall::Download, CsvFault::EndEarly { pages }, 1);
        let before = ended(&app, "truncated").await;
        assert!(download(&app).await.is_err(), "{name} after {pages} pages");
        assert_eq!(ended(&app, "truncated").await, before + 1);
    }
}

/// How many downloads of this process ended this way.
async fn ended(app: &TestApp, outcome: &str) -> u64 {
    let metrics = String::from_utf8(app.anonymous().get("/metrics").await.body).unwrap();
    let name = format!("contact_downloads_total{{outcome=\"{outcome}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    value.unwrap_or_default()
}

/// A filter that matches none of Tecumseh's 1,250 voters.
fn filter_without_matches() -> Value {
    json!({"name": "Nobody", "voterStatus": ["Super"], "ageUnknown": true, "incomeUnknown": true,
           "genderUnknown": true, "maritalUnknown": true, "educationUnknown": true, "ethnicityUnknown": true,
           "languageCodes": ["es"]})
}

#[actix_web::test]
async fn a_filtered_file_is_compared_with_the_count_of_its_filter() {
    let app = one().await;
    let id = save(&app.user(7), filter_without_matches()).await;
    let file = get(&app, &format!("{DOWNLOAD}?segment={id}")).await;
    assert_eq!(lines(&file).len(), 1);
    let women = save(&app.user(7), json!({"genderFemale": true})).await;
    app.people.fail(PeopleCall::Download, CsvFault::EndEarly { pages: 0 }, 1);
    let client = app.user(7);
    let path = format!("{DOWNLOAD}?segment={women}");
    let response = client.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert!(response.bytes().await.is_err());
}

#[actix_web::test]
async fn asking_for_the_head_of_a_file_reads_none() {
    let app = one().await;
    let client = app.user(7);
    let head = client.send(client.request(reqwest::Method::HEAD, DOWNLOAD)).await;
    assert_eq!(
        (head.status.as_u16(), &head.headers["content-type"]),
        (200, &"text/csv; charset=utf-8".parse().unwrap())
    );
    assert_eq!(app.people.count(PeopleCall::Download), 0);
}

#[actix_web::test]
async fn clients_that_go_away_before_the_first_byte_leave_their_turns_to_others() {
    let app = one().await;
    // Eight more users, each with a limit of three downloads.
    app.database.execute(
        r#"INSERT INTO "user" (id, updated_at, email, roles)
               SELECT id, '2026-01-02', 'user' || id || '@example.org', '{candidate}'
               FROM generate_series(20, 27) AS id;
           INSERT INTO campaign (id, updated_at, slug, user_id, details, is_pro)
               SELECT owner, '2026-01-02', 'slug-' || owner, owner, details, true
               FROM campaign, generate_series(20, 27) AS owner WHERE campaign.id = 11;
           INSERT INTO path_to_victory (id, updated_at, campaign_id, data)
               SELECT owner, '2026-01-02', owner, data
               FROM path_to_victory, generate_series(20, 27) AS owner WHERE campaign_id = 11"#,
    );
    app.people.fail(PeopleCall::Download, Fault::Hang { ms: 600_000 }, 24);
    let waiting: Vec<_> = (0..24)
        .map(|number| {
            let request = app.user(20 + number % 8).request(reqwest::Method::GET, DOWNLOAD);
            actix_web::rt::spawn(request.send())
        })
        .collect();
    let deadline = Instant::now() + Duration::from_mins(1);
    while app.people.count(PeopleCall::Download) < 24 {
        assert!(Instant::now() < deadline, "not every download has started");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    for one in waiting {
        one.abort();
    }
    assert_eq!(get(&app, DOWNLOAD).await.status, 200);
}

#[actix_web::test]
async fn a_district_that_is_changed_while_it_is_looked_up_does_not_get_the_other_ones_id() {
    let app = one().await;
    let unknown =
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY',
        l2_district_id = NULL";
    app.database.execute_unmapped(unknown);
    app.election.fail(Call::DistrictsList, Fault::Hang { ms: 500 }, 1);
    let before = app.election.count(Call::DistrictsList);
    let asking = actix_web::rt::spawn(app.user(7).request(reqwest::Method::GET, CONTACTS).send());
    eventually("election-api is asked", || app.election.count(Call::DistrictsList) > before).await;
    app.database.execute_unmapped("UPDATE campaign SET l2_district_name = 'ADRIAN CITY'");
    assert_eq!(asking.await.unwrap().unwrap().status(), 200);
    assert!(app.database.row("SELECT l2_district_id FROM campaign")["l2_district_id"].is_null());
}

#[actix_web::test]
async fn the_id_of_a_namesake_in_another_state_is_never_noted_with_a_shared_position() {
    let app = TestApp::new(Phase::One).await;
    let details = json!({"positionId": MAYOR, "office": "Other", "state": "FL"});
    candidate_in(&app, &details, &of_district("City", "GULFPORT CITY (EST.)"));
    app.database.execute_unmapped(&format!(
        "INSERT INTO ballot_position (id, source, state, l2_district_type, l2_district_name)
             VALUES ('{MAYOR}', 'ballot_ready', 'MI', 'City', 'GULFPORT CITY (EST.)');
         UPDATE campaign SET position_id = '{MAYOR}'",
    ));
    app.database.expect_damage();
    assert_eq!(get(&app, CONTACTS).await.json()["pagination"]["totalResults"], 6100);
    let shared = format!("SELECT l2_district_id AS id FROM ballot_position WHERE id = '{MAYOR}'");
    assert!(app.database.row(&shared)["id"].is_null());
}

#[actix_web::test]
async fn a_state_office_needs_its_own_approval() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let office = json!({"positionId": MAYOR, "electedDate": "2024-11-05"});
    assert_eq!(app.user(7).post("/v1/elected-office", office).await.status, 201);
    app.database.execute_unmapped(
        "UPDATE elected_office SET l2_district_type = 'State', l2_district_name = 'MICHIGAN';
         UPDATE ballot_position SET ballot_level = 'STATE'",
    );
    let refused = get(&app, CONTACTS).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (400, &json!("approval-required"))
    );
    app.database.execute_unmapped("UPDATE elected_office SET can_download_federal = true");
    assert_eq!(get(&app, CONTACTS).await.json()["pagination"]["totalResults"], 1_200_000);
}

#[actix_web::test]
async fn a_file_of_full_pages_is_complete_if_a_count_says_so() {
    for (state, kind, name, rows) in [
        ("WY", "City", "CHEYENNE CITY", 10_000),
        ("MI", "School_District", "TECUMSEH PUBLIC SCHOOLS", 5_000),
        ("MI", "Township", "RAISIN TOWNSHIP", 3_900),
    ] {
        let app = with_district(state, kind, name).await;
        let file = download(&app).await.unwrap();
        assert_eq!(self::rows(&file).len(), rows + 1, "{name}");
    }
}

#[actix_web::test]
async fn a_file_whose_count_cannot_be_had_is_broken_off() {
    let app = with_district("WY", "City", "CHEYENNE CITY").await;
    assert_eq!(app.user(7).get(CONTACTS).await.status, 200);
    app.people.fail_always(PeopleCall::List, Fault::Down);
    assert!(download(&app).await.is_err());
}

#[actix_web::test]
async fn a_file_whose_connection_breaks_is_broken_off() {
    let app = with_district("WY", "City", "CHEYENNE CITY").await;
    app.people.fail(PeopleCall::Download, CsvFault::Reset { rows: 2_345 }, 1);
    assert!(download(&app).await.is_err());
}

#[actix_web::test]
async fn the_first_rows_are_sent_while_people_api_still_pauses() {
    let app = with_district("WY", "City", "CHEYENNE CITY").await;
    app.people.fail(PeopleCall::Download, CsvFault::Pause { rows: 100, ms: 600_000 }, 1);
    let request = app.user(7).request(reqwest::Method::GET, DOWNLOAD);
    let mut response = request.send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.starts_with("\u{FEFF}id,".as_bytes()));
}

/// Waits until people-api has no running download, at most a second.
async fn closes(app: &TestApp) -> bool {
    for _ in 0..100 {
        if app.people.streams().open == 0 {
            return true;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[actix_web::test]
async fn a_client_that_goes_away_ends_people_apis_work() {
    let app = with_district("MI", "State_Senate_District", "017").await;
    let request = app.user(7).request(reqwest::Method::GET, DOWNLOAD);
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    assert_eq!(app.people.streams().open, 1);
    drop(response);
    assert!(closes(&app).await);
}

#[actix_web::test]
async fn a_client_that_goes_away_is_noticed_while_people_api_pauses() {
    if ran_alone() {
        return;
    }
    let app = with_district("MI", "State_Senate_District", "017").await;
    // No more data arrives, so no write could notice the disconnect.
    let pause = CsvFault::Pause { rows: 100, ms: 600_000 };
    app.people.fail(PeopleCall::Download, pause, 1);
    let before = ended(&app, "abandoned").await;
    let request = app.user(7).request(reqwest::Method::GET, DOWNLOAD);
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    drop(response);
    for _ in 0..100 {
        if ended(&app, "abandoned").await > before {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the file did not arrive");
}

#[actix_web::test]
async fn a_client_that_reads_nothing_stops_people_api_from_computing() {
    let app = with_district("MI", "US_Congressional_District", "05").await;
    let request = app.user(7).request(reqwest::Method::GET, DOWNLOAD);
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    // 390,000 rows are more than all buffers on the way can hold.
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(app.people.streams().open, 1);
    drop(response);
    assert!(closes(&app).await);
    assert!(app.people.streams().last_rows < 200_000, "{:?}", app.people.streams());
}

#[actix_web::test]
async fn a_user_downloads_three_files_at_once_and_leaves_the_others_theirs() {
    let app = with_district("WY", "City", "CHEYENNE CITY").await;
    fixtures::user(&app.database, 8, "candidate");
    let district = of_district("City", "CHEYENNE CITY");
    fixtures::campaign(&app.database, 12, 8, &json!({"state": "WY"}), Some(&district));
    pay(&app);
    let pause = CsvFault::Pause { rows: 100, ms: 600_000 };
    app.people.fail(PeopleCall::Download, pause, 3);
    let mut running = Vec::new();
    for _ in 0..3 {
        let request = app.user(7).request(reqwest::Method::GET, DOWNLOAD);
        let mut response = request.send().await.unwrap();
        response.chunk().await.unwrap().unwrap();
        running.push(response);
    }
    let refused = get(&app, DOWNLOAD).await;
    assert_eq!(refused.headers["retry-after"], "2");
    refused.assert_error(
        429,
        "Too Many Requests",
        "too-many-downloads",
        "You are already downloading 3 files: wait for one to finish, then try again",
    );
    // A request that is invalid anyway is refused before the download limit.
    let unknown = get(&app, &format!("{DOWNLOAD}?segment=nonsense")).await;
    assert_eq!(unknown.status, 404);
    app.database.execute("UPDATE campaign SET is_pro = false WHERE user_id = 7");
    assert_eq!(get(&app, DOWNLOAD).await.error()["code"], "pro-required");
    pay(&app);
    assert_eq!(app.user(8).get(DOWNLOAD).await.status, 200);
    drop(running.pop());
    let mut status = 429;
    for _ in 0..1000 {
        status = get(&app, DOWNLOAD).await.status.as_u16();
        if status == 200 {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(status, 200, "a finished download frees its place");
}

#[actix_web::test]
async fn people_api_is_left_alone_after_five_outages_in_a_row() {
    let app = one().await;
    app.people.fail_always(PeopleCall::List, Fault::Down);
    for _ in 0..5 {
        assert_eq!(app.user(7).get(CONTACTS).await.status, 502);
    }
    let calls = app.people.count(PeopleCall::List);
    app.user(7).get(CONTACTS).await.assert_error(
        502,
        "Bad Gateway",
        "upstream-failed",
        "Failed to fetch from people API",
    );
    assert_eq!(app.people.count(PeopleCall::List), calls);
}

#[actix_web::test]
async fn the_token_is_one_of_the_old_service_and_used_again() {
    let app = one().await;
    for _ in 0..2 {
        assert_eq!(app.user(7).get(CONTACTS).await.status, 200);
    }
    let tokens: Vec<_> =
        app.people.requests().into_iter().map(|request| request.authorization.unwrap()).collect();
    assert_eq!(tokens[0], tokens[1]);
    let token = tokens[0].strip_prefix("Bearer ").unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_secret(app.people.secret().as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims;
    let iat = 1_772_022_896;
    assert_eq!(claims, json!({"iss": "gp-api", "iat": iat, "exp": iat + 300}));
}
