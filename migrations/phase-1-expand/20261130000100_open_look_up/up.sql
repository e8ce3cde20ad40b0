-- What election-api has yet to be asked about, or had no answer about: workers of `api` ask again, the
-- oldest first. A claim moves `due_at` to the end of its lease.
CREATE TABLE open_look_up (
    kind text NOT NULL
        CONSTRAINT open_look_up_kind_known CHECK (kind IN ('position', 'district', 'campaign')),
    key text NOT NULL,
    since timestamptz(3) NOT NULL DEFAULT now(),
    due_at timestamptz(3) NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    outcome text CONSTRAINT open_look_up_outcome_known CHECK (outcome IN ('unknown', 'unanswered')),
    asked_at timestamptz(3),
    PRIMARY KEY (kind, key)
);

CREATE INDEX open_look_up_due_at_idx ON open_look_up (due_at);

COMMENT ON TABLE open_look_up IS 'What is stored half known, until election-api has been asked about it';
COMMENT ON COLUMN open_look_up.kind IS
    'position: facts that nobody verified; district: one without its id; campaign: its JSON has yet to name the district of its position';
COMMENT ON COLUMN open_look_up.key IS
    'Id of the position or campaign; of a district a JSON array of state, type and name';
COMMENT ON COLUMN open_look_up.since IS 'When it was first noted';
COMMENT ON COLUMN open_look_up.due_at IS 'When to ask next; while it is asked, the end of the lease';
COMMENT ON COLUMN open_look_up.attempts IS 'How often it was asked';
COMMENT ON COLUMN open_look_up.outcome IS
    'How that went: unknown to election-api, or unanswered; NULL before the first answer';
COMMENT ON COLUMN open_look_up.asked_at IS 'When it was last asked';
