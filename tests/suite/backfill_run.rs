//! `run positions` and `run organizations` on generated data.

use serde_json::json;
use winserve_backfill::{Options, Unobserved, run_organizations, run_positions, verify};
use winserve_testkit::TestDatabase;

use crate::generated;

pub(crate) fn options(database: &TestDatabase) -> Options {
    Options { nice: 0.0, ..Options::new(&database.url()) }
}

#[test]
fn the_whole_path_links_every_row_of_twenty_thousand_campaigns() {
    let database = generated::in_phase_1(20_000);
    let options = options(&database);
    let positions = run_positions(&options, None, &mut Unobserved).unwrap();
    println!("{positions:#?}");
    assert_eq!(positions.exit_code, 0);
    let organizations = run_organizations(&options, None, &mut Unobserved).unwrap();
    println!("{organizations:#?}");
    assert_eq!(organizations.exit_code, 41, "rows are in quarantine");
    let left = database.row(
        "SELECT (SELECT count(*) FROM campaign WHERE organization_id IS NULL OR position_id IS NULL) AS campaigns,
                (SELECT count(*) FROM elected_office WHERE organization_id IS NULL OR position_id IS NULL) AS offices",
    );
    assert_eq!(left, json!({"campaigns": 0, "offices": 0}));
    let verified = verify(&mut database.connect()).unwrap();
    println!("{}", winserve_backfill::verify_table(&verified));
    assert_eq!(verified.defects(), 0);
}
