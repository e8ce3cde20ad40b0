-- The index went for good.
SELECT 1;
