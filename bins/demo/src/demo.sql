-- Six people whom a newcomer understands, in the tables of the old service. Ids begin at 1,000,000,001, so that
-- generated rows, which count from 1, fit beside them.

INSERT INTO "user" (id, updated_at, first_name, last_name, name, email, phone, zip, roles, has_password, meta_data)
VALUES
    (1000000001, now(), 'Carla', 'Candidate', 'Carla Candidate', 'candidate@example.org',
     '5175550101', '49286', '{candidate}', true, '{"textNotifications": true}'),
    (1000000002, now(), 'Oscar', 'Official', 'Oscar Official', 'official@example.org',
     '3075550102', '82001', '{candidate}', true, '{}'),
    (1000000003, now(), 'Ada', 'Admin', 'Ada Admin', 'admin@example.org',
     '2025550103', '20001', '{admin}', true, '{}'),
    (1000000004, now(), 'Nora', 'Newcomer', 'Nora Newcomer', 'newcomer@example.org',
     '5175550104', '49221', '{candidate}', true, '{}'),
    (1000000005, now(), 'Pat', 'Planner', 'Pat Planner', 'planner@example.org',
     '5175550105', '49221', '{candidate}', true, '{}'),
    (1000000006, now(), 'Sam', 'Several', 'Sam Several', 'several@example.org',
     '5175550106', '49286', '{candidate}', true, '{}');

-- 1   Carla runs for mayor; the office comes from BallotReady, its voters from the L2 file.
-- 2   Oscar won a seat on the city council in 2024 and holds it; 3 he runs again; 4 an earlier campaign was lost.
-- 5   Nora is not Pro, and her office has no district.
-- 6,7 Pat prepares two campaigns without a date: for an office that BallotReady does not know, and one without Pro.
-- 8   Sam won the township in 2020, and the term is over; 9 the whole state, pending approval; 10 was voted on, and
--     Sam has not said how it ended.
INSERT INTO campaign (id, updated_at, slug, is_active, is_verified, is_pro, did_win, user_id, data, details)
SELECT id, now(), slug, true, true, is_pro, did_win, user_id,
    jsonb_build_object('slug', slug, 'currentStep', 'onboarding-complete', 'launchStatus', 'launched'),
    details::jsonb || '{"pledged": true, "knowRun": "yes"}'
FROM (VALUES
    (1000000001, 'carla-candidate', true, NULL::boolean, 1000000001,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1",
       "raceId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb25FbGVjdGlvbi8yMjM4Mjk1",
       "electionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvRWxlY3Rpb24vNTk4OQ==",
       "office": "Other", "otherOffice": "Tecumseh City Mayor", "ballotLevel": "CITY",
       "state": "MI", "city": "Tecumseh", "zip": "49286", "electionDate": "2028-11-07",
       "officeTermLength": "2 years", "partisanType": "nonpartisan",
       "customIssues": [{"title": "Roads", "position": "Repair them."}]}'),
    (1000000002, 'oscar-official', true, true, 1000000002,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=",
       "raceId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb25FbGVjdGlvbi8yMjM4Mjk2",
       "office": "Other", "otherOffice": "Cheyenne City Council - Ward 1", "ballotLevel": "CITY",
       "state": "WY", "city": "Cheyenne", "zip": "82001", "electionDate": "2024-11-05",
       "officeTermLength": "4 years", "wonGeneral": true}'),
    (1000000003, 'oscar-official-2028', true, NULL, 1000000002,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=",
       "office": "Other", "otherOffice": "Cheyenne City Council - Ward 1", "ballotLevel": "CITY",
       "state": "WY", "city": "Cheyenne", "zip": "82001", "electionDate": "2028-11-07",
       "officeTermLength": "4 years"}'),
    (1000000004, 'oscar-official-2020', false, false, 1000000002,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTQ=",
       "office": "Other", "otherOffice": "Cheyenne City Council - Ward 2", "ballotLevel": "CITY",
       "state": "WY", "city": "Cheyenne", "zip": "82001", "electionDate": "2020-11-03",
       "officeTermLength": "4 years"}'),
    (1000000005, 'nora-newcomer', false, NULL, 1000000004,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNjAwMTc=",
       "office": "Other", "otherOffice": "Lenawee Conservation District Director", "ballotLevel": "REGIONAL",
       "state": "MI", "city": "Adrian", "zip": "49221", "electionDate": "2028-11-07",
       "officeTermLength": "4 years"}'),
    (1000000006, 'pat-planner', true, NULL, 1000000005,
     '{"positionId": null, "office": "Other", "otherOffice": "Adrian Parks Commissioner", "ballotLevel": "CITY",
       "state": "MI", "city": "Adrian", "zip": "49221"}'),
    (1000000007, 'pat-planner-commission', false, NULL, 1000000005,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMTAx",
       "office": "Other", "otherOffice": "Adrian City Commission", "ballotLevel": "CITY",
       "state": "MI", "city": "Adrian", "zip": "49221", "officeTermLength": "4 years"}'),
    (1000000008, 'sam-several', true, true, 1000000006,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMzUw",
       "office": "Other", "otherOffice": "Raisin Township Supervisor", "ballotLevel": "TOWNSHIP",
       "state": "MI", "city": "Tecumseh", "zip": "49286", "electionDate": "2020-11-03",
       "officeTermLength": "4 years", "wonGeneral": true}'),
    (1000000009, 'sam-several-governor', true, NULL, 1000000006,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=",
       "office": "Other", "otherOffice": "Governor of Michigan", "ballotLevel": "STATE",
       "state": "MI", "city": "Tecumseh", "zip": "49286", "electionDate": "2030-11-05",
       "officeTermLength": "4 years"}'),
    (1000000010, 'sam-several-schools', true, NULL, 1000000006,
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNTIzMTE=",
       "office": "Other", "otherOffice": "Tecumseh School Board", "ballotLevel": "LOCAL",
       "state": "MI", "city": "Tecumseh", "zip": "49286", "electionDate": "2026-11-03",
       "officeTermLength": "6 years"}')) AS campaigns (id, slug, is_pro, did_win, user_id, details);

INSERT INTO path_to_victory (id, updated_at, campaign_id, data)
SELECT id, now(), id,
    jsonb_build_object('p2vStatus', 'Complete', 'source', 'ElectionApi', 'electionType', kind,
        'electionLocation', name, 'districtManuallySet', by_hand, 'projectedTurnout', turnout,
        'winNumber', turnout / 2 + 1, 'voterContactGoal', (turnout / 2 + 1) * 5)
FROM (VALUES
    (1000000001, 'City', 'MI##TECUMSEH CITY##', false, 3100),
    (1000000002, 'City_Ward', 'CHEYENNE CITY WARD 1', true, 4200),
    (1000000003, 'City_Ward', 'CHEYENNE CITY WARD 1', false, 4200),
    (1000000004, 'City_Ward', 'CHEYENNE CITY WARD 2', false, 4050),
    (1000000006, 'City', 'ADRIAN CITY', true, 7200),
    (1000000007, 'City', 'ADRIAN CITY', false, 7200),
    (1000000008, 'Township', 'RAISIN TOWNSHIP', false, 3900),
    (1000000009, 'State', 'MI', false, 5500000),
    (1000000010, 'School_District', 'TECUMSEH PUBLIC SCHOOLS', false, 9000)) AS goals (id, kind, name, by_hand, turnout);

INSERT INTO elected_office (id, updated_at, elected_date, sworn_in_date, term_start_date, term_end_date, is_active,
    user_id, campaign_id)
VALUES
    ('01935a5c-0000-7000-8000-000000000002', now(), '2024-11-05', '2025-01-06', '2025-01-06', '2029-01-08', true,
     1000000002, 1000000002),
    ('01935a5c-0000-7000-8000-000000000008', now(), '2020-11-03', '2021-01-04', '2021-01-04', '2025-01-06', false,
     1000000006, 1000000008);

INSERT INTO voter_file_filter (updated_at, name, campaign_id, audience_super_voters, audience_likely_voters, age_18_25,
    age_25_35, age_50_plus, has_cell_phone, party_independent, homeowner_no, has_children_yes)
VALUES
    (now(), 'Likely to vote, over 50', 1000000001, true, true, false, false, true, false, false, false, false),
    (now(), 'Young renters with a cell phone', 1000000001, false, false, true, true, false, true, false, true, false),
    (now(), 'Independents with children', 1000000001, false, false, false, false, false, false, true, false, true),
    (now(), 'Likely to vote, with a cell phone', 1000000003, true, true, false, false, false, true, false, false, false),
    (now(), 'Parents', 1000000010, false, false, false, false, false, false, false, false, true);

INSERT INTO poll (id, updated_at, name, message_content, "targetAudienceSize", response_count, confidence,
    scheduled_date, "estimatedCompletionDate", completed_date, is_completed, elected_office_id)
VALUES
    ('01935a5c-0000-7000-8000-000000000101', now(), 'Top Community Issues',
     'Hi, this is Oscar from your City Council. What should we work on first in Ward 1?', 500, 87, 'HIGH',
     now() - interval '40 days', now() - interval '35 days', now() - interval '36 days', true,
     '01935a5c-0000-7000-8000-000000000002'),
    ('01935a5c-0000-7000-8000-000000000102', now(), 'Downtown parking',
     'Hi, this is Oscar from your City Council. Should parking downtown stay free after 5 pm?', 500, NULL, NULL,
     now() + interval '7 days', now() + interval '12 days', NULL, false,
     '01935a5c-0000-7000-8000-000000000002');

INSERT INTO poll_issues (id, updated_at, poll_id, title, summary, details, response_count)
VALUES
    ('01935a5c-0000-7000-8000-000000000201', now(), '01935a5c-0000-7000-8000-000000000101', 'Road repair',
     'Potholes on Pershing Boulevard.', 'Many ask for repairs before the winter.', 41),
    ('01935a5c-0000-7000-8000-000000000202', now(), '01935a5c-0000-7000-8000-000000000101', 'Sidewalks',
     'Missing sidewalks near schools.', 'Parents name three crossings.', 23);

SELECT setval('user_id_seq', (SELECT max(id) FROM "user")),
       setval('campaign_id_seq', (SELECT max(id) FROM campaign)),
       setval('path_to_victory_id_seq', (SELECT max(id) FROM path_to_victory));
