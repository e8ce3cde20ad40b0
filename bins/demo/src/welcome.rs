//! What a new user reads first.

use secrecy::{ExposeSecret as _, SecretString};
use winserve_domain::base::{Clock as _, SystemClock};
use winserve_settings::database::OpenDatabase;

use crate::{
    api::sibling,
    data::{People, User},
    stand_ins::StandIns,
};

/// The addresses of console and API, people to sign in as, a token, and commands to paste.
pub(crate) fn text(
    bind: &str,
    phase: &str,
    stand_ins: &StandIns,
    database: &OpenDatabase,
    people: &People,
    secret: &SecretString,
) -> String {
    let url = format!("http://{bind}");
    let lines = match &people.somebody {
        None => format!("The database has no user with a campaign; try {url}/readyz."),
        Some(user) => to_paste(&url, user, secret),
    };
    let data = database.data_dir().map_or_else(String::new, |folder| {
        format!("The data is in {}; delete the folder to start over.\n", folder.display())
    });
    format!(
        "\n{console}API  {url}  in {phase}\n\n{lines}\n\n\
         To see what the database holds: {backfill} status\n\
         To see the path of the migration: {backfill} plan\n{data}\
         election-api: {election_api}\n{asked}\
         people-api: {people_api}\n\
         {clerk}\
         Ctrl-C stops everything.\n",
        backfill = sibling("backfill").display(),
        console = if phase == "legacy" { String::new() } else { of_console(stand_ins, people) },
        election_api = stand_ins.election_api,
        asked = of_election_api(stand_ins),
        people_api = stand_ins.people_api,
        clerk = of_clerk(stand_ins, people),
    )
}

/// The console, and whom to sign in as.
fn of_console(stand_ins: &StandIns, people: &People) -> String {
    let home = &stand_ins.home;
    let Some(clerk) = &stand_ins.clerk else { return format!("Console  {home}\n\n") };
    let typical = people.demo.iter().filter(|(person, _)| person.is_typical);
    let links = typical.map(|(person, user)| {
        let what = format!("{}, {}", user.name, person.what);
        format!("  {what:<40} {}\n", clerk.sign_in_link(person.clerk_id, home))
    });
    let links: String = links.collect();
    let all = clerk.sign_in_url(home);
    format!("Console  {home}\n\nSign in as\n{links}  {:<40} {all}\n\n", "everybody")
}

/// How other programs use the emulator.
fn of_election_api(stand_ins: &StandIns) -> String {
    stand_ins.election_variables().map_or_else(String::new, |variables| {
        format!("To make `backfill run` use it, put this before the command: {variables}\n")
    })
}

/// Tokens signed by Clerk.
fn of_clerk(stand_ins: &StandIns, people: &People) -> String {
    stand_ins.clerk_tokens(people).map_or_else(String::new, |(url, session, machine)| {
        format!(
            "Clerk: {url} (an emulator)\n\
             A Clerk session token of the same user, accepted from phase 1 on:\n{session}\n\
             A machine token, for routes such as /v1/campaigns/list: {machine}\n"
        )
    })
}

fn to_paste(url: &str, user: &User, secret: &SecretString) -> String {
    let now = SystemClock.now();
    let token = winserve_testkit::legacy_token(secret.expose_secret(), user.id, now);
    let bearer = format!("-H 'Authorization: Bearer {token}'");
    format!(
        "A token for {name} (user {id}), valid for a year:\n{token}\n\n\
         Try:\n\
         curl -s {url}/v1/users/me {bearer}\n\n\
         curl -s {url}/v1/campaigns/mine {bearer}\n\n\
         curl -s -X PUT {url}/v1/campaigns/mine {bearer} -H 'Content-Type: application/json' \
         -d '{{\"details\":{{\"occupation\":\"Teacher\"}}}}'",
        name = user.name,
        id = user.id,
    )
}
