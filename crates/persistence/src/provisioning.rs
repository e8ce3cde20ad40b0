//! The outbox of what Clerk has to be told, and the budget of requests. Times are the database's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{
    base::{OrganizationId, StoreError},
    clerk::{
        Claim, ClerkOrganizationId, ClerkUserId, GiveBack, InstanceProblem, Lease, OutboxDepth,
        Pace, Provisioning, Stored,
    },
};

use crate::{clerk_switch, error::store_error};

/// Messages of Clerk's are remembered so long; it gives up sending one after a day, and people may send one
/// again for some time.
const MESSAGES_KEPT: &str = "30 days";

/// Any number: with a user of Clerk's, what whoever links or forgets them locks.
const USER_LOCK: i32 = 746_532_106;

pub(crate) struct PgProvisioning<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// How the budget stands.
#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = SqlUuid)]
    source: Uuid,
    /// Seconds until the next request may be sent.
    #[diesel(sql_type = Double)]
    rest: f64,
}

impl Standing {
    fn rest(&self) -> Option<Duration> {
        let rest = Duration::try_from_secs_f64(self.rest).unwrap_or(Duration::MAX);
        (self.rest > 0.0).then_some(rest)
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    organization_id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Bool)]
    is_deletion: bool,
    #[diesel(sql_type = Nullable<Text>)]
    clerk_organization_id: Option<String>,
    #[diesel(sql_type = Bool)]
    is_creating: bool,
    #[diesel(sql_type = Nullable<Text>)]
    creating_for: Option<String>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

/// Requests that may be sent by now, at a rate of `$1` a second: a second's at most, or one.
pub(crate) const AVAILABLE: &str = "least(greatest($1, 1),
    requests + $1 * greatest(0, extract(epoch FROM clock_timestamp() - refilled_at)))";

/// Nobody sends anything for so long; with the reason, if people have to change something.
pub(crate) fn pause(
    connection: &mut PgConnection,
    rest: Duration,
    problem: Option<InstanceProblem>,
) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE clerk_budget SET
             halted_by = coalesce($2, CASE WHEN paused_until > clock_timestamp() THEN halted_by END),
             paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => $1))",
    )
    .bind::<Double, _>(rest.as_secs_f64())
    .bind::<Nullable<Text>, _>(problem.map(InstanceProblem::as_str))
    .execute(connection)
    .map(drop)
}

impl PgProvisioning<'_> {
    fn execute(&mut self, query: &str, lease: &Lease) -> Result<usize, StoreError> {
        diesel::sql_query(query)
            .bind::<SqlUuid, _>(lease.organization.0)
            .bind::<SqlUuid, _>(lease.token)
            .execute(self.connection)
            .map_err(store_error)
    }

    /// There may be no row of a user yet that could be locked.
    fn lock_user(&mut self, id: &ClerkUserId) -> QueryResult<()> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
            .bind::<Integer, _>(USER_LOCK)
            .bind::<Text, _>(id.as_str())
            .execute(self.connection)
            .map(drop)
    }

    fn standing(&mut self, pace: &Pace) -> QueryResult<Standing> {
        diesel::sql_query(format!(
            "SELECT source,
                    greatest(extract(epoch FROM paused_until - clock_timestamp()), (1 - {AVAILABLE}) / $1, 0)
                        ::double precision AS rest
             FROM clerk_switch, (SELECT requests, refilled_at, greatest(paused_until, '2000-01-01') AS paused_until
                                 FROM clerk_budget) AS budget"
        ))
        .bind::<Double, _>(pace.requests_per_second)
        .get_result(self.connection)
    }

    /// Rows whose worker has died come before new ones, for somebody waits for them longest.
    fn next(&mut self, pace: &Pace, token: Uuid) -> QueryResult<Option<Row>> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET lease_token = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
             WHERE organization_id = (
                 SELECT organization_id FROM clerk_outbox
                 WHERE dead_at IS NULL AND next_attempt_at <= clock_timestamp()
                   AND (lease_until IS NULL OR lease_until < clock_timestamp())
                 ORDER BY is_backfill, next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING organization_id, version, is_deletion, clerk_organization_id,
                       creating_since IS NOT NULL AS is_creating, creating_for, attempts",
        )
        .bind::<SqlUuid, _>(token)
        .bind::<Double, _>(pace.lease.as_secs_f64())
        .get_result(self.connection)
        .optional()
    }
}

impl Provisioning for PgProvisioning<'_> {
    fn claim(&mut self, pace: &Pace) -> Result<Claim, StoreError> {
        if self.switch()? != Some(true) {
            return Ok(Claim::Off);
        }
        let standing = self.standing(pace).map_err(store_error)?;
        if let Some(rest) = standing.rest() {
            return Ok(Claim::Rest(rest));
        }
        let token = Uuid::now_v7();
        let Some(row) = self.next(pace, token).map_err(store_error)? else {
            return Ok(Claim::Idle);
        };
        self.spend(pace, 1)?;
        Ok(Claim::Taken(Lease {
            organization: OrganizationId(row.organization_id),
            token,
            version: row.version,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            is_creating: row.is_creating,
            // What is no user's id at Clerk has no membership to look through.
            creator: row.creating_for.as_deref().and_then(ClerkUserId::parse),
            is_deletion: row.is_deletion,
            hint: row.clerk_organization_id,
            source: standing.source,
        }))
    }

    fn begin_creation(
        &mut self,
        lease: &Lease,
        creator: Option<&ClerkUserId>,
        pace: &Pace,
    ) -> Result<bool, StoreError> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET creating_since = coalesce(creating_since, clock_timestamp()),
                 creating_for = coalesce($4, creating_for),
                 lease_until = clock_timestamp() + make_interval(secs => $3)
             WHERE organization_id = $1 AND lease_token = $2 AND NOT is_deletion",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<Double, _>(pace.lease.as_secs_f64())
        .bind::<Nullable<Text>, _>(creator.map(ClerkUserId::as_str))
        .execute(self.connection)
        .map(|rows| rows == 1)
        .map_err(store_error)
    }

    fn store(
        &mut self,
        lease: &Lease,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Stored, StoreError> {
        let stored = diesel::sql_query(
            "UPDATE organization SET clerk_organization_id = $2,
                 updated_at = CASE WHEN clerk_organization_id IS NULL THEN $3 ELSE updated_at END
             WHERE id = $1 AND coalesce(clerk_organization_id, $2) = $2",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<Text, _>(id.as_str())
        .bind::<Timestamptz, _>(now)
        .execute(self.connection)
        .map_err(store_error)?;
        if stored == 1 {
            self.execute(
                "UPDATE clerk_outbox SET creating_since = NULL, creating_for = NULL, clerk_organization_id = NULL
                 WHERE organization_id = $1 AND lease_token = $2",
                lease,
            )?;
            return Ok(Stored::Kept);
        }
        let noted = diesel::sql_query(
            "UPDATE clerk_outbox SET clerk_organization_id = $2 WHERE organization_id = $1 AND is_deletion",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<Text, _>(id.as_str())
        .execute(self.connection)
        .map_err(store_error)?;
        Ok(if noted == 1 { Stored::Gone } else { Stored::Superseded })
    }

    fn forget(
        &mut self,
        organization: OrganizationId,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        diesel::sql_query(
            "UPDATE organization SET clerk_organization_id = NULL, updated_at = $3
             WHERE id = $1 AND clerk_organization_id = $2",
        )
        .bind::<SqlUuid, _>(organization.0)
        .bind::<Text, _>(id.as_str())
        .bind::<Timestamptz, _>(now)
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn finish(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let done = diesel::sql_query(
            "DELETE FROM clerk_outbox WHERE organization_id = $1 AND lease_token = $2 AND version = $3",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<BigInt, _>(lease.version)
        .execute(self.connection)
        .map_err(store_error)?;
        if done == 1 {
            return Ok(());
        }
        let given_back = self.execute(
            "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL, attempts = 0,
                 next_attempt_at = clock_timestamp()
             WHERE organization_id = $1 AND lease_token = $2",
            lease,
        )?;
        if given_back == 0 {
            // It was another worker's by then, which may have told something newer before this one told Clerk
            // what it knew.
            self.note(lease.organization, None)?;
        }
        Ok(())
    }

    fn give_back(&mut self, lease: &Lease, how: &GiveBack<'_>) -> Result<(), StoreError> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL, last_failure = $3,
                 attempts = attempts + $4, next_attempt_at = clock_timestamp() + make_interval(secs => $5),
                 creating_since = CASE WHEN $6 THEN NULL ELSE creating_since END,
                 creating_for = CASE WHEN $6 THEN NULL ELSE creating_for END
             WHERE organization_id = $1 AND lease_token = $2",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<Text, _>(how.failure)
        .bind::<Integer, _>(i32::from(how.counts))
        .bind::<Double, _>(how.delay.as_secs_f64())
        .bind::<Bool, _>(how.is_uncreated)
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn bury(&mut self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL, attempts = attempts + 1,
                 last_failure = $3, dead_at = clock_timestamp(), dead_reason = $3
             WHERE organization_id = $1 AND lease_token = $2",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<Text, _>(reason)
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn take_request(&mut self, pace: &Pace) -> Result<Option<Duration>, StoreError> {
        let rest = self.standing(pace).map_err(store_error)?.rest();
        if rest.is_none() {
            self.spend(pace, 1)?;
        }
        Ok(rest)
    }

    fn spend(&mut self, pace: &Pace, requests: u32) -> Result<(), StoreError> {
        if requests == 0 {
            return Ok(());
        }
        diesel::sql_query(format!(
            "UPDATE clerk_budget SET requests = {AVAILABLE} - $2, refilled_at = clock_timestamp(),
                 halted_by = CASE WHEN paused_until > clock_timestamp() THEN halted_by END"
        ))
        .bind::<Double, _>(pace.requests_per_second)
        .bind::<Double, _>(f64::from(requests))
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn pause(
        &mut self,
        rest: Duration,
        problem: Option<InstanceProblem>,
    ) -> Result<(), StoreError> {
        pause(self.connection, rest, problem).map_err(store_error)
    }

    fn depth(&mut self) -> Result<Option<OutboxDepth>, StoreError> {
        #[derive(QueryableByName)]
        struct Depth {
            #[diesel(sql_type = BigInt)]
            pending: i64,
            #[diesel(sql_type = BigInt)]
            oldest_seconds: i64,
            #[diesel(sql_type = BigInt)]
            dead: i64,
        }
        if self.switch()?.is_none() {
            return Ok(None);
        }
        let depth: Depth = diesel::sql_query(
            "SELECT count(*) FILTER (WHERE dead_at IS NULL) AS pending,
                    count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
                    coalesce(extract(epoch FROM clock_timestamp()
                        - min(created_at) FILTER (WHERE dead_at IS NULL))::bigint, 0) AS oldest_seconds
             FROM clerk_outbox",
        )
        .get_result(self.connection)
        .map_err(store_error)?;
        let Depth { pending, oldest_seconds, dead } = depth;
        Ok(Some(OutboxDepth { pending, oldest_seconds, dead }))
    }

    fn switch(&mut self) -> Result<Option<bool>, StoreError> {
        // The trigger of the last migration: with it the group is whole.
        let found: Exists = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'user_provisioned'
                 AND tgrelid = to_regclass('\"user\"')) AS exists",
        )
        .get_result(self.connection)
        .map_err(store_error)?;
        if !found.exists {
            return Ok(None);
        }
        let switch = clerk_switch::read_switch(self.connection).map_err(store_error)?;
        Ok(switch.map(|switch| switch.is_on))
    }

    fn take_message(&mut self, id: &str) -> Result<bool, StoreError> {
        diesel::sql_query(format!(
            "WITH forgotten AS (
                 DELETE FROM clerk_webhook_message WHERE received_at < now() - interval '{MESSAGES_KEPT}'
             )
             INSERT INTO clerk_webhook_message (id) VALUES ($1) ON CONFLICT (id) DO NOTHING"
        ))
        .bind::<Text, _>(id)
        .execute(self.connection)
        .map(|rows| rows == 1)
        .map_err(store_error)
    }

    fn remember_deleted_user(&mut self, id: &ClerkUserId) -> Result<(), StoreError> {
        self.lock_user(id).map_err(store_error)?;
        diesel::sql_query(
            "INSERT INTO clerk_deleted_user (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
        )
        .bind::<Text, _>(id.as_str())
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn is_deleted_user(&mut self, id: &ClerkUserId) -> Result<bool, StoreError> {
        self.lock_user(id).map_err(store_error)?;
        diesel::sql_query("SELECT EXISTS (SELECT FROM clerk_deleted_user WHERE id = $1) AS exists")
            .bind::<Text, _>(id.as_str())
            .get_result(self.connection)
            .map(|found: Exists| found.exists)
            .map_err(store_error)
    }

    fn note(
        &mut self,
        organization: OrganizationId,
        hint: Option<&ClerkOrganizationId>,
    ) -> Result<(), StoreError> {
        diesel::sql_query("SELECT clerk_outbox_note(ARRAY[$1])")
            .bind::<SqlUuid, _>(organization.0)
            .execute(self.connection)
            .map_err(store_error)?;
        let Some(hint) = hint else { return Ok(()) };
        diesel::sql_query(
            "UPDATE clerk_outbox SET clerk_organization_id = $2 WHERE organization_id = $1 AND NOT is_deletion",
        )
        .bind::<SqlUuid, _>(organization.0)
        .bind::<Text, _>(hint.as_str())
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn source(&mut self) -> Result<Uuid, StoreError> {
        #[derive(QueryableByName)]
        struct Source {
            #[diesel(sql_type = SqlUuid)]
            source: Uuid,
        }
        diesel::sql_query("SELECT source FROM clerk_switch")
            .get_result(self.connection)
            .map(|row: Source| row.source)
            .map_err(store_error)
    }
}
