//! The tables for diesel: only columns that the program reads or writes.

#![expect(missing_docs, reason = "diesel's macros document neither tables nor columns")]

/// SQL types of the database's enums.
pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "UserRole"))]
    pub struct UserRole;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "CampaignTier"))]
    pub struct CampaignTier;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "PollConfidence"))]
    pub struct PollConfidence;
}

diesel::table! {
    use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamp, Timestamptz};
    use super::sql_types::UserRole;

    user (id) {
        id -> Int4,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        name -> Nullable<Text>,
        email -> Text,
        phone -> Nullable<Text>,
        zip -> Nullable<Text>,
        avatar -> Nullable<Text>,
        meta_data -> Nullable<Jsonb>,
        roles -> Nullable<Array<UserRole>>,
        has_password -> Bool,
        // With phase 1.
        clerk_id -> Nullable<Text>,
        legacy_tokens_after -> Nullable<Timestamptz>,
        proven_email -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamp, Uuid};
    use super::sql_types::CampaignTier;

    campaign (id) {
        id -> Int4,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        slug -> Text,
        is_active -> Bool,
        is_verified -> Nullable<Bool>,
        is_pro -> Nullable<Bool>,
        is_demo -> Bool,
        did_win -> Nullable<Bool>,
        date_verified -> Nullable<Timestamp>,
        tier -> Nullable<CampaignTier>,
        data -> Jsonb,
        details -> Jsonb,
        ai_content -> Jsonb,
        vendor_ts_data -> Jsonb,
        user_id -> Int4,
        completed_task_ids -> Nullable<Array<Text>>,
        formatted_address -> Nullable<Text>,
        place_id -> Nullable<Text>,
        can_download_federal -> Bool,
        has_free_texts_offer -> Bool,
        free_texts_offer_redeemed_at -> Nullable<Timestamp>,
        // With phase 1: a row type that loads one of these must not be used in `legacy`.
        organization_id -> Nullable<Uuid>,
        position_id -> Nullable<Text>,
        l2_district_id -> Nullable<Text>,
        l2_district_type -> Nullable<Text>,
        l2_district_name -> Nullable<Text>,
        district_manually_set -> Bool,
    }
}

diesel::table! {
    path_to_victory (id) {
        id -> Int4,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        campaign_id -> Int4,
        data -> Jsonb,
    }
}

diesel::table! {
    elected_office (id) {
        id -> Text,
        elected_date -> Nullable<Date>,
        sworn_in_date -> Nullable<Date>,
        term_start_date -> Nullable<Date>,
        term_length_days -> Nullable<Int4>,
        term_end_date -> Nullable<Date>,
        is_active -> Bool,
        user_id -> Int4,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        // With phase 1: a row type that loads one of these must not be used in `legacy`.
        organization_id -> Nullable<Uuid>,
        position_id -> Nullable<Text>,
        l2_district_id -> Nullable<Text>,
        l2_district_type -> Nullable<Text>,
        l2_district_name -> Nullable<Text>,
        district_manually_set -> Bool,
        can_download_federal -> Bool,
    }
}

diesel::table! {
    // Its many criteria are read and written as one JSON object.
    voter_file_filter (id) {
        id -> Int4,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        name -> Nullable<Text>,
        // With phase 1.
        organization_id -> Nullable<Uuid>,
        organization_type -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Bool, Int4, Nullable, Text, Timestamp};
    use super::sql_types::PollConfidence;

    poll (id) {
        id -> Text,
        name -> Text,
        message_content -> Text,
        image_url -> Nullable<Text>,
        #[sql_name = "targetAudienceSize"]
        target_audience_size -> Int4,
        response_count -> Nullable<Int4>,
        confidence -> Nullable<PollConfidence>,
        scheduled_date -> Timestamp,
        #[sql_name = "estimatedCompletionDate"]
        estimated_completion_date -> Timestamp,
        completed_date -> Nullable<Timestamp>,
        is_completed -> Bool,
        elected_office_id -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    organization (id) {
        id -> Uuid,
        owner_id -> Int4,
        #[sql_name = "type"]
        kind -> Text,
        clerk_organization_id -> Nullable<Text>,
        request_key -> Nullable<Text>,
        request_digest -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    ballot_position (id) {
        id -> Text,
        office -> Nullable<Text>,
        ballot_level -> Nullable<Text>,
        level -> Nullable<Text>,
        state -> Nullable<Text>,
        county -> Nullable<Text>,
        city -> Nullable<Text>,
        district -> Nullable<Text>,
        zip -> Nullable<Text>,
        l2_district_id -> Nullable<Text>,
        l2_district_type -> Nullable<Text>,
        l2_district_name -> Nullable<Text>,
        source -> Text,
        verified_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    // A view: it has no key.
    user_holding (user_id) {
        user_id -> Int4,
        campaign_id -> Nullable<Int4>,
        elected_office_id -> Nullable<Text>,
        organization_id -> Nullable<Uuid>,
        clerk_organization_id -> Nullable<Text>,
        is_live -> Bool,
        is_pro -> Nullable<Bool>,
    }
}

diesel::define_sql_function! {
    /// The first that is not NULL.
    fn coalesce(
        first: diesel::sql_types::Nullable<diesel::sql_types::Text>,
        second: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>
}

diesel::define_sql_function! {
    /// A text in lower case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text
}

diesel::joinable!(path_to_victory -> campaign (campaign_id));
diesel::joinable!(campaign -> user (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    ballot_position,
    campaign,
    elected_office,
    organization,
    path_to_victory,
    user,
    user_holding,
);
