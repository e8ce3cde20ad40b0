-- Phase 1b is a switch beside the phase: workers leave Clerk alone while it is off, and changes wait.
CREATE TABLE clerk_switch (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT clerk_switch_only_row CHECK (only_row),
    is_on boolean NOT NULL DEFAULT false,
    since timestamptz(3) NOT NULL DEFAULT now(),
    source uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO clerk_switch DEFAULT VALUES;

COMMENT ON TABLE clerk_switch IS 'Whether organizations are provided at Clerk (design §3, phase 1b)';
COMMENT ON COLUMN clerk_switch.only_row IS 'There is one row';
COMMENT ON COLUMN clerk_switch.is_on IS 'Workers reach Clerk';
COMMENT ON COLUMN clerk_switch.since IS 'Since when';
COMMENT ON COLUMN clerk_switch.source IS
    'In the private metadata of each organization at Clerk: a sweep removes nothing of another database''s';

-- One row for all workers of all processes.
CREATE TABLE clerk_budget (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT clerk_budget_only_row CHECK (only_row),
    requests double precision NOT NULL DEFAULT 0,
    refilled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_until timestamptz NOT NULL DEFAULT '-infinity',
    halted_by text
);
INSERT INTO clerk_budget DEFAULT VALUES;

COMMENT ON TABLE clerk_budget IS 'How many requests may be sent to Clerk now, by all workers together';
COMMENT ON COLUMN clerk_budget.only_row IS 'There is one row';
COMMENT ON COLUMN clerk_budget.requests IS
    'Requests that may be sent; below zero after a row that took several, until it has filled up again';
COMMENT ON COLUMN clerk_budget.refilled_at IS 'When that was so; it fills with time';
COMMENT ON COLUMN clerk_budget.paused_until IS 'Until when Clerk is left alone';
COMMENT ON COLUMN clerk_budget.halted_by IS
    'The setting of the Clerk instance or the key that nothing can be done with; NULL: none';
