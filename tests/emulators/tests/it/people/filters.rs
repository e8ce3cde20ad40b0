//! Filters and search.

use serde_json::{Value, json};

use super::support::*;

type Predicate = fn(&Value) -> bool;

/// Filters, and their meaning in a person's members.
fn meanings() -> Vec<(Value, Predicate)> {
    vec![
        (json!({"hasCellPhone": true}), |person| person["cellPhone"].is_string()),
        (json!({"hasCellPhone": false}), |person| person["cellPhone"].is_null()),
        (json!({"hasLandline": true}), |person| person["landline"].is_string()),
        (json!({"gender": {"eq": "M"}}), |person| person["gender"] == "Male"),
        (json!({"gender": {"in": ["F", "Unknown"]}}), |person| person["gender"] != "Male"),
        (json!({"gender": {"is": "null"}}), |person| person["gender"].is_null()),
        (json!({"gender": {"is": "not_null"}}), |person| person["gender"].is_string()),
        (json!({"voterStatus": {"eq": "First Time"}}), |person| {
            person["voterStatus"] == "First Time"
        }),
        (json!({"maritalStatus": {"eq": "Inferred Married"}}), |person| {
            person["maritalStatus"] == "Likely Married"
        }),
        (json!({"maritalStatus": {"in": ["Single", "Unknown"]}}), |person| {
            person["maritalStatus"] == "Single" || person["maritalStatus"].is_null()
        }),
        (json!({"veteranStatus": {"eq": "Yes"}}), |person| person["veteranStatus"] == "Yes"),
        (json!({"veteranStatus": {"eq": "Unknown"}}), |person| person["veteranStatus"].is_null()),
        (json!({"businessOwner": {"eq": "Yes"}}), |person| person["businessOwner"] == "Yes"),
        (json!({"businessOwner": {"in": ["Yes", "Unknown"]}}), |_| true),
        (json!({"educationLevel": {"in": ["None", "Graduate Degree"]}}), |person| {
            ["None", "Graduate Degree"].map(Value::from).contains(&person["levelOfEducation"])
        }),
        (json!({"ethnicity": {"eq": "African American"}}), |person| {
            person["ethnicityGroup"] == "African American"
        }),
        (json!({"presenceOfChildren": {"eq": "No"}}), |person| {
            person["hasChildrenUnder18"] == "No"
        }),
        (json!({"homeowner": {"eq": "Likely"}}), |person| person["homeowner"] == "Likely"),
        (json!({"homeowner": {"eq": "Unknown"}}), |person| person["homeowner"].is_null()),
        (json!({"language": {"eq": "Spanish"}}), |person| person["language"] == "Spanish"),
        (json!({"language": {"in": ["English", "Other"]}}), |person| {
            person["language"] != "Spanish"
        }),
        (json!({"estimatedIncomeAmountInt": {"gte": 25_000, "lte": 34_999}}), |person| {
            person["estimatedIncomeAmount"]
                .as_u64()
                .is_some_and(|it| (25_000..=34_999).contains(&it))
        }),
        (json!({"estimatedIncomeAmountInt": {"is": "null"}}), |person| {
            person["estimatedIncomeAmount"].is_null()
        }),
        (
            json!({"estimatedIncomeAmountInt": {
                "_or": [{"lte": 24_999}, {"gte": 200_000}], "_includeNull": true,
            }}),
            |person| {
                let income = person["estimatedIncomeAmount"].as_u64();
                income.is_none_or(|it| !(25_000..200_000).contains(&it))
            },
        ),
        // If there are several operators, the list wins.
        (json!({"estimatedIncomeAmountInt": {"in": [30_000, "40000"], "gte": 1}}), |person| {
            [30_000, 40_000].map(Value::from).contains(&person["estimatedIncomeAmount"])
        }),
        (json!({"estimatedIncomeAmountInt": {"_or": []}}), |_| true),
        (json!({"gender": {"eq": "F"}, "hasCellPhone": true, "hasLandline": true}), |person| {
            let has = |name: &str| person[name].is_string();
            person["gender"] == "Female" && has("cellPhone") && has("landline")
        }),
        // An unknown name is dropped, which widens the selection.
        (json!({"gendr": {"eq": "F"}, "politicalparty": 7}), |_| true),
    ]
}

#[tokio::test]
async fn filters_mean_what_the_voter_file_says() {
    let client = start();
    let everybody = client.people(CHEYENNE, json!({"resultsPerPage": 10_000})).await;
    for (filters, is_meant) in meanings() {
        let list = client.list(CHEYENNE, json!({"filters": filters, "resultsPerPage": 300})).await;
        let meant: Vec<&Value> = everybody.iter().filter(|person| is_meant(person)).collect();
        assert!(meant.len() > 20, "{filters} says nothing");
        assert_eq!(list["pagination"]["totalResults"], meant.len(), "{filters}");
        let people = list["people"].as_array().unwrap();
        assert!(people.iter().eq(meant.into_iter().take(300)), "{filters}");
    }
}

#[tokio::test]
async fn pages_of_a_filter_join_to_the_whole() {
    let client = start();
    let everybody = client.people(ADRIAN, json!({"resultsPerPage": 7_200})).await;
    let meant = everybody.into_iter().filter(|person| person["gender"] == "Female");
    let mut pages = Vec::new();
    for page in 1.. {
        let more = json!({"filters": {"gender": {"eq": "F"}}, "page": page, "resultsPerPage": 333});
        let list = client.list(ADRIAN, more).await;
        pages.extend(list["people"].as_array().unwrap().clone());
        if list["pagination"]["hasNextPage"] == false {
            break;
        }
    }
    assert!(pages.into_iter().eq(meant));
}

#[tokio::test]
async fn the_party_filter_compares_one_exact_text_and_the_age_filter_one_column() {
    let client = start();
    let file = records(&client.csv(CHEYENNE, json!({})).await);
    let place = |name: &str| file[0].iter().position(|column| column == name).unwrap();
    let (party, age) = (place("Parties_Description"), place("Age_Int"));
    let count = |wanted: &dyn Fn(&[String]) -> bool| {
        u64::try_from(file[1..].iter().filter(|row| wanted(row)).count()).unwrap()
    };
    for (value, text) in [
        ("Independent", "Non-Partisan"),
        ("Democratic", "Democratic"),
        ("Republican", "Republican"),
        ("Unknown", "Unknown"),
    ] {
        let total = client.total(CHEYENNE, json!({"politicalParty": {"eq": value}})).await;
        assert_eq!(total, count(&|row| row[party] == text), "{value}");
    }
    let any = json!({"politicalParty": {"in": ["Independent", "Democratic"]}});
    let total = client.total(CHEYENNE, any).await;
    assert_eq!(total, count(&|row| ["Non-Partisan", "Democratic"].contains(&&*row[party])));
    let total = client.total(CHEYENNE, json!({"ageInt": {"gte": 18, "lte": 35}})).await;
    assert_eq!(total, count(&|row| row[age].parse().is_ok_and(|age: u8| age <= 35)));
    let total = client.total(CHEYENNE, json!({"ageInt": {"is": "null"}})).await;
    assert_eq!(total, count(&|row| row[age].is_empty()));
}

#[tokio::test]
async fn what_is_wrong_with_a_known_filter_is_refused() {
    let client = start();
    for filters in [
        json!([]),
        json!({"hasCellPhone": "true"}),
        json!({"gender": "M"}),
        json!({"gender": {}}),
        json!({"gender": {"eq": "Male"}}),
        json!({"gender": {"eq": "m"}}),
        json!({"gender": {"in": []}}),
        json!({"gender": {"eq": "M", "in": ["M"]}}),
        json!({"gender": {"is": "empty"}}),
        json!({"politicalParty": {"eq": "Green"}}),
        json!({"ageInt": {}}),
        json!({"ageInt": {"in": []}}),
        json!({"ageInt": {"gte": "old"}}),
        json!({"ageInt": {"_includeNull": true}}),
        json!({"ageInt": {"gte": 18, "_includeNull": "true"}}),
    ] {
        for path in ["/v1/people", "/v1/people/download"] {
            let body = with(TECUMSEH, json!({"filters": filters}));
            let (status, answer) = client.post(path, body).await;
            assert_eq!((status, &answer["statusCode"]), (400, &json!(400)), "{filters}");
            assert_eq!(answer["errors"][0]["path"][0], "filters", "{answer}");
        }
    }
    for body in [json!({}), json!({"districtId": 7}), json!({"districtId": "17"}), json!([])] {
        assert_eq!(client.post("/v1/people", body.clone()).await.0, 400, "{body}");
    }
    let body = with(TECUMSEH, json!({"page": "first"}));
    assert_eq!(client.post("/v1/people", body).await.0, 400);
}

#[tokio::test]
async fn search_is_exact_and_by_case_and_looks_at_two_words() {
    let client = start();
    let everybody = client.people(CHEYENNE, json!({"resultsPerPage": 10_000})).await;
    let person = everybody.iter().find(|person| person["middleName"].is_string()).unwrap();
    let [first, last] = ["firstName", "lastName"].map(|name| person[name].as_str().unwrap());
    let both = format!("{first} {last}");
    let count = |is_meant: &dyn Fn(&Value) -> bool| {
        everybody.iter().filter(|person| is_meant(person)).count()
    };
    let either = count(&|person| person["firstName"] == last || person["lastName"] == last);
    let exactly = count(&|person| person["firstName"] == first && person["lastName"] == last);
    let women = count(&|person| {
        person["gender"] == "Female" && (person["firstName"] == last || person["lastName"] == last)
    });
    let found = async |search: &str, filters: Value| {
        let found = client.list(CHEYENNE, json!({"search": search, "filters": filters})).await;
        usize::try_from(found["pagination"]["totalResults"].as_u64().unwrap()).unwrap()
    };
    let none = json!({});
    assert!(either > exactly && exactly > 0);
    assert_eq!(found(last, none.clone()).await, either);
    assert_eq!(found(&format!("  {last} "), none.clone()).await, either);
    assert_eq!(found(last, json!({"gender": {"eq": "F"}})).await, women);
    assert_eq!(found(&both, none.clone()).await, exactly);
    assert_eq!(
        found(&format!("{both} Junior"), none.clone()).await,
        exactly,
        "only the first two words are used"
    );
    assert_eq!(found(&format!("{last} {first}"), none.clone()).await, 0, "only in this order");
    assert_eq!(found(&last.to_lowercase(), none.clone()).await, 0);
    assert_eq!(found(last.split_at(3).0, none.clone()).await, 0);
    assert_eq!(found(" ", none.clone()).await, 10_000);
    let (status, _) = client.post("/v1/people", with(CHEYENNE, json!({"search": 7}))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn search_by_telephone_finds_the_cell_phone_and_the_landline_in_the_district() {
    let client = start();
    let everybody = client.people(ADRIAN, json!({"resultsPerPage": 7_200})).await;
    for member in ["cellPhone", "landline"] {
        for person in everybody.iter().filter(|person| person[member].is_string()).take(40) {
            let phone = person[member].as_str().unwrap();
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            for search in [phone.to_owned(), digits.clone(), format!("1{digits}")] {
                let found = client.people(ADRIAN, json!({"search": search})).await;
                let shared: Vec<_> =
                    everybody.iter().filter(|other| other[member] == phone).cloned().collect();
                assert_eq!(found, shared, "{search}");
            }
        }
    }
    let phone = everybody.iter().find_map(|person| person["cellPhone"].as_str()).unwrap();
    assert_eq!(client.people(TECUMSEH, json!({"search": phone})).await, [Value::Null; 0]);
    assert!(!client.people(SCHOOLS, json!({"search": "(322) 000-0000"})).await.is_empty());
}
