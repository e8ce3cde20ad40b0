//! The outbox as workers use it, behind the port of the domain.

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
        Claim, ClerkOrganizationId, ClerkUserId, DeadLetter, InstanceProblem, Lease, OutboxDepth,
        Provisioning, ProvisioningLimits, Reschedule, WriteResult,
    },
};

use super::{
    budget::{self, Requester},
    dead_letters::{self, retry_dead_letters},
    queue, status, sweep, switch,
};
use crate::error::store_error;

/// How long ids of Clerk's messages are kept: Clerk retries a message for a day, and people may
/// resend one for some time after that.
const MESSAGES_KEPT: &str = "30 days";

/// An arbitrary number: together with a Clerk user id, the advisory lock for linking or deleting
/// that user.
const USER_LOCK: i32 = 746_532_106;

pub(crate) struct PgProvisioning<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
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
    #[diesel(sql_type = SqlUuid)]
    source: Uuid,
}

impl PgProvisioning<'_> {
    fn execute(&mut self, query: &str, lease: &Lease) -> Result<usize, StoreError> {
        diesel::sql_query(query)
            .bind::<SqlUuid, _>(lease.organization.0)
            .bind::<SqlUuid, _>(lease.token)
            .execute(self.connection)
            .map_err(store_error)
    }

    /// An advisory lock, because the user may not have a row yet.
    fn lock_user(&mut self, id: &ClerkUserId) -> QueryResult<()> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
            .bind::<Integer, _>(USER_LOCK)
            .bind::<Text, _>(id.as_str())
            .execute(self.connection)
            .map(drop)
    }

    /// Rows with an expired lease come before new ones: they have waited longest.
    fn next(&mut self, limits: &ProvisioningLimits, token: Uuid) -> QueryResult<Option<Row>> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET lease_token = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
             WHERE organization_id = (
                 SELECT organization_id FROM clerk_outbox
                 WHERE dead_at IS NULL AND next_attempt_at <= clock_timestamp()
                   AND (lease_until IS NULL OR lease_until < clock_timestamp())
                 ORDER BY is_backfill, next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING organization_id, version, is_deletion, clerk_organization_id,
                       creating_since IS NOT NULL AS is_creating, creating_for, attempts,
                       (SELECT source FROM clerk_switch) AS source",
        )
        .bind::<SqlUuid, _>(token)
        .bind::<Double, _>(limits.lease.as_secs_f64())
        .get_result(self.connection)
        .optional()
    }
}

impl Provisioning for PgProvisioning<'_> {
    fn claim(&mut self, limits: &ProvisioningLimits) -> Result<Claim, StoreError> {
        if self.switch()? != Some(true) {
            return Ok(Claim::Off);
        }
        let wait = budget::wait(self.connection, limits.requests_per_second, Requester::Worker)
            .map_err(store_error)?;
        if let Some(rest) = wait {
            return Ok(Claim::Rest(rest));
        }
        let token = Uuid::now_v7();
        let Some(row) = self.next(limits, token).map_err(store_error)? else {
            return Ok(Claim::Idle);
        };
        self.spend(limits, 1)?;
        Ok(Claim::Taken(Lease {
            organization: OrganizationId(row.organization_id),
            token,
            version: row.version,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            is_creating: row.is_creating,
            // A malformed id does not identify a user whose memberships could be searched.
            creator: row.creating_for.as_deref().and_then(ClerkUserId::parse),
            is_deletion: row.is_deletion,
            hint: row.clerk_organization_id,
            source: row.source,
        }))
    }

    fn begin_creation(
        &mut self,
        lease: &Lease,
        creator: Option<&ClerkUserId>,
        limits: &ProvisioningLimits,
    ) -> Result<bool, StoreError> {
        diesel::sql_query(
            "UPDATE clerk_outbox SET creating_since = coalesce(creating_since, clock_timestamp()),
                 creating_for = coalesce($4, creating_for),
                 lease_until = clock_timestamp() + make_interval(secs => $3)
             WHERE organization_id = $1 AND lease_token = $2 AND NOT is_deletion",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<Double, _>(limits.lease.as_secs_f64())
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
    ) -> Result<WriteResult, StoreError> {
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
            return Ok(WriteResult::Kept);
        }
        let noted = diesel::sql_query(
            "UPDATE clerk_outbox SET clerk_organization_id = $2 WHERE organization_id = $1 AND is_deletion",
        )
        .bind::<SqlUuid, _>(lease.organization.0)
        .bind::<Text, _>(id.as_str())
        .execute(self.connection)
        .map_err(store_error)?;
        Ok(if noted == 1 { WriteResult::Gone } else { WriteResult::Superseded })
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
        let released = self.execute(
            "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL, attempts = 0,
                 next_attempt_at = clock_timestamp()
             WHERE organization_id = $1 AND lease_token = $2",
            lease,
        )?;
        if released == 0 {
            // Another worker took the row after this lease expired, and may have synced newer data
            // before this worker wrote older data.
            self.note(lease.organization, None)?;
        }
        Ok(())
    }

    fn reschedule(&mut self, lease: &Lease, how: &Reschedule<'_>) -> Result<(), StoreError> {
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

    fn dead_letters(&mut self, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
        if self.switch()?.is_none() {
            return Ok(Vec::new());
        }
        dead_letters::of_all(self.connection, limit).map_err(store_error)
    }

    fn retry(&mut self, organization: Option<OrganizationId>) -> Result<usize, StoreError> {
        if self.switch()?.is_none() {
            return Ok(0);
        }
        let one = organization.map(|id| [id.0]);
        let organizations = one.as_ref().map(<[Uuid; 1]>::as_slice);
        retry_dead_letters(self.connection, organizations, None).map_err(store_error)
    }

    fn dead_letter(&mut self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
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

    fn take_request(
        &mut self,
        limits: &ProvisioningLimits,
    ) -> Result<Option<Duration>, StoreError> {
        budget::take_request(self.connection, limits.requests_per_second, Requester::Worker)
            .map_err(store_error)
    }

    fn spend(&mut self, limits: &ProvisioningLimits, requests: u32) -> Result<(), StoreError> {
        budget::spend(self.connection, limits.requests_per_second, requests).map_err(store_error)
    }

    fn pause(
        &mut self,
        rest: Duration,
        problem: Option<InstanceProblem>,
    ) -> Result<(), StoreError> {
        budget::pause(self.connection, rest, problem).map_err(store_error)
    }

    fn depth(&mut self) -> Result<Option<OutboxDepth>, StoreError> {
        if self.switch()?.is_none() {
            return Ok(None);
        }
        status::depth(self.connection).map(Some).map_err(store_error)
    }

    fn switch(&mut self) -> Result<Option<bool>, StoreError> {
        // The last migration of the group creates this trigger.
        let found: Exists = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'user_provisioned'
                 AND tgrelid = to_regclass('\"user\"')) AS exists",
        )
        .get_result(self.connection)
        .map_err(store_error)?;
        if !found.exists {
            return Ok(None);
        }
        let switch = switch::read_switch(self.connection).map_err(store_error)?;
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
        let hint = hint.map(ClerkOrganizationId::as_str);
        queue::write_note(self.connection, organization.0, hint).map_err(store_error)
    }

    fn source(&mut self) -> Result<Uuid, StoreError> {
        sweep::source(self.connection).map_err(store_error)
    }
}
