//! The baseline is exactly the old service's schema: compares the catalog with a literal table from the
//! legacy contract §1.

use winserve_testkit::TestDatabase;

const EXPECTED: &str = include_str!("legacy_catalog.txt");

const CATALOG: &str = r"
    SELECT line FROM (
        SELECT 1 AS part, table_name AS name, ordinal_position AS position, format('column %s.%s: %s%s%s',
            table_name, column_name, format_type(attribute.atttypid, attribute.atttypmod),
            CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END,
            coalesce(' default ' || column_default, '')) AS line
        FROM information_schema.columns
        JOIN pg_attribute AS attribute ON attrelid = format('%I', table_name)::regclass AND attname = column_name
        WHERE table_schema = 'public'
      UNION ALL
        SELECT 2, conrelid::regclass::text, 0,
            format('constraint %s on %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            AND contype <> 'n' -- From version 18 on, NOT NULL is one as well; it stands in part 1.
      UNION ALL
        SELECT 3, tablename, 0, format('index %s', regexp_replace(indexdef, '^CREATE ', ''))
        FROM pg_indexes WHERE schemaname = 'public'
      UNION ALL
        SELECT 4, typname, 0, format('enum %s: %s', typname, string_agg(enumlabel, ', ' ORDER BY enumsortorder))
        FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid GROUP BY typname
      UNION ALL
        SELECT 5, tgname, 0, format('trigger %s', tgname) FROM pg_trigger WHERE NOT tgisinternal
    ) AS catalog
    WHERE name NOT LIKE '\_\_diesel%'
    ORDER BY part, name, position, line";

#[test]
fn the_catalog_is_the_contracts() {
    let database = TestDatabase::new();
    let found: Vec<_> =
        database.rows(CATALOG).iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<_> = EXPECTED.lines().collect();
    for line in &found {
        assert!(expected.contains(&line.as_str()), "the contract has no {line}");
    }
    for line in &expected {
        assert!(found.iter().any(|it| it == line), "the database has no {line}");
    }
    assert_eq!(found.len(), expected.len());
}
