-- The tables of the old service that Winserve works with, exactly as its 168 migrations left them
-- (legacy contract §1). Columns that the contract does not list are left out.

CREATE TYPE "UserRole" AS ENUM ('sales', 'candidate', 'admin', 'campaignManager', 'demo');
CREATE TYPE "CampaignTier" AS ENUM ('WIN', 'LOSE', 'TOSSUP');
CREATE TYPE "PollConfidence" AS ENUM ('LOW', 'HIGH');
CREATE TYPE "PollStatus" AS ENUM ('SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'EXPANDING');
CREATE TYPE "PollIndividualMessageSender" AS ENUM ('ELECTED_OFFICIAL', 'CONSTITUENT');
CREATE TYPE "OutreachType" AS ENUM
    ('text', 'doorKnocking', 'phoneBanking', 'socialMedia', 'robocall', 'p2p');
CREATE TYPE "OutreachStatus" AS ENUM
    ('pending', 'approved', 'denied', 'paid', 'in_progress', 'completed');
CREATE TYPE "CampaignUpdateHistoryType" AS ENUM
    ('doorKnocking', 'calls', 'digital', 'directMail', 'digitalAds', 'text', 'events', 'yardSigns',
     'robocall', 'phoneBanking', 'socialMedia');
CREATE TYPE "OfficeLevel" AS ENUM ('federal', 'state', 'local');

CREATE TABLE "user" (
    id serial CONSTRAINT user_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    first_name text DEFAULT '',
    last_name text DEFAULT '',
    name text,
    email text NOT NULL,
    password text,
    phone text,
    zip text,
    password_reset_token text,
    avatar text,
    meta_data jsonb,
    roles "UserRole"[] DEFAULT ARRAY[]::"UserRole"[],
    has_password boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX user_email_key ON "user" (email);
CREATE INDEX user_first_name_idx ON "user" (first_name);
CREATE INDEX user_last_name_idx ON "user" (last_name);

CREATE TABLE campaign (
    id serial CONSTRAINT campaign_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    slug text NOT NULL,
    is_active boolean NOT NULL DEFAULT false,
    is_verified boolean,
    is_pro boolean DEFAULT false,
    is_demo boolean NOT NULL DEFAULT false,
    did_win boolean,
    date_verified timestamp(3),
    tier "CampaignTier",
    data jsonb NOT NULL DEFAULT '{}',
    details jsonb NOT NULL DEFAULT '{}',
    ai_content jsonb NOT NULL DEFAULT '{}',
    vendor_ts_data jsonb NOT NULL DEFAULT '{}',
    user_id integer NOT NULL,
    completed_task_ids text[] DEFAULT ARRAY[]::text[],
    formatted_address text,
    place_id text,
    can_download_federal boolean NOT NULL DEFAULT false,
    has_free_texts_offer boolean NOT NULL DEFAULT false,
    free_texts_offer_redeemed_at timestamp(3),
    CONSTRAINT campaign_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX campaign_slug_key ON campaign (slug);
CREATE INDEX campaign_slug_idx ON campaign (slug);

CREATE TABLE path_to_victory (
    id serial CONSTRAINT path_to_victory_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    campaign_id integer NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT path_to_victory_campaign_id_fkey FOREIGN KEY (campaign_id)
        REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX path_to_victory_campaign_id_key ON path_to_victory (campaign_id);
CREATE INDEX path_to_victory_campaign_id_idx ON path_to_victory (campaign_id);

CREATE TABLE elected_office (
    id text CONSTRAINT elected_office_pkey PRIMARY KEY,
    elected_date date,
    sworn_in_date date,
    term_start_date date,
    term_length_days integer,
    term_end_date date,
    is_active boolean NOT NULL DEFAULT true,
    user_id integer NOT NULL,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    campaign_id integer NOT NULL,
    CONSTRAINT elected_office_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT elected_office_campaign_id_fkey FOREIGN KEY (campaign_id)
        REFERENCES campaign (id) ON DELETE NO ACTION ON UPDATE CASCADE
);
CREATE INDEX elected_office_user_id_idx ON elected_office (user_id);
CREATE INDEX elected_office_campaign_id_idx ON elected_office (campaign_id);

CREATE TABLE voter_file_filter (
    id serial CONSTRAINT voter_file_filter_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    name text,
    campaign_id integer NOT NULL,
    voter_count integer,
    language_codes text[] DEFAULT ARRAY[]::text[],
    voter_status text[] DEFAULT ARRAY[]::text[],
    income_ranges text[] DEFAULT ARRAY[]::text[],
    audience_super_voters boolean DEFAULT false,
    audience_likely_voters boolean DEFAULT false,
    audience_unreliable_voters boolean DEFAULT false,
    audience_unlikely_voters boolean DEFAULT false,
    audience_first_time_voters boolean DEFAULT false,
    audience_unknown boolean DEFAULT false,
    party_independent boolean DEFAULT false,
    party_democrat boolean DEFAULT false,
    party_republican boolean DEFAULT false,
    party_unknown boolean DEFAULT false,
    age_18_25 boolean DEFAULT false,
    age_25_35 boolean DEFAULT false,
    age_35_50 boolean DEFAULT false,
    age_50_plus boolean DEFAULT false,
    age_unknown boolean DEFAULT false,
    gender_male boolean DEFAULT false,
    gender_female boolean DEFAULT false,
    gender_unknown boolean DEFAULT false,
    has_cell_phone boolean DEFAULT false,
    has_landline boolean DEFAULT false,
    likely_married boolean DEFAULT false,
    likely_single boolean DEFAULT false,
    married boolean DEFAULT false,
    single boolean DEFAULT false,
    marital_unknown boolean DEFAULT false,
    veteran_yes boolean DEFAULT false,
    veteran_unknown boolean DEFAULT false,
    education_none boolean DEFAULT false,
    education_high_school_diploma boolean DEFAULT false,
    education_technical_school boolean DEFAULT false,
    education_some_college boolean DEFAULT false,
    education_college_degree boolean DEFAULT false,
    education_graduate_degree boolean DEFAULT false,
    education_unknown boolean DEFAULT false,
    income_unknown boolean DEFAULT false,
    ethnicity_asian boolean DEFAULT false,
    ethnicity_european boolean DEFAULT false,
    ethnicity_hispanic boolean DEFAULT false,
    ethnicity_african_american boolean DEFAULT false,
    ethnicity_other boolean DEFAULT false,
    ethnicity_unknown boolean DEFAULT false,
    business_owner_yes boolean DEFAULT false,
    business_owner_unknown boolean DEFAULT false,
    registered_voter_true boolean DEFAULT false,
    registered_voter_false boolean DEFAULT false,
    registered_voter_unknown boolean DEFAULT false,
    has_children_yes boolean DEFAULT false,
    has_children_no boolean DEFAULT false,
    has_children_unknown boolean DEFAULT false,
    homeowner_yes boolean DEFAULT false,
    homeowner_likely boolean DEFAULT false,
    homeowner_no boolean DEFAULT false,
    homeowner_unknown boolean DEFAULT false,
    CONSTRAINT voter_file_filter_campaign_id_fkey FOREIGN KEY (campaign_id)
        REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX voter_file_filter_campaign_id_idx ON voter_file_filter (campaign_id);
CREATE INDEX voter_file_filter_id_campaign_id_idx ON voter_file_filter (id, campaign_id);

CREATE TABLE poll (
    id text CONSTRAINT poll_pkey PRIMARY KEY,
    name text NOT NULL,
    message_content text NOT NULL,
    image_url text,
    "targetAudienceSize" integer NOT NULL,
    response_count integer,
    confidence "PollConfidence",
    scheduled_date timestamp(3) NOT NULL,
    "estimatedCompletionDate" timestamp(3) NOT NULL,
    completed_date timestamp(3),
    is_completed boolean NOT NULL DEFAULT false,
    elected_office_id text,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    CONSTRAINT poll_elected_office_id_fkey FOREIGN KEY (elected_office_id)
        REFERENCES elected_office (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX poll_elected_office_id_id_idx ON poll (elected_office_id, id);

CREATE TABLE poll_individual_message (
    id text CONSTRAINT poll_individual_message_pkey PRIMARY KEY,
    person_id text NOT NULL,
    person_cell_phone text,
    sent_at timestamp(3) NOT NULL,
    is_opt_out boolean,
    sender "PollIndividualMessageSender" NOT NULL DEFAULT 'ELECTED_OFFICIAL',
    content text,
    elected_office_id text,
    poll_id text NOT NULL,
    CONSTRAINT poll_individual_message_elected_office_id_fkey FOREIGN KEY (elected_office_id)
        REFERENCES elected_office (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT poll_individual_message_poll_id_fkey FOREIGN KEY (poll_id)
        REFERENCES poll (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX poll_individual_message_elected_office_id_person_id_sent_at_idx
    ON poll_individual_message (elected_office_id, person_id, sent_at);
CREATE INDEX poll_individual_message_elected_office_id_poll_id_person_ce_idx
    ON poll_individual_message (elected_office_id, poll_id, person_cell_phone);

CREATE TABLE poll_issues (
    id text CONSTRAINT poll_issues_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    poll_id text NOT NULL,
    title text NOT NULL,
    summary text NOT NULL,
    details text NOT NULL,
    "representativeComments" jsonb[],
    response_count integer NOT NULL,
    CONSTRAINT poll_issues_poll_id_fkey FOREIGN KEY (poll_id)
        REFERENCES poll (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX poll_issues_poll_id_id_idx ON poll_issues (poll_id, id);

CREATE TABLE "_PollIndividualMessageToPollIssue" (
    "A" text NOT NULL,
    "B" text NOT NULL,
    CONSTRAINT "_PollIndividualMessageToPollIssue_AB_pkey" PRIMARY KEY ("A", "B"),
    CONSTRAINT "_PollIndividualMessageToPollIssue_A_fkey" FOREIGN KEY ("A")
        REFERENCES poll_individual_message (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "_PollIndividualMessageToPollIssue_B_fkey" FOREIGN KEY ("B")
        REFERENCES poll_issues (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "_PollIndividualMessageToPollIssue_B_index" ON "_PollIndividualMessageToPollIssue" ("B");

CREATE TABLE campaign_update_history (
    id serial CONSTRAINT campaign_update_history_pkey PRIMARY KEY,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    campaign_id integer NOT NULL,
    user_id integer NOT NULL,
    type "CampaignUpdateHistoryType" NOT NULL,
    quantity integer NOT NULL,
    CONSTRAINT campaign_update_history_campaign_id_fkey FOREIGN KEY (campaign_id)
        REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT campaign_update_history_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX campaign_update_history_campaign_id_idx ON campaign_update_history (campaign_id);

CREATE TABLE outreach (
    id serial CONSTRAINT outreach_pkey PRIMARY KEY,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL,
    "campaignId" integer NOT NULL,
    project_id text,
    name text,
    status "OutreachStatus" DEFAULT 'pending',
    error text,
    audience_request text,
    script text,
    message text,
    date timestamp(3),
    image_url text,
    outreach_type "OutreachType" NOT NULL,
    voter_file_filter_id integer,
    did_state text,
    identity_id text,
    phone_list_id integer,
    title text,
    did_npa_subset text[] NOT NULL DEFAULT ARRAY[]::text[],
    CONSTRAINT "outreach_campaignId_fkey" FOREIGN KEY ("campaignId")
        REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT outreach_voter_file_filter_id_fkey FOREIGN KEY (voter_file_filter_id)
        REFERENCES voter_file_filter (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE INDEX "outreach_campaignId_idx" ON outreach ("campaignId");
