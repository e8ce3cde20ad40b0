-- What every process that serves says of itself, once in a few seconds.
CREATE TABLE process_heartbeat (
    process uuid PRIMARY KEY,
    build text NOT NULL,
    phase text NOT NULL,
    is_pinned boolean NOT NULL,
    knows text[] NOT NULL,
    unnamed_requests bigint NOT NULL DEFAULT 0,
    unnamed_at timestamptz(3),
    seen_at timestamptz(3) NOT NULL DEFAULT now(),
    stopped_at timestamptz(3)
);

COMMENT ON TABLE process_heartbeat IS 'Processes that serve: who must have seen a phase (design §3)';
COMMENT ON COLUMN process_heartbeat.process IS 'UUID version 7, made at its start';
COMMENT ON COLUMN process_heartbeat.build IS 'Version of the program';
COMMENT ON COLUMN process_heartbeat.phase IS 'The phase it works in';
COMMENT ON COLUMN process_heartbeat.is_pinned IS 'The configuration pins that phase';
COMMENT ON COLUMN process_heartbeat.knows IS 'The phases it can work in';
COMMENT ON COLUMN process_heartbeat.unnamed_requests IS
    'Requests since its start that named none of several organizations';
COMMENT ON COLUMN process_heartbeat.unnamed_at IS 'When it last saw such a request';
COMMENT ON COLUMN process_heartbeat.seen_at IS 'When it last said so';
COMMENT ON COLUMN process_heartbeat.stopped_at IS 'When it ended in good order';
