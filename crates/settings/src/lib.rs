#![doc = include_str!("../README.md")]

pub mod database;
mod error;
pub mod telemetry;
mod unusable;
mod values;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use winserve_domain::clerk::ProvisioningLimits;
use winserve_upstreams::ElectionSurface;

pub use error::SettingsError;
pub use unusable::Unusable;
pub use values::ServiceUrl;

const DEFAULTS: &str = include_str!("defaults.toml");
const PREFIX: &str = "WINSERVE__";

/// The whole configuration (design §9).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Pins the phase; without it, the phase comes from the database.
    #[serde(default, deserialize_with = "values::phase", skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The HTTP server.
    pub server: Server,
    /// How much one user may store, and how much one list may hold.
    pub limits: Limits,
    /// The database.
    pub database: Database,
    /// Authentication.
    pub auth: Auth,
    /// Clerk.
    pub clerk: Clerk,
    /// Offices and districts.
    pub election_api: ElectionApi,
    /// The voter file.
    pub people_api: PeopleApi,
    /// The pages for candidates, officials and staff.
    pub console: Console,
    /// Logs.
    pub log: Log,
}

/// Section `console`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// Whether `api` serves it, under `/app`.
    pub enabled: bool,
    /// The page that signs visitors in; it gets the way back in the parameter `redirect_url`.
    #[serde(
        default,
        deserialize_with = "values::service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub sign_in_url: Option<ServiceUrl>,
    /// The page that signs visitors out, with the same parameter.
    #[serde(
        default,
        deserialize_with = "values::service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub sign_out_url: Option<ServiceUrl>,
}

/// Section `server`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Listen address, such as `127.0.0.1:3000`; port 0 means any free port.
    #[serde(deserialize_with = "values::bind")]
    pub bind: String,
    /// Origins whose pages may call the API from a browser; comma-separated in the environment.
    #[serde(deserialize_with = "values::origins")]
    pub cors_origins: Vec<String>,
    /// Networks of the proxies whose forwarded headers are trusted; comma-separated in the environment.
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds after the stop signal during which open connections may send one more request.
    #[serde(deserialize_with = "values::drain")]
    pub drain_seconds: u32,
    /// Bytes per second that a client must read of its answers.
    #[serde(deserialize_with = "values::reading_rate")]
    pub min_read_bytes_per_second: u32,
    /// Seconds for which a client may read more slowly.
    #[serde(deserialize_with = "values::reading_patience")]
    pub slow_reader_seconds: u32,
    /// Files that a user may download at the same time.
    pub downloads_per_user: NonZeroU32,
}

/// Section `limits`: how much one user may store, and how much one list may hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one JSON column of a campaign, or of its voter goals, after a change is merged into it.
    #[serde(deserialize_with = "values::column_bytes")]
    pub json_column_bytes: u64,
    /// Campaigns per user.
    pub campaigns_per_user: NonZeroU32,
    /// Elected offices per user.
    pub elected_offices_per_user: NonZeroU32,
    /// Saved filters per user, for all their organizations together.
    pub saved_filters_per_user: NonZeroU32,
    /// Bytes of JSON in the rows of one list for staff or machines.
    #[serde(deserialize_with = "values::list_bytes")]
    pub list_json_bytes: u64,
}

/// Section `database`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A PostgreSQL URL. If it is missing or empty, `backfill` and `make run` use a private cluster, and
    /// `api` does not start.
    #[serde(
        default,
        deserialize_with = "values::database_url",
        serialize_with = "values::redacted",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<SecretString>,
    /// Folder of the private cluster.
    pub data_dir: PathBuf,
    /// Maximum number of connections.
    pub pool_size: NonZeroU32,
    /// Maximum number of requests waiting for a connection; further ones are answered 503 immediately.
    #[serde(deserialize_with = "values::queue_length")]
    pub queue_length: u32,
    /// Seconds that a request waits for a connection before it is answered 503.
    #[serde(deserialize_with = "values::queue_wait")]
    pub queue_wait_seconds: f64,
}

/// Section `auth`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The old service's `AUTH_SECRET`, which signs its session tokens.
    #[serde(default, serialize_with = "values::redacted", skip_serializing_if = "Option::is_none")]
    pub legacy_secret: Option<SecretString>,
}

/// Section `clerk`. Without `secret_key`, Clerk tokens are rejected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clerk {
    /// The secret key of the instance.
    #[serde(
        default,
        deserialize_with = "values::secret",
        serialize_with = "values::redacted",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret_key: Option<SecretString>,
    /// The Backend API, including its version.
    #[serde(deserialize_with = "values::required_service_url")]
    pub api_url: ServiceUrl,
    /// The Frontend API, the issuer of every session token; required with `secret_key`.
    #[serde(
        default,
        deserialize_with = "values::service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub issuer: Option<ServiceUrl>,
    /// URL of the public keys; without it, they come from the Backend API.
    #[serde(
        default,
        deserialize_with = "values::service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub jwks_url: Option<ServiceUrl>,
    /// Origins whose session tokens are accepted; if empty, all origins. Comma-separated in the environment.
    #[serde(deserialize_with = "values::parties")]
    pub authorized_parties: Vec<String>,
    /// Signing secrets of Clerk's webhooks; during a rotation, both. If empty, no webhook is accepted.
    /// Comma-separated in the environment.
    #[serde(
        default,
        deserialize_with = "values::secrets",
        serialize_with = "values::redacted_list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub webhook_secret: Vec<SecretString>,
    /// How organizations are synced to Clerk.
    pub provisioning: Provisioning,
}

/// Section `clerk.provisioning`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provisioning {
    /// Requests to Clerk per second, for all processes together; live requests share Clerk's own limit. Must
    /// be the same in every process.
    #[serde(deserialize_with = "values::rate")]
    pub requests_per_second: f64,
    /// Rows that this process works on in parallel; 0 leaves them to others.
    #[serde(deserialize_with = "values::workers")]
    pub workers: u8,
    /// Lease of a row in seconds; when it expires, another worker may take over.
    #[serde(deserialize_with = "values::lease")]
    pub lease_seconds: u32,
    /// Seconds after which Clerk's lists should show the result of an unanswered create call.
    #[serde(deserialize_with = "values::settling")]
    pub settle_seconds: u32,
    /// Failed attempts after which a row becomes a dead letter.
    #[serde(deserialize_with = "values::attempts")]
    pub max_attempts: u32,
}

impl Provisioning {
    /// Rate, lease and retry limits of the sync with Clerk.
    #[must_use]
    pub fn limits(&self) -> ProvisioningLimits {
        ProvisioningLimits {
            requests_per_second: self.requests_per_second,
            lease: Duration::from_secs(u64::from(self.lease_seconds)),
            settle: Duration::from_secs(u64::from(self.settle_seconds)),
            max_attempts: self.max_attempts,
        }
    }
}

/// Section `election_api`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElectionApi {
    /// URL of election-api, without `/v1`, such as `https://election-api.example.org`. Without it,
    /// election-api is not called, and every position stays unverified.
    #[serde(
        default,
        deserialize_with = "values::public_service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<ServiceUrl>,
    /// Lookups per second of this process for incomplete data; users' own requests do not count.
    #[serde(deserialize_with = "values::rate")]
    pub questions_per_second: f64,
    /// Which kind of election-api this is.
    pub surface: ElectionSurface,
    /// Secret key of our machine in Clerk, which creates the tokens that election-api requires. Without a key
    /// or a key file, requests carry no token.
    #[serde(
        default,
        deserialize_with = "values::secret",
        serialize_with = "values::redacted",
        skip_serializing_if = "Option::is_none"
    )]
    pub machine_secret_key: Option<SecretString>,
    /// A file with that key, read each time a token is created.
    #[serde(default, deserialize_with = "values::path", skip_serializing_if = "Option::is_none")]
    pub machine_secret_key_file: Option<PathBuf>,
}

/// Section `people_api`. Without `url`, contacts are unavailable.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleApi {
    /// URL of people-api, without `/v1`, such as `https://people-api.example.org`. It carries voters' data,
    /// so it must be `https`, or on this machine.
    #[serde(
        default,
        deserialize_with = "values::service_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<ServiceUrl>,
    /// Signs our requests: people-api's `PEOPLE_API_S2S_SECRET`; required with `url`.
    #[serde(
        default,
        deserialize_with = "values::secret",
        serialize_with = "values::redacted",
        skip_serializing_if = "Option::is_none"
    )]
    pub s2s_secret: Option<SecretString>,
}

/// Section `log`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Format for people or for machines.
    pub format: LogFormat,
    /// Directives of `tracing`, such as `info,winserve_http=debug`.
    pub filter: String,
}

/// Format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A readable line.
    Text,
    /// A JSON object.
    Json,
}

/// A section `election_api` that has a URL.
#[derive(Debug, Clone, Copy)]
pub struct ConfiguredElectionApi<'a> {
    /// `election_api.url`.
    pub url: &'a str,
    /// `election_api.surface`.
    pub surface: ElectionSurface,
    /// Where our tokens come from; `None` if election-api requires none.
    pub machine_key: Option<MachineKey<'a>>,
}

/// The secret key of our machine in Clerk.
#[derive(Debug, Clone, Copy)]
pub enum MachineKey<'a> {
    /// The key itself.
    Value(&'a SecretString),
    /// A file that contains it, now or later.
    File(&'a Path),
}

/// A complete section `clerk`.
#[derive(Debug, Clone, Copy)]
pub struct ConfiguredClerk<'a> {
    /// `clerk.secret_key`.
    pub secret_key: &'a SecretString,
    /// `clerk.issuer`.
    pub issuer: &'a str,
    /// The other keys.
    pub section: &'a Clerk,
}

impl Settings {
    /// Reads the defaults, then the file, then the environment variables.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] names the key. No error contains a value.
    pub fn load(
        file: Option<&Path>,
        variables: HashMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            unusable::require_toml(file)?;
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("WINSERVE")
            .prefix_separator("__")
            .separator("__")
            .source(Some(variables));
        let read = builder.add_source(environment).build().and_then(Config::try_deserialize);
        read.map_err(|error| SettingsError::Invalid(error.into()))
    }

    /// [`load`](Self::load) with the environment of this process.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] names the key.
    pub fn of_process(file: Option<&Path>) -> Result<Self, SettingsError> {
        let mut variables = HashMap::new();
        for (name, value) in std::env::vars_os() {
            // A name that is not UTF-8 cannot be one of ours.
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let value =
                value.into_string().map_err(|_raw| SettingsError::NoText(name.to_owned()))?;
            variables.insert(name.to_owned(), value);
        }
        Self::load(file, variables)
    }

    /// The secret that signs the old session tokens.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] if it is not configured or empty.
    pub fn legacy_secret(&self) -> Result<&SecretString, SettingsError> {
        self.auth.legacy_secret.as_ref().filter(|secret| !secret.expose_secret().is_empty()).ok_or(
            SettingsError::Missing {
                key: "auth.legacy_secret",
                variable: "WINSERVE__AUTH__LEGACY_SECRET",
            },
        )
    }

    /// The database that `api` serves. `api` never creates one: with a misspelled variable, it would serve an
    /// empty database.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] if it is not configured or empty.
    pub fn database_url(&self) -> Result<&SecretString, SettingsError> {
        self.database.url.as_ref().ok_or(SettingsError::Missing {
            key: "database.url",
            variable: "WINSERVE__DATABASE__URL",
        })
    }

    /// Where election-api is, and how we authenticate; `None` if it is not configured.
    ///
    /// # Errors
    /// [`SettingsError::Both`] if there are two keys; [`SettingsError::InClear`] if a token would be sent
    /// where others can read it.
    pub fn election_api(&self) -> Result<Option<ConfiguredElectionApi<'_>>, SettingsError> {
        const VALUE: &str = "election_api.machine_secret_key";
        const FILE: &str = "election_api.machine_secret_key_file";
        let section = &self.election_api;
        let Some(url) = section.url.as_deref() else { return Ok(None) };
        let key = match (&section.machine_secret_key, &section.machine_secret_key_file) {
            (None, None) => None,
            (Some(_), Some(_)) => return Err(SettingsError::Both { first: VALUE, second: FILE }),
            (Some(secret), None) => Some((MachineKey::Value(secret), VALUE)),
            (None, Some(file)) => Some((MachineKey::File(file), FILE)),
        };
        if let Some((_, because_of)) = key
            && !values::may_carry_secrets(url)
        {
            return Err(SettingsError::InClear { key: "election_api.url", because_of });
        }
        let machine_key = key.map(|(key, _)| key);
        Ok(Some(ConfiguredElectionApi { url, surface: section.surface, machine_key }))
    }

    /// How to reach Clerk; `None` if it is not configured.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] if the section is incomplete.
    pub fn clerk(&self) -> Result<Option<ConfiguredClerk<'_>>, SettingsError> {
        let Some(secret_key) = &self.clerk.secret_key else { return Ok(None) };
        let issuer = self.clerk.issuer.as_deref().ok_or(SettingsError::Missing {
            key: "clerk.issuer",
            variable: "WINSERVE__CLERK__ISSUER",
        })?;
        Ok(Some(ConfiguredClerk { secret_key, issuer, section: &self.clerk }))
    }

    /// Where people-api is, and the shared secret; `None` if it is not configured.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] if the secret is missing.
    pub fn people_api(&self) -> Result<Option<(&str, &SecretString)>, SettingsError> {
        let Some(url) = self.people_api.url.as_deref() else { return Ok(None) };
        let secret = self.people_api.s2s_secret.as_ref().ok_or(SettingsError::Missing {
            key: "people_api.s2s_secret",
            variable: "WINSERVE__PEOPLE_API__S2S_SECRET",
        })?;
        Ok(Some((url, secret)))
    }

    /// The configuration as TOML, with secrets redacted.
    ///
    /// # Errors
    /// A path that is not valid UTF-8.
    pub fn printed(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests;
