//! How single values are read and shown. No error repeats a value: it may hold a password.

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
use winserve_domain::migration::Phase;

use crate::unusable::must;

/// What is shown in place of a secret.
const REDACTED: &str = "[redacted]";

/// Shows that a secret is set, never which.
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

/// A secret; the empty text is none.
pub(crate) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

/// A file; the empty text is none.
pub(crate) fn path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

/// A phase that this build can work in.
pub(crate) fn phase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Phase>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(Phase::Three) => Err(must("be phase-2 at most: phase-3 comes with a later build")),
        phase => Ok(phase),
    }
}

/// Secrets: a list, or a text with commas between.
pub(crate) fn secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SecretString>, D::Error> {
    let secrets = deserializer.deserialize_any(ListVisitor)?;
    Ok(secrets.into_iter().map(SecretString::from).collect())
}

/// [`redacted`] of several.
pub(crate) fn redacted_list<S: Serializer>(
    _secrets: &[SecretString],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(REDACTED)
}

/// Where to listen. What is none is refused here: where listening fails, the address is shown.
pub(crate) fn bind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_address = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.contains(['/', '@']) && !host.is_empty() && port.parse::<u16>().is_ok()
    });
    if is_address { Ok(text) } else { Err(must("be an address such as 127.0.0.1:3000")) }
}

/// A number within bounds, both included.
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

/// How long a stopping server answers what clients still send: an orchestrator kills after half a minute
/// or so.
pub(crate) fn drain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(0..=60), " seconds")
}

/// How fast a client reads at least.
pub(crate) fn reading_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=1_048_576), " bytes a second")
}

/// How long a client may read slower than that.
pub(crate) fn reading_patience<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u32, D::Error> {
    within(deserializer, &(1..=3_600), " seconds")
}

/// How large a column may become.
pub(crate) fn column_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &(65_536..=104_857_600), " bytes")
}

/// How much the rows of a list hold.
pub(crate) fn list_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &(1_048_576..=1_073_741_824), " bytes")
}

/// Addresses and networks: a list, or a text with commas between.
pub(crate) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = deserializer.deserialize_any(ListVisitor)?;
    let network = |text: &String| {
        let parsed = text.parse().or_else(|_no_network| text.parse::<IpAddr>().map(IpNet::from));
        parsed.map_err(|_neither| must("be addresses or networks such as 10.0.0.0/8"))
    };
    texts.iter().map(network).collect()
}

/// How often a second. The bounds keep the database's arithmetic from overflowing.
pub(crate) fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, &(0.01..=10_000.0), " a second")
}

/// How long a row is a worker's: longer than a creation may take, before which it is renewed.
pub(crate) fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(15..=3_600), " seconds, for a creation may take ten")
}

/// How long a creation without an answer is left alone: Clerk's lists are not up to date at once.
pub(crate) fn settling<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=3_600), " seconds")
}

/// How many rows one process works on at once: as many calls may be under way, so that none waits for its
/// turn while its lease runs.
pub(crate) fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(deserializer, &(0..=16), "")
}

/// How many requests wait for a connection: each is held in memory.
pub(crate) fn queue_length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(0..=100_000), "")
}

/// How long a request waits for a connection: somebody waits for the answer.
pub(crate) fn queue_wait<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, &(0.1..=60.0), " seconds")
}

/// How often something is tried.
pub(crate) fn attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, &(1..=1_000), "")
}

/// The address of a service. It may hold credentials, which are used and never shown.
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
    /// The address without what may be secret: user, password, query and fragment.
    #[must_use]
    pub fn shown(&self) -> String {
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
        fmt::Debug::fmt(&self.shown(), formatter)
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

/// The address of a service, without a slash at its end; the empty text is none. Secrets travel
/// there: in clear only on this machine.
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
    Err(must("be an https:// address, or an http:// address of this machine"))
}

/// Whether nobody else reads what travels to this address.
pub(crate) fn may_carry_secrets(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || is_on_this_machine(&url))
}

/// The address of a service to which no secret travels, without a slash at its end; the empty text is none.
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

/// [`service_url`], of a service that has a default.
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

/// [`origins`] that a token can name: each is one.
pub(crate) fn parties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let parties = origins(deserializer)?;
    if parties.iter().any(|party| party == "*") {
        return Err(must("name origins: leave the list empty, without `*`, to take every origin"));
    }
    Ok(parties)
}

/// A PostgreSQL URL; the empty text is none. Checked here, for libpq's complaints quote what they
/// could not read.
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

/// Whether it is a URL with each of its hosts: libpq takes several with commas between, for standbys.
fn is_database_url(text: &str) -> bool {
    let Some((scheme @ ("postgres" | "postgresql"), rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.split_once('@') {
        // The host begins after the first one, so that the rest of a password would be shown as its name.
        Some((_, hosts)) if hosts.contains('@') => return false,
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    hosts.split(',').all(|host| {
        // libpq has a default for a host that is not named; it may stand in the query, too.
        let default = if host.is_empty() || host.starts_with(':') { "localhost" } else { "" };
        Url::parse(&format!("{scheme}://{user}{default}{host}{path}")).is_ok()
    })
}

/// Whether every `%` begins a code of two hexadecimal digits.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    })
}

/// Origins: a list, or a text with commas between, for the environment has texts only.
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
        formatter.write_str("a list of texts")
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
