//! Starts emulators of the services that are not configured.

use std::io;

use winserve_emulators::{
    ClerkEmulator, ElectionEmulator, PeopleEmulator, Person as ClerkPerson, Population,
    SignInPerson, TokenRequest, World,
};
use winserve_settings::{ServiceUrl, Settings};

use crate::data::People;

/// The id in Clerk of a user who is not from the demo rows.
const SOMEBODY: &str = "user_somebody";
/// Where Clerk is emulated, if the port is free: sessions stay valid when the demo is started again.
const CLERK_BIND: &str = "127.0.0.1:4200";
/// A machine token.
const MACHINE_TOKEN: &str = "mt_demo";
/// Lifetime of a demo session in seconds: one day. (A real one lasts a minute.)
const LIFETIME: i64 = 24 * 60 * 60;

/// The URLs of election-api and people-api, and the emulators, which run as long as this value lives.
pub(crate) struct StandIns {
    pub(crate) election_api: String,
    election: Option<ElectionEmulator>,
    pub(crate) people_api: String,
    people: Option<PeopleEmulator>,
    pub(crate) clerk: Option<ClerkEmulator>,
    /// The console's address.
    pub(crate) home: String,
}

impl StandIns {
    pub(crate) fn start(settings: &Settings, people: &People) -> anyhow::Result<Self> {
        let home = format!("http://{}/app", settings.server.bind);
        let election = match &settings.election_api.url {
            Some(_) => None,
            None => Some(ElectionEmulator::start(World::demo())?),
        };
        let url = election.as_ref().map(|stand_in| stand_in.url().to_owned());
        let voters = match settings.people_api()? {
            Some(_) => None,
            None => Some(PeopleEmulator::start(Population::demo().without_oddities())?),
        };
        let people_url = voters.as_ref().map(|stand_in| stand_in.url().to_owned());
        let clerk = match settings.clerk()? {
            Some(_) => None,
            None => Some(clerk_of(people, &home)?),
        };
        if let Some((election, clerk)) = election.as_ref().zip(clerk.as_ref()) {
            election.demand_tokens(clerk);
        }
        Ok(Self {
            election_api: url.or_else(|| url_text(&settings.election_api.url)).unwrap_or_default(),
            election,
            people_api: people_url
                .or_else(|| url_text(&settings.people_api.url))
                .unwrap_or_default(),
            people: voters,
            clerk,
            home,
        })
    }

    /// Environment variables for the API.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![("WINSERVE__CONSOLE__ENABLED", "true".to_owned())];
        if let Some(election) = &self.election {
            variables.push(("WINSERVE__ELECTION_API__URL", election.url().to_owned()));
        }
        if let Some(people) = &self.people {
            variables.extend([
                ("WINSERVE__PEOPLE_API__URL", people.url().to_owned()),
                ("WINSERVE__PEOPLE_API__S2S_SECRET", people.secret().to_owned()),
            ]);
        }
        if let Some(clerk) = &self.clerk {
            variables.extend([
                ("WINSERVE__CLERK__SECRET_KEY", clerk.secret_key().to_owned()),
                ("WINSERVE__CLERK__API_URL", clerk.api_url()),
                ("WINSERVE__CLERK__ISSUER", clerk.url().to_owned()),
                ("WINSERVE__CLERK__JWKS_URL", clerk.jwks_url()),
                ("WINSERVE__CONSOLE__SIGN_IN_URL", clerk.sign_in_url(&self.home)),
                ("WINSERVE__CONSOLE__SIGN_OUT_URL", clerk.sign_out_url(&self.home)),
                // It has no limit.
                ("WINSERVE__CLERK__PROVISIONING__REQUESTS_PER_SECOND", "1000".to_owned()),
            ]);
        }
        if let Some(secret) = self.machine_secret() {
            variables.push(("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY", secret));
        }
        variables
    }

    /// The election-api emulator requires these tokens if Clerk is emulated too.
    fn machine_secret(&self) -> Option<String> {
        self.election.as_ref().zip(self.clerk.as_ref()).map(|(_, clerk)| clerk.machine_secret())
    }

    /// The variables with which `backfill` calls the election-api emulator, as shell assignments.
    pub(crate) fn election_variables(&self) -> Option<String> {
        let names = [
            "WINSERVE__ELECTION_API__URL",
            "WINSERVE__ELECTION_API__MACHINE_SECRET_KEY",
            "WINSERVE__CLERK__API_URL",
        ];
        let variables = self.machine_secret().map(|_| self.variables())?;
        let wanted = variables.iter().filter(|(name, _)| names.contains(name));
        let assignments: Vec<_> = wanted.map(|(name, value)| format!("{name}={value}")).collect();
        Some(assignments.join(" "))
    }

    /// The Clerk emulator, a session token of somebody, and a machine token.
    pub(crate) fn clerk_tokens(&self, people: &People) -> Option<(&str, String, &'static str)> {
        let clerk = self.clerk.as_ref()?;
        let request = TokenRequest { ttl: Some(LIFETIME), ..TokenRequest::of(clerk_id(people)) };
        Some((clerk.url(), clerk.mint(&request), MACHINE_TOKEN))
    }
}

/// A URL that is safe to print.
#[expect(clippy::ref_option, reason = "a field of the settings")]
fn url_text(url: &Option<ServiceUrl>) -> Option<String> {
    url.as_ref().map(ServiceUrl::redacted)
}

/// A Clerk emulator with the people of the database, and a machine.
fn clerk_of(people: &People, home: &str) -> io::Result<ClerkEmulator> {
    let clerk = match ClerkEmulator::start_on(CLERK_BIND) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => ClerkEmulator::start()?,
        started => started?,
    };
    if let Some(user) = &people.somebody {
        clerk.add(ClerkPerson::verified(clerk_id(people), &user.email));
    }
    for (person, user) in &people.demo {
        clerk.add(ClerkPerson::verified(person.clerk_id, &user.email));
    }
    let offered = people.demo.iter().map(|(person, user)| SignInPerson {
        user_id: person.clerk_id.to_owned(),
        name: user.name.clone(),
        what: person.what.to_owned(),
        is_staff: person.is_staff,
    });
    clerk.offer_sign_in(offered.collect(), home);
    clerk.add_machine_token(MACHINE_TOKEN, "mch_demo", None);
    Ok(clerk)
}

/// The id in Clerk of the user whose tokens are shown.
fn clerk_id(people: &People) -> &'static str {
    let shown = people.somebody.as_ref().map(|user| user.id);
    let demo = people.demo.iter().find(|(_, user)| Some(user.id) == shown);
    demo.map_or(SOMEBODY, |(person, _)| person.clerk_id)
}
