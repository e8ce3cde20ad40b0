//! Reads and shows single values. No error repeats a value: it may contain a password.

use std::{
    fmt::{self, Display},
    net::IpAddr,
    ops::{Deref, RangeInclusive},
    path::PathBuf,
};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};
use url::{Host, Url};

use crate::unusable::must;

/// Shown instead of a secret.
const REDACTED: &str = "[redacted]";

/// Shows that a secret is set, but not the secret.
#[expect(clippy::ref_option, reason = "serde hands out a reference to the field")]
pub(crate) fn redacted<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str(REDACTED),
        None => serializer.serialize_none(),
    }
}

/// A secret; an empty text means none.
pub(crate) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

/// A file; an empty text means none.
pub(crate) fn path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

/// Phases that this build supports.
const PHASES: [&str; 4] = ["legacy", "phase-1", "phase-2", "phase-3"];

/// The name of a phase that this build supports.
pub(crate) fn phase<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(name) if !PHASES.contains(&name.as_str()) => {
            Err(must(format_args!("be one of {}", PHASES.join(", "))))
        }
        phase => Ok(phase),
    }
}

/// Secrets: a list, or a comma-separated text.
pub(crate) fn secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SecretString>, D::Error> {
    let secrets = deserializer.deserialize_any(ListVisitor)?;
    Ok(secrets.into_iter().map(SecretString::from).collect())
}

/// [`redacted`] for several.
pub(crate) fn redacted_list<S: Serializer>(
    _secrets: &[SecretString],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(REDACTED)
}

/// Listen address. A malformed one is refused here: if listening fails, the error shows the address.
pub(crate) fn bind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_address = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.contains(['/', '@']) && !host.is_empty() && port.parse::<u16>().is_ok()
    });
    if is_address { Ok(text) } else { Err(must("be an address such as 127.0.0.1:3000")) }
}

/// A number within inclusive bounds.
fn within<'de, D, T>(deserializer: D, bounds: &RangeInclusive<T>, why: &str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + Display,
{
    let number = T::deserialize(deserializer)?;
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (least, most) = (bounds.start(), bounds.end());
    Err(must(format_args!("be from {least} to {most}{why}")))
}

/// How long a stopping server still answers requests: an orchestrator kills it after about half a minute.
pub(crate) fn drain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(0..=60), " seconds")
}

/// Minimum reading speed of a client.
pub(crate) fn reading_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=1_048_576), " bytes per second")
}

/// How long a client may read more slowly than that.
pub(crate) fn reading_patience<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u32, D::Error> {
    within(deserializer, &(1..=3_600), " seconds")
}

/// Maximum size of a column.
pub(crate) fn column_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &(65_536..=104_857_600), " bytes")
}

/// Maximum size of the rows of a list.
pub(crate) fn list_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &(1_048_576..=1_073_741_824), " bytes")
}

/// Addresses and networks: a list, or a comma-separated text.
pub(crate) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = deserializer.deserialize_any(ListVisitor)?;
    let network = |text: &String| {
        let parsed = text.parse().or_else(|_no_network| text.parse::<IpAddr>().map(IpNet::from));
        parsed.map_err(|_neither| must("be addresses or networks such as 10.0.0.0/8"))
    };
    texts.iter().map(network).collect()
}

/// A rate per second. The bounds prevent overflows in the database.
pub(crate) fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, &(0.01..=10_000.0), " per second")
}

/// Lease of a row: longer than a create call may take, before which the lease is renewed.
pub(crate) fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(15..=3_600), " seconds: a create call may take ten")
}

/// How long to wait after an unanswered create call: Clerk's lists lag.
pub(crate) fn settling<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=3_600), " seconds")
}

/// Rows that one process works on in parallel: that many calls may be in flight, so none waits while its
/// lease runs out.
pub(crate) fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(deserializer, &(0..=16), "")
}

/// Maximum number of requests waiting for a connection: each is held in memory.
pub(crate) fn queue_length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(0..=100_000), "")
}

/// How long a request waits for a connection: a client is waiting for the answer.
pub(crate) fn queue_wait<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, &(0.1..=60.0), " seconds")
}

/// Number of attempts.
pub(crate) fn attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=1_000), "")
}

/// URL of a service. It may contain credentials, which are used and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ServiceUrl(String);

impl Deref for ServiceUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl ServiceUrl {
    /// The URL without what may be secret: user, password, query and fragment.
    #[must_use]
    pub fn redacted(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return REDACTED.to_owned() };
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if !has_credentials && url.query().is_none() && url.fragment().is_none() {
            return self.0.clone();
        }
        if has_credentials
            && (url.set_username("redacted").is_err() || url.set_password(None).is_err())
        {
            return REDACTED.to_owned();
        }
        if url.query().is_some() {
            url.set_query(Some("redacted"));
        }
        url.set_fragment(None);
        url.into()
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.redacted(), formatter)
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

/// URL of a service, without a trailing slash; an empty text means none. Secrets are sent there, so plain
/// HTTP is allowed only on this machine.
pub(crate) fn service_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ServiceUrl>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    if may_carry_secrets(text) {
        return Ok(Some(ServiceUrl(text.to_owned())));
    }
    Err(must("be an https:// address, or an http:// address on this machine"))
}

/// Whether nobody else can read what is sent to this URL.
pub(crate) fn may_carry_secrets(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || is_on_this_machine(&url))
}

/// URL of a service to which no secret is sent, without a trailing slash; an empty text means none.
pub(crate) fn public_service_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ServiceUrl>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    let is_base = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    };
    if Url::parse(text).is_ok_and(|url| is_base(&url)) {
        return Ok(Some(ServiceUrl(text.to_owned())));
    }
    Err(must("be an http:// or https:// address without query and fragment"))
}

/// [`service_url`] of a service that has a default.
pub(crate) fn required_service_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ServiceUrl, D::Error> {
    service_url(deserializer)?.ok_or_else(|| must("not be empty"))
}

fn is_on_this_machine(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_loopback
}

/// [`origins`] as they appear in tokens: `*` is not one.
pub(crate) fn parties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let parties = origins(deserializer)?;
    if parties.iter().any(|party| party == "*") {
        return Err(must(
            "name origins: leave the list empty, without `*`, to accept every origin",
        ));
    }
    Ok(parties)
}

/// A PostgreSQL URL; an empty text means none. Checked here because libpq's error messages quote what they
/// cannot parse.
pub(crate) fn database_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    if !is_percent_encoded(&text) || !is_database_url(&text) {
        return Err(must(
            "be a URL such as postgresql://user:password@host:5432/database, with special \
             characters percent-encoded",
        ));
    }
    Ok(Some(text.into()))
}

/// Whether each of its hosts makes a valid URL: libpq accepts several, comma-separated, for standbys.
fn is_database_url(text: &str) -> bool {
    let Some((scheme @ ("postgres" | "postgresql"), rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.split_once('@') {
        // The host would start after the first `@`, so the rest of a password would be shown as the host
        // name.
        Some((_, hosts)) if hosts.contains('@') => return false,
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    hosts.split(',').all(|host| {
        // libpq has a default for a missing host; the host may also be in the query.
        let default = if host.is_empty() || host.starts_with(':') { "localhost" } else { "" };
        Url::parse(&format!("{scheme}://{user}{default}{host}{path}")).is_ok()
    })
}

/// Whether every `%` starts a code of two hexadecimal digits.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    })
}

/// Origins: a list, or a comma-separated text, because the environment has only texts.
pub(crate) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = deserializer.deserialize_any(ListVisitor)?;
    if origins.iter().all(|origin| is_origin(origin)) {
        return Ok(origins);
    }
    Err(must("be origins such as https://app.example.org, without a path"))
}

fn is_origin(text: &str) -> bool {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
    text == "*"
        || Url::parse(text)
            .is_ok_and(|url| is_web(&url) && url.origin().ascii_serialization() == text)
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of strings")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(str::to_owned).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(list)
    }
}
