-- Three people whom a newcomer understands. Ids begin at 1,000,000,001, so that generated rows,
-- which count from 1, fit beside them. Run again, it changes nothing.

INSERT INTO "user" (id, updated_at, first_name, last_name, name, email, phone, zip, roles, has_password, meta_data)
VALUES
    (1000000001, now(), 'Carla', 'Candidate', 'Carla Candidate', 'candidate@example.org',
     '5175550101', '49286', '{candidate}', true, '{"textNotifications": true}'),
    (1000000002, now(), 'Oscar', 'Official', 'Oscar Official', 'official@example.org',
     '3075550102', '82001', '{candidate}', true, '{}'),
    (1000000003, now(), 'Ada', 'Admin', 'Ada Admin', 'admin@example.org',
     '2025550103', '20001', '{admin}', true, '{}')
ON CONFLICT DO NOTHING;

-- Carla runs for mayor; the office comes from BallotReady, its voters from the L2 file.
-- Oscar ran for the city council, won, and holds the office.
INSERT INTO campaign (id, updated_at, slug, is_active, is_verified, is_pro, did_win, user_id, data, details)
VALUES
    (1000000001, now(), 'carla-candidate', true, true, false, NULL, 1000000001,
     '{"slug": "carla-candidate", "currentStep": "onboarding-complete", "launchStatus": "launched"}',
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1",
       "raceId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb25FbGVjdGlvbi8yMjM4Mjk1",
       "electionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvRWxlY3Rpb24vNTk4OQ==",
       "office": "Other", "otherOffice": "Tecumseh City Mayor", "ballotLevel": "CITY",
       "state": "MI", "city": "Tecumseh", "zip": "49286", "electionDate": "2028-11-07",
       "officeTermLength": "2 years", "partisanType": "nonpartisan", "pledged": true,
       "knowRun": "yes", "customIssues": [{"title": "Roads", "position": "Repair them."}]}'),
    (1000000002, now(), 'oscar-official', true, true, true, true, 1000000002,
     '{"slug": "oscar-official", "currentStep": "onboarding-complete", "launchStatus": "launched"}',
     '{"positionId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=",
       "raceId": "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb25FbGVjdGlvbi8yMjM4Mjk2",
       "office": "Other", "otherOffice": "Cheyenne City Council - Ward 1", "ballotLevel": "CITY",
       "state": "WY", "city": "Cheyenne", "zip": "82001", "electionDate": "2024-11-05",
       "officeTermLength": "4 years", "pledged": true, "knowRun": "yes", "wonGeneral": true}')
ON CONFLICT DO NOTHING;

INSERT INTO path_to_victory (id, updated_at, campaign_id, data)
SELECT id, now(), id, data::jsonb
FROM (VALUES
    (1000000001,
     '{"p2vStatus": "Complete", "source": "ElectionApi", "electionType": "City",
       "electionLocation": "MI##TECUMSEH CITY##", "districtManuallySet": false,
       "projectedTurnout": 3100, "winNumber": 1551, "voterContactGoal": 7755}'),
    (1000000002,
     '{"p2vStatus": "Complete", "source": "ElectionApi", "electionType": "City_Ward",
       "electionLocation": "CHEYENNE CITY WARD 1", "districtManuallySet": true,
       "projectedTurnout": 4200, "winNumber": 2101, "voterContactGoal": 10505}')) AS goals (id, data)
ON CONFLICT DO NOTHING;

INSERT INTO elected_office (id, updated_at, elected_date, sworn_in_date, is_active, user_id, campaign_id)
VALUES ('01935a5c-0000-7000-8000-000000000002', now(), '2024-11-05', '2025-01-06', true, 1000000002, 1000000002)
ON CONFLICT DO NOTHING;

SELECT setval('user_id_seq', (SELECT max(id) FROM "user")),
       setval('campaign_id_seq', (SELECT max(id) FROM campaign)),
       setval('path_to_victory_id_seq', (SELECT max(id) FROM path_to_victory));
