//! The suites that cross crates: HTTP in, rows out, on real PostgreSQL.
