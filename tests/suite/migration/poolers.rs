//! PgBouncer during phase changes, and in front of `backfill`, which refuses it
//! (docs/postgresql.md).

use winserve_testkit::{Custom, Pooler, TestApp, TestDatabase};

use super::session_defaults::{
    ISOLATIONS, contract_core, prepared, set_isolation, write_while_the_phase_changes,
};
use crate::{
    api::poolers::{SHARED, assert_nothing_is_left, setups, through},
    binaries::{binary, output},
};

#[actix_web::test]
async fn the_contract_is_the_same_behind_a_pooler() {
    let direct = contract_core(prepared(), Custom::default(), &[]).await;
    for program in Pooler::programs() {
        for setup in setups(&program).into_iter().chain(["pool_mode = session".to_owned()]) {
            let database = prepared();
            let pooler = Pooler::start(&program, &database.url(), &setup);
            let custom = through(&pooler, &database);
            let behind = contract_core(database, custom, &[]).await;
            assert_eq!(behind, direct, "{setup} of {}", program.display());
        }
    }
}

/// A role's defaults apply to the pooler's sessions too.
#[actix_web::test]
async fn a_writer_behind_a_pooler_writes_in_the_new_phase_under_every_isolation() {
    let program = Pooler::programs().remove(0);
    for isolation in ISOLATIONS {
        let database = prepared();
        set_isolation(&database, isolation);
        let pooler = Pooler::start(&program, &database.url(), SHARED);
        let custom = through(&pooler, &database);
        let app = TestApp::custom_on(database, custom).await;
        write_while_the_phase_changes(&app).await;
    }
}

#[test]
fn backfill_refuses_a_pooler_and_names_the_server_behind_it() {
    for program in Pooler::programs() {
        let modes =
            ["pool_mode = session\nignore_startup_parameters = options", "pool_mode = statement"];
        for setup in setups(&program).into_iter().chain(modes.map(str::to_owned)) {
            let database = TestDatabase::new();
            let pooler = Pooler::start(&program, &database.url(), &setup);
            for command in [&["status"][..], &["migrate", "phase-1-expand"], &["verify"]] {
                let mut backfill = binary("backfill");
                backfill.env("WINSERVE__DATABASE__URL", pooler.url(&database.url())).args(command);
                let (code, stdout, stderr) = output(&mut backfill);
                assert_eq!(
                    (code, stdout.as_str()),
                    (Some(10), ""),
                    "{command:?}, {setup}: {stderr}"
                );
                for text in ["pooler", "WINSERVE__DATABASE__URL", "port 5432"] {
                    assert!(stderr.contains(text), "{stderr}");
                }
            }
            // Without transactions, no client can hold a session to inspect it.
            if !setup.contains("pool_mode = statement") {
                assert_nothing_is_left(&pooler, &database);
            }
        }
    }
}
