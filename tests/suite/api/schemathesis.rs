//! schemathesis generates valid and invalid requests from the API description. No answer may be a server error or
//! have an undescribed status or body, and requests that violate the description must be refused.
//! `scripts/schemathesis` installs it and runs these tests.

use std::{path::PathBuf, process::Command};

use winserve_persistence::migrate::{self, Group};

use super::tenant_matrix::World;

/// Every check except those that do not apply to us: a valid body may still name no position or no campaign;
/// a malformed token is 498, which the webapp relies on (and the tenant matrix proves that no request gets
/// through without one).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,allow_header_conformance";

/// Deletes the caller's account, which ends the test of that caller.
const LEAVE: &str = "deleteUsersById";

fn repository(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", path].iter().collect()
}

/// The callers, for the organization that each request names.
#[derive(Debug, Clone, Copy)]
enum Caller {
    OwnerOf(&'static str),
    Admin,
    Machine,
    /// The caller that deletes their account.
    Leaving,
}

/// One caller with separate data.
async fn run(caller: Caller, arguments: &[&str]) {
    let world = World::new().await;
    // The phase in which every route works: further campaigns, and offices without a campaign, need phase 3.
    migrate::expand(&mut world.app.database.connect(), Group::Phase3).unwrap();
    world.app.database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-3'");
    // There, the JSON no longer has office and district.
    world.app.database.expect_unmapped_rows();
    let token = match caller {
        Caller::OwnerOf(_) | Caller::Leaving => world.app.user_token(7),
        Caller::Admin => world.app.user_token(20),
        Caller::Machine => {
            world.caller("machine");
            "mt_good".to_owned()
        }
    };
    let folder = repository("target/schemathesis");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(repository("target/python-tools/bin/schemathesis"));
    command
        .current_dir(folder)
        .args(["run", &format!("{}/openapi.json", world.app.base())])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--no-color", "--warnings", "off"])
        // The database cannot store this character, so texts with it are refused, as documented.
        .args(["--generation-allow-x00", "false"])
        .args(arguments);
    if let Caller::OwnerOf(name) = caller {
        command.args(["--header", &format!("X-Organization-Id: {}", world.organization(name))]);
    }
    match caller {
        Caller::Leaving => command.args(["--include-operation-id", LEAVE]),
        _ => command.args(["--exclude-operation-id", LEAVE]),
    };
    // The runtime of this thread runs the server.
    let ended = actix_web::web::block(move || command.output()).await.unwrap();
    let output = ended.unwrap_or_else(|error| panic!("run scripts/python-tools first: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{caller:?}: {said}");
}

/// Every limit of every parameter for the owners, who may call most routes. A machine is refused by most, and staff
/// reach the same code as owners: they get all of it in `make chaos`.
fn short(caller: Caller) -> [&'static str; 6] {
    let (phases, examples) = match caller {
        Caller::OwnerOf(_) | Caller::Leaving => ("examples,coverage,fuzzing", "3"),
        Caller::Admin | Caller::Machine => ("examples,fuzzing", "5"),
    };
    ["--seed", "7", "--phases", phases, "--max-examples", examples]
}

macro_rules! callers {
    ($($name:ident: $caller:expr;)+) => {
        mod schemathesis_short {
            $(#[actix_web::test]
            #[ignore = "scripts/schemathesis short"]
            async fn $name() {
                use super::Caller;
                super::run($caller, &super::short($caller)).await;
            })+
        }

        mod schemathesis_long {
            $(#[actix_web::test]
            #[ignore = "scripts/schemathesis long"]
            async fn $name() {
                use super::Caller;
                super::run($caller, &["--max-examples", "200"]).await;
            })+
        }
    };
}

callers! {
    the_owner_of_a_campaign: Caller::OwnerOf("campaign");
    the_owner_of_an_office: Caller::OwnerOf("office");
    an_admin: Caller::Admin;
    a_machine: Caller::Machine;
    who_leaves: Caller::Leaving;
}
