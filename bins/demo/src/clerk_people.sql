-- Everybody has signed in at the emulator of Clerk before.
UPDATE "user" SET clerk_id = people.clerk_id
FROM (VALUES
    (1000000001, 'user_carla'), (1000000002, 'user_oscar'), (1000000003, 'user_ada'),
    (1000000004, 'user_nora'), (1000000005, 'user_pat'), (1000000006, 'user_sam')) AS people (id, clerk_id)
WHERE "user".id = people.id AND "user".clerk_id IS DISTINCT FROM people.clerk_id;
