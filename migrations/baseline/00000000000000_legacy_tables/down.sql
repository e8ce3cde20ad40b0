DROP TABLE outreach, campaign_update_history, "_PollIndividualMessageToPollIssue", poll_issues,
    poll_individual_message, poll, voter_file_filter, elected_office, path_to_victory, campaign, "user";
DROP TYPE "UserRole", "CampaignTier", "PollConfidence", "PollStatus", "PollIndividualMessageSender",
    "OutreachType", "OutreachStatus", "CampaignUpdateHistoryType", "OfficeLevel";
