//! Tests of the last phases start with rows that the testkit mapped. They must equal the rows that the backfill
//! writes.

use serde_json::json;
use winserve_migration::Phase;
use winserve_testkit::TestDatabase;

use super::backfill_run::{assert_same_result, finish};
use crate::fixtures::{self, COUNCIL, MAYOR, WITHOUT_DISTRICT};

/// One candidate for each form in which the old service stored office and district; some of them
/// won.
fn write_as_the_old_service(database: &TestDatabase) {
    let picked = |position: &str, state: &str, level: &str| {
        json!({"positionId": position, "office": "Other", "otherOffice": "An Office",
               "ballotLevel": level, "level": "city", "state": state})
    };
    let city = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
    let ward = json!({"electionType": "City_Ward", "electionLocation": "CHEYENNE CITY WARD 1"});
    let by_hand = json!({"electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true});
    let state = json!({"electionType": "State", "electionLocation": "WY"});
    let typed_in = json!({"office": "Dog Catcher", "state": "MI", "city": "Tecumseh", "county": "Lenawee",
                          "district": "2", "level": "city"});
    let campaigns = [
        (picked(MAYOR, "MI", "CITY"), Some(&city)),
        // A different district from most others of the same position.
        (picked(MAYOR, "MI", "CITY"), Some(&city)),
        (picked(MAYOR, "MI", "CITY"), Some(&ward)),
        (picked(MAYOR, "MI", "CITY"), Some(&by_hand)),
        (picked(COUNCIL, "WY", "CITY"), Some(&ward)),
        (picked(WITHOUT_DISTRICT, "WY", "STATE"), None),
        (picked(WITHOUT_DISTRICT, "WY", "STATE"), Some(&state)),
        (typed_in.clone(), None),
        (typed_in.clone(), Some(&city)),
        (typed_in, Some(&by_hand)),
        (json!({"state": "MI"}), None),
        (json!({}), Some(&state)),
    ];
    for (id, (details, goals)) in (11..).zip(&campaigns) {
        fixtures::user(database, id, "candidate");
        fixtures::campaign(database, id, id, details, *goals);
    }
    // All of them won; one reported it twice.
    database.execute(
        "INSERT INTO elected_office (id, created_at, updated_at, user_id, campaign_id, is_active)
             SELECT 'office-' || id, '2026-01-03', '2026-01-03', user_id, id, true FROM campaign;
         INSERT INTO elected_office (id, created_at, updated_at, user_id, campaign_id, is_active)
             VALUES ('again', '2026-01-04', '2026-01-04', 11, 11, false)",
    );
}

#[test]
fn rows_that_the_testkit_maps_are_those_of_the_backfill() {
    let backfilled = TestDatabase::in_phase(Phase::One);
    write_as_the_old_service(&backfilled);
    fixtures::unlink(&backfilled);
    finish(&backfilled);
    let mapped = TestDatabase::in_phase(Phase::Two);
    write_as_the_old_service(&mapped);
    assert_same_result(&mapped, &backfilled);
    let offices = "SELECT FROM elected_office WHERE position_id IS NOT NULL";
    assert_eq!(mapped.rows(offices).len(), 13);
}
