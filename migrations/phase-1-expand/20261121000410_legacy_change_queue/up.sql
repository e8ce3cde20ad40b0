-- `api` brings what was noted into the tables: what has waited longest first. A campaign that fails is tried
-- again later, and keeps nobody waiting.
ALTER TABLE legacy_change
    ADD COLUMN noted_at timestamptz(3) NOT NULL DEFAULT now(),
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN next_attempt_at timestamptz(3) NOT NULL DEFAULT now();
UPDATE legacy_change SET noted_at = changed_at;

COMMENT ON TABLE legacy_change IS
    'Campaigns whose moved keys another service changed, or that it won an office with, until the tables say so';
COMMENT ON COLUMN legacy_change.changes IS 'How many changes there were since the tables last said so';
COMMENT ON COLUMN legacy_change.changed_at IS 'When the last change was';
COMMENT ON COLUMN legacy_change.noted_at IS 'When the first change was';
COMMENT ON COLUMN legacy_change.attempts IS 'How often bringing it into the tables failed since the last change';
COMMENT ON COLUMN legacy_change.next_attempt_at IS 'When to try next';

-- A campaign that is being deleted is not there any more. Another change deserves a new attempt at once.
CREATE OR REPLACE FUNCTION legacy_change_note(changed integer) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path FROM CURRENT
    BEGIN ATOMIC
        INSERT INTO legacy_change AS known (campaign_id) SELECT id FROM campaign WHERE id = changed
        ON CONFLICT (campaign_id) DO UPDATE SET
            changes = known.changes + 1, changed_at = now(), attempts = 0, next_attempt_at = now();
    END;

-- One worker of all servers does it at a time.
CREATE TABLE legacy_change_lease (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT legacy_change_lease_only_row CHECK (only_row),
    holder uuid,
    held_until timestamptz(3) NOT NULL DEFAULT 'epoch'
);
INSERT INTO legacy_change_lease DEFAULT VALUES;

COMMENT ON TABLE legacy_change_lease IS 'Which worker brings `legacy_change` into the tables';
COMMENT ON COLUMN legacy_change_lease.only_row IS 'There is one row';
COMMENT ON COLUMN legacy_change_lease.holder IS 'The worker';
COMMENT ON COLUMN legacy_change_lease.held_until IS 'Until when no other worker may take over';
