-- What only the new tables can say. Run again, it changes nothing.

-- An office's lists have no party and no likelihood to vote.
INSERT INTO voter_file_filter (updated_at, name, organization_id, organization_type, has_cell_phone, homeowner_yes,
    has_children_yes, language_codes)
SELECT now(), name, organization_id, organization_type, cell_phone, homeowner, children, languages::text[]
FROM elected_office, (VALUES
    ('Homeowners with children', false, true, true, '{}'),
    ('Spanish speakers with a cell phone', true, false, false, '{es}')
    ) AS lists (name, cell_phone, homeowner, children, languages)
WHERE elected_office.id = '01935a5c-0000-7000-8000-000000000002'
    AND NOT EXISTS (SELECT FROM voter_file_filter
        WHERE voter_file_filter.organization_id = elected_office.organization_id);
