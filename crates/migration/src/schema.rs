//! The tables of the migration, and what it needs from the other tables.

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

diesel::table! {
    campaign (id) {
        id -> Integer,
    }
}

diesel::table! {
    ballot_position (id) {
        id -> Text,
        verified_at -> Nullable<Timestamptz>,
    }
}

diesel::define_sql_function! {
    /// The phase for the rest of the transaction.
    fn migration_phase_for_writing() -> diesel::sql_types::Text
}
