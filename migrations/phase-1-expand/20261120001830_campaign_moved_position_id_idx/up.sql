-- The backfill walks positions in the order of their ids. Texts that no id can be are left out, for an
-- index takes no long ones. The blanks are those that Unicode calls white space.
CREATE INDEX CONCURRENTLY IF NOT EXISTS campaign_moved_position_id_idx ON campaign ((
    CASE WHEN jsonb_typeof(details->'positionId') = 'string' AND octet_length(details->>'positionId') <= 1024
        THEN btrim(details->>'positionId', E'\t\n\u000B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') COLLATE "C"
    END
));
