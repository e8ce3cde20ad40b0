//! Implements the domain's port with Clerk.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use quick_cache::sync::Cache;
use winserve_domain::{
    base::{BoxError, BoxFuture, Clock},
    clerk::{
        ClerkUserId, IdentityService, IdentityUnavailable, MachineId, Person, Session,
        SessionRefused,
    },
};

use crate::{
    ClerkOptions,
    answers::Answers,
    api::{ClerkApi as _, ClerkFailure},
    budget::Budget,
    claims::{Checked, Claims, key_id},
    client::{ATTEMPTS, ClerkClient, ClientError},
    keys::{KeySet, Keys},
};

/// Maximum number of cached tokens; each user has about one per minute.
const REMEMBERED: usize = 4096;
/// How long a verified machine token is cached: a revocation takes effect after that time.
const MACHINE_REMEMBERED: TimeDelta = TimeDelta::seconds(60);
/// How long a rejected machine token, and a user's data, are cached.
const REMEMBERED_SHORTLY: TimeDelta = TimeDelta::seconds(10);
/// Why Clerk is not called about a machine token.
const TOO_MANY: &str = "too many unknown machine tokens";
/// Prefix of machine tokens.
const MACHINE_TOKEN: &str = "mt_";
/// Maximum length of a machine token, in bytes.
const LONGEST_MACHINE_TOKEN: usize = 512;

/// Clerk: verifies tokens, caches verified ones, and looks up users.
pub struct Clerk {
    client: Arc<ClerkClient>,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    issuer: String,
    authorized_parties: Vec<String>,
    validation: Validation,
    sessions: Cache<Box<str>, Remembered>,
    machines: Answers<String, Option<MachineId>>,
    /// Machine tokens that were valid when last checked.
    counted: Cache<String, ()>,
    uncounted: Budget,
    people: Answers<ClerkUserId, Option<Person>>,
}

/// A token verified with a set of keys.
#[derive(Clone)]
struct Remembered {
    checked: Arc<Checked>,
    generation: u64,
}

impl Clerk {
    /// A client of Clerk with these options. Clerk is not called before the first token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(options: ClerkOptions, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let client = Arc::new(ClerkClient::new(&options)?);
        let mut validation = Validation::new(Algorithm::RS256);
        // The injected clock checks times, and `azp` replaces the audience.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            keys: Arc::new(Keys::new(Arc::clone(&client), Arc::clone(&clock))),
            client,
            clock,
            issuer: options.issuer,
            authorized_parties: options.authorized_parties,
            validation,
            sessions: Cache::new(REMEMBERED),
            machines: Answers::new(REMEMBERED),
            counted: Cache::new(REMEMBERED),
            uncounted: Budget::new(),
            people: Answers::new(REMEMBERED),
        })
    }

    async fn check(&self, token: &str) -> Result<Session, SessionRefused> {
        let now = self.clock.now();
        // First the checks that need no key: garbage is garbage, whether Clerk answers or not.
        let key_id = key_id(token)?;
        let keys = self.keys.current().await.map_err(SessionRefused::Unavailable)?;
        let remembered = self.sessions.get(token);
        if let Some(Remembered { checked, .. }) =
            remembered.filter(|remembered| remembered.generation == keys.generation)
        {
            let session = checked.counts_at(now).then(|| checked.session.clone());
            return session.ok_or(SessionRefused::Invalid("not now"));
        }
        let (claims, generation) = self.signed_claims(token, &key_id, keys).await?;
        let checked = claims.check(&self.issuer, &self.authorized_parties, now)?;
        let session = checked.session.clone();
        let remembered = Remembered { checked: Arc::new(checked), generation };
        self.sessions.insert(token.into(), remembered);
        Ok(session)
    }

    /// The claims of a token, and the generation of the keys that verified it. A key that is unknown or does
    /// not match may have been replaced: then the keys are fetched once more.
    async fn signed_claims(
        &self,
        token: &str,
        key_id: &str,
        keys: Arc<KeySet>,
    ) -> Result<(Claims, u64), SessionRefused> {
        match self.claims(token, keys.get(key_id)) {
            Err(TokenMismatch::Key) => {}
            claims => return Ok((claims.map_err(SessionRefused::from)?, keys.generation)),
        }
        let newer = self.keys.refreshed().await.map_err(SessionRefused::Unavailable)?;
        if newer.generation == keys.generation {
            return Err(TokenMismatch::Key.into());
        }
        let claims = self.claims(token, newer.get(key_id))?;
        Ok((claims, newer.generation))
    }

    fn claims(&self, token: &str, key: Option<&DecodingKey>) -> Result<Claims, TokenMismatch> {
        let key = key.ok_or(TokenMismatch::Key)?;
        match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
            Ok(data) => Ok(data.claims),
            Err(error) if *error.kind() == ErrorKind::InvalidSignature => Err(TokenMismatch::Key),
            Err(_malformed) => Err(TokenMismatch::Token),
        }
    }

    async fn find_machine(&self, token: &str) -> Result<Option<MachineId>, BoxError> {
        if !can_be_machine_token(token) {
            return Ok(None);
        }
        let now = self.clock.now();
        let token = token.to_owned();
        let ask = async || {
            let question = match self.counted.get(&token) {
                Some(()) => None,
                None => Some(self.uncounted.take(now).ok_or(TOO_MANY)?),
            };
            // A check within the budget is one call, even while Clerk fails.
            let attempts = if question.is_some() { 1 } else { ATTEMPTS };
            let answer = self.client.find_machine_token(&token, attempts).await?;
            let expiration = answer.as_ref().and_then(|answer| answer.expiration);
            let expiration = expiration.and_then(DateTime::from_timestamp_millis);
            let machine = answer.and_then(|answer| answer.machine());
            let remembered = match machine {
                Some(_) => now + MACHINE_REMEMBERED,
                None => now + REMEMBERED_SHORTLY,
            };
            let has_ended = expiration.is_some_and(|end| end <= now);
            let until =
                expiration.filter(|end| *end > now).map_or(remembered, |end| end.min(remembered));
            let machine = machine.filter(|_| !has_ended);
            match machine {
                Some(_) => self.counted.insert(token.clone(), ()),
                None => drop(self.counted.remove(&token)),
            }
            Ok((machine, until))
        };
        self.machines.get(&token, now, ask).await
    }

    async fn find_person(&self, id: &ClerkUserId) -> Result<Option<Person>, ClerkFailure> {
        let now = self.clock.now();
        let ask = async || {
            let person = self.client.user(id).await?.map(|user| Person {
                id: id.clone(),
                verified_email: user.verified_email().map(str::to_owned),
                first_name: user.first_name,
                last_name: user.last_name,
            });
            Ok((person, now + REMEMBERED_SHORTLY))
        };
        self.people.get(id, now, ask).await
    }

    async fn remove_person(&self, id: &ClerkUserId) -> Result<(), ClerkFailure> {
        let removed = self.client.delete_user(id).await;
        self.people.forget(id);
        removed
    }
}

fn can_be_machine_token(token: &str) -> bool {
    token.len() <= LONGEST_MACHINE_TOKEN
        && token.strip_prefix(MACHINE_TOKEN).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
}

/// Why a token yields no claims.
enum TokenMismatch {
    /// None of our keys verifies it.
    Key,
    /// It is malformed.
    Token,
}

impl From<TokenMismatch> for SessionRefused {
    fn from(mismatch: TokenMismatch) -> Self {
        Self::Invalid(match mismatch {
            TokenMismatch::Key => "no key verifies it",
            TokenMismatch::Token => "malformed",
        })
    }
}

impl IdentityService for Clerk {
    fn session<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Session, SessionRefused>> {
        Box::pin(self.check(token))
    }

    fn person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<Option<Person>, IdentityUnavailable>> {
        Box::pin(async { self.find_person(id).await.map_err(unavailable) })
    }

    fn delete_person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<(), IdentityUnavailable>> {
        Box::pin(async { self.remove_person(id).await.map_err(unavailable) })
    }

    fn machine<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<MachineId>, IdentityUnavailable>> {
        Box::pin(async { self.find_machine(token).await.map_err(IdentityUnavailable) })
    }
}

fn unavailable(failure: ClerkFailure) -> IdentityUnavailable {
    IdentityUnavailable(failure.into())
}
