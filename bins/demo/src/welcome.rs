//! What a new user reads first.

use secrecy::{ExposeSecret as _, SecretString};
use winserve_domain::base::{Clock as _, SystemClock};
use winserve_settings::database::OpenDatabase;

use crate::{api::sibling, data::Person, stand_ins::StandIns};

/// The API's URL, a token, and commands to paste.
pub(crate) fn text(
    bind: &str,
    stand_ins: &StandIns,
    database: &OpenDatabase,
    person: Option<&Person>,
    secret: &SecretString,
) -> String {
    let url = format!("http://{bind}");
    let lines = match person {
        None => format!("The database has no user with a campaign; try {url}/readyz."),
        Some(person) => to_paste(&url, person, secret),
    };
    let data = database.data_dir().map_or_else(String::new, |folder| {
        format!("The data is in {}; delete the folder to start over.\n", folder.display())
    });
    format!(
        "\nAPI  {url}\n\n{lines}\n\n\
         To see what the database holds: {} status\n{data}\
         election-api: {election_api}\n{asked}\
         people-api: {people_api}\n\
         {clerk}\
         Ctrl-C stops everything.\n",
        sibling("backfill").display(),
        election_api = stand_ins.election_api,
        asked = of_election_api(stand_ins),
        people_api = stand_ins.people_api,
        clerk = of_clerk(stand_ins),
    )
}

/// How other programs use the emulator.
fn of_election_api(stand_ins: &StandIns) -> String {
    stand_ins.election_variables().map_or_else(String::new, |variables| {
        format!("To make `backfill run` use it, put this before the command: {variables}\n")
    })
}

/// Tokens signed by Clerk.
fn of_clerk(stand_ins: &StandIns) -> String {
    stand_ins.clerk_tokens().map_or_else(String::new, |(url, session, machine)| {
        format!(
            "Clerk: {url} (an emulator)\n\
             A Clerk session token of the same user, accepted from phase 1 on:\n{session}\n\
             A machine token, for routes such as /v1/campaigns/list: {machine}\n"
        )
    })
}

fn to_paste(url: &str, person: &Person, secret: &SecretString) -> String {
    let now = SystemClock.now();
    let token = winserve_testkit::legacy_token(secret.expose_secret(), person.id, now);
    let bearer = format!("-H 'Authorization: Bearer {token}'");
    format!(
        "A token for {name} (user {id}), valid for a year:\n{token}\n\n\
         Try:\n\
         curl -s {url}/v1/users/me {bearer}\n\n\
         curl -s {url}/v1/campaigns/mine {bearer}\n\n\
         curl -s -X PUT {url}/v1/campaigns/mine {bearer} -H 'Content-Type: application/json' \
         -d '{{\"details\":{{\"occupation\":\"Teacher\"}}}}'",
        name = person.name,
        id = person.id,
    )
}
