CREATE TABLE organization (
    id uuid PRIMARY KEY,
    owner_id integer NOT NULL
        CONSTRAINT organization_owner_id_fkey REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    type text NOT NULL
        CONSTRAINT organization_type_known CHECK (type IN ('campaign', 'elected_office')),
    clerk_organization_id text CONSTRAINT organization_clerk_organization_id_key UNIQUE,
    request_key text,
    request_digest text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    -- What children refer to, so that their type and owner cannot be others.
    CONSTRAINT organization_id_type_key UNIQUE (id, type),
    CONSTRAINT organization_id_type_owner_key UNIQUE (id, type, owner_id),
    CONSTRAINT organization_owner_request_key UNIQUE (owner_id, request_key)
);
CREATE INDEX organization_owner_id_idx ON organization (owner_id);

COMMENT ON TABLE organization IS
    'The shared context of one campaign or one elected office (design D1); has exactly one child';
COMMENT ON COLUMN organization.id IS 'UUID version 7';
COMMENT ON COLUMN organization.owner_id IS 'The user; the child has the same';
COMMENT ON COLUMN organization.type IS 'campaign or elected_office; never changes';
COMMENT ON COLUMN organization.clerk_organization_id IS 'Clerk''s id, once Clerk has answered (D4)';
COMMENT ON COLUMN organization.request_key IS
    'What makes a creation repeatable: an Idempotency-Key, or won:<organization of the campaign>';
COMMENT ON COLUMN organization.request_digest IS 'Digest of the creating request''s body';
COMMENT ON COLUMN organization.created_at IS 'When the row was made';
COMMENT ON COLUMN organization.updated_at IS 'When the row last changed';
