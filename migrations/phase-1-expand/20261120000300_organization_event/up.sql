CREATE TABLE organization_event (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL,
    owner_id integer NOT NULL
        CONSTRAINT organization_event_owner_id_fkey REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    actor text NOT NULL,
    kind text NOT NULL,
    before jsonb,
    after jsonb,
    created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX organization_event_organization_id_idx ON organization_event (organization_id, sequence);
CREATE INDEX organization_event_owner_id_idx ON organization_event (owner_id);

COMMENT ON TABLE organization_event IS
    'Append-only: who changed what of an organization; audit trail and feed for the CRM in one';
COMMENT ON COLUMN organization_event.sequence IS 'Order of the feed';
COMMENT ON COLUMN organization_event.organization_id IS
    'The organization; no reference, for the trail outlives it';
COMMENT ON COLUMN organization_event.owner_id IS 'For whom; the trail goes with its user';
COMMENT ON COLUMN organization_event.actor IS 'Who, such as user:7 or machine:mch_1';
COMMENT ON COLUMN organization_event.kind IS 'What, such as organization.created';
COMMENT ON COLUMN organization_event.before IS 'Ids before';
COMMENT ON COLUMN organization_event.after IS 'Ids after';
COMMENT ON COLUMN organization_event.created_at IS 'When';
