//! The tables of the migration.

diesel::table! {
    migration_phase (only_row) {
        only_row -> Bool,
        phase -> Text,
    }
}

diesel::table! {
    legacy_change (campaign_id) {
        campaign_id -> Integer,
        changes -> Integer,
    }
}

diesel::define_sql_function! {
    /// The phase for the rest of the transaction.
    fn migration_phase_for_writing() -> diesel::sql_types::Text
}
