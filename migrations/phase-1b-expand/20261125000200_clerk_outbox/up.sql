-- What Clerk has to be told: one row an organization, so that changes in quick succession are one.
-- No reference to the organization, for the row of a deleted one outlives it.
CREATE TABLE clerk_outbox (
    organization_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    is_deletion boolean NOT NULL DEFAULT false,
    clerk_organization_id text,
    is_backfill boolean NOT NULL DEFAULT false,
    creating_since timestamptz(3),
    creating_for text,
    attempts integer NOT NULL DEFAULT 0 CONSTRAINT clerk_outbox_attempts_counted CHECK (attempts >= 0),
    next_attempt_at timestamptz(3) NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_until timestamptz(3),
    last_failure text,
    dead_at timestamptz(3),
    dead_reason text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT clerk_outbox_lease_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CONSTRAINT clerk_outbox_dead_whole CHECK ((dead_at IS NULL) = (dead_reason IS NULL)),
    CONSTRAINT clerk_outbox_dead_at_rest CHECK (dead_at IS NULL OR lease_token IS NULL),
    CONSTRAINT clerk_outbox_creating_whole CHECK (creating_for IS NULL OR creating_since IS NOT NULL)
);
-- What live users wait for comes before what a backfill added.
CREATE INDEX clerk_outbox_due_idx ON clerk_outbox (is_backfill, next_attempt_at) WHERE dead_at IS NULL;

COMMENT ON TABLE clerk_outbox IS
    'Organizations of which Clerk has to be told something; written in the transaction that changes them';
COMMENT ON COLUMN clerk_outbox.organization_id IS 'The organization';
COMMENT ON COLUMN clerk_outbox.version IS 'Rises with each change: what changed meanwhile is done once more';
COMMENT ON COLUMN clerk_outbox.is_deletion IS 'The organization is gone, and has to go at Clerk';
COMMENT ON COLUMN clerk_outbox.clerk_organization_id IS
    'Clerk''s id of one that is gone, or that a message of Clerk''s named, if it is known';
COMMENT ON COLUMN clerk_outbox.is_backfill IS 'Added by `run clerk-organizations`: after all others';
COMMENT ON COLUMN clerk_outbox.creating_since IS
    'Since when Clerk may have created it without our knowing; it is looked for before it is created again';
COMMENT ON COLUMN clerk_outbox.creating_for IS
    'Whom the creation named as creator at Clerk: among their organizations it is looked for';
COMMENT ON COLUMN clerk_outbox.attempts IS 'Attempts that failed since the last change of a dead letter';
COMMENT ON COLUMN clerk_outbox.next_attempt_at IS 'When it is tried next';
COMMENT ON COLUMN clerk_outbox.lease_token IS 'Whose it is at present; fences off whoever had it before';
COMMENT ON COLUMN clerk_outbox.lease_until IS 'How long, without a sign of life';
COMMENT ON COLUMN clerk_outbox.last_failure IS 'Why the last attempt failed: a code, no personal data';
COMMENT ON COLUMN clerk_outbox.dead_at IS 'When it was given up; `backfill quarantine` lists and retries it';
COMMENT ON COLUMN clerk_outbox.dead_reason IS 'Why: a code';
COMMENT ON COLUMN clerk_outbox.created_at IS 'When it was first written';

-- A change gives a dead letter another chance. It hurries nothing else: an attempt whose outcome is
-- unknown has its time before the next one.
CREATE FUNCTION clerk_outbox_note(noted uuid[]) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path FROM CURRENT
    BEGIN ATOMIC
        INSERT INTO clerk_outbox AS known (organization_id) SELECT id FROM unnest(noted) AS id ORDER BY id
        ON CONFLICT (organization_id) DO UPDATE SET
            version = known.version + 1,
            is_backfill = false,
            attempts = CASE WHEN known.dead_at IS NULL THEN known.attempts ELSE 0 END,
            next_attempt_at = CASE WHEN known.dead_at IS NULL THEN known.next_attempt_at ELSE now() END,
            dead_at = NULL,
            dead_reason = NULL
        WHERE NOT known.is_deletion;
    END;
COMMENT ON FUNCTION clerk_outbox_note IS 'Notes that Clerk has to be told of organizations';
