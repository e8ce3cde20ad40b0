//! Organizations: the shared context of one campaign or one elected office (design D1, §5).

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
    clerk::ClerkOrganizationId,
    offices::{Status, Term},
    positions::{Electorate, PositionLink},
};

/// Prefix of the request keys that we create; client keys may not begin with it.
const WON_PREFIX: &str = "won:";
/// Maximum length of a client's key, in characters (design §5).
const LONGEST_KEY: usize = 64;

/// Makes a creation repeatable: the second request of an owner with the same key finds the result
/// of the first (design §2, `request_key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Unique per owner.
    pub key: String,
    /// Digest of the request: the same key for another request is an error.
    pub digest: String,
}

impl RequestKey {
    /// The key of a win with a campaign: a campaign yields one office.
    #[must_use]
    pub fn of_win(campaign: OrganizationId) -> Self {
        Self { key: format!("{WON_PREFIX}{campaign}"), digest: String::new() }
    }

    /// The key of an office without one, once its data was changed explicitly: it names the
    /// office's own organization, so that no win finds it.
    #[must_use]
    pub fn of_choice(office: OrganizationId) -> Self {
        Self::of_win(office)
    }

    /// The campaign that was won, of a key from [`of_win`](Self::of_win). From before phase 1, a
    /// campaign may have further offices: their keys add the office's own organization.
    ///
    /// ```
    /// use winserve_domain::organizations::RequestKey;
    /// let campaign = "0193f6a4-0000-7000-8000-00000000000a".parse().ok();
    /// let key = "won:0193f6a4-0000-7000-8000-00000000000a";
    /// assert_eq!(RequestKey::won_campaign(key).map(|it| it.0), campaign);
    /// let further = format!("{key}:0193f6a4-0000-7000-8000-00000000000b");
    /// assert_eq!(RequestKey::won_campaign(&further).map(|it| it.0), campaign);
    /// ```
    #[must_use]
    pub fn won_campaign(key: &str) -> Option<OrganizationId> {
        let campaign = key.strip_prefix(WON_PREFIX)?.split(':').next()?;
        campaign.parse().ok().map(OrganizationId)
    }

    /// The beginning of the keys of a campaign's further offices.
    #[must_use]
    pub fn of_further_wins(campaign: OrganizationId) -> String {
        format!("{WON_PREFIX}{campaign}:")
    }

    /// A client's `Idempotency-Key`: 1 to 64 visible characters, and none of ours; `None` for
    /// another text.
    ///
    /// ```
    /// use winserve_domain::organizations::RequestKey;
    /// assert!(RequestKey::of_client("4f1c", String::new()).is_some());
    /// assert!(RequestKey::of_client("won:4f1c", String::new()).is_none());
    /// assert!(RequestKey::of_client("", String::new()).is_none());
    /// ```
    #[must_use]
    pub fn of_client(key: &str, digest: String) -> Option<Self> {
        let has_length = (1..=LONGEST_KEY).contains(&key.chars().count());
        let is_visible = !key.contains(|c: char| c.is_control() || c.is_whitespace());
        (has_length && is_visible && !key.starts_with(WON_PREFIX))
            .then(|| Self { key: key.to_owned(), digest })
    }
}

/// What an earlier request with the same key created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedEarlier {
    /// The organization.
    pub organization: OrganizationId,
    /// Digest of that request.
    pub digest: String,
}

/// A client's reference to an organization: our id, or Clerk's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationReference {
    /// Ours.
    Ours(OrganizationId),
    /// Clerk's.
    Clerk(ClerkOrganizationId),
}

impl OrganizationReference {
    /// Reads a reference; `None` for a text that can be neither.
    ///
    /// ```
    /// use winserve_domain::organizations::OrganizationReference;
    /// assert!(OrganizationReference::parse("0193f6a4-0000-7000-8000-00000000000a").is_some());
    /// assert!(OrganizationReference::parse("0193F6A4-0000-7000-8000-00000000000A").is_none());
    /// assert!(OrganizationReference::parse("org_2g7np7Hrk0SN6kj5EDMLDaKNL0S").is_some());
    /// assert!(OrganizationReference::parse("17").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // In lower case, as answers show it: one id, one spelling.
        let ours = Uuid::parse_str(text).ok().filter(|id| id.to_string() == text);
        match ours {
            Some(id) => Some(Self::Ours(OrganizationId(id))),
            None => ClerkOrganizationId::parse(text).map(Self::Clerk),
        }
    }
}

/// Staff's organization filter; `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationFilter {
    /// The organization itself.
    pub id: Option<OrganizationReference>,
    /// Part of the owner's e-mail address, ignoring case.
    pub email: Option<String>,
    /// Part of the owner's name and e-mail address, ignoring case.
    pub text: Option<String>,
    /// Rows skipped before the first.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
}

/// The two kinds of organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationKind {
    /// A campaign's.
    Campaign,
    /// An elected office's.
    ElectedOffice,
}

/// An organization with its child, as shown in a list. Read from the tables only: no upstream is
/// called (design D11).
#[derive(Debug, Clone, PartialEq)]
pub struct OrganizationItem {
    /// Key.
    pub id: OrganizationId,
    /// Its owner.
    pub owner: OrganizationOwner,
    /// Its kind.
    pub kind: OrganizationKind,
    /// Clerk's id, once Clerk has created it.
    pub clerk_organization_id: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Position and district of the child; `None` if they cannot be read.
    pub link: Option<PositionLink>,
    /// The campaign, if it is a campaign's.
    pub campaign: Option<CampaignSummary>,
    /// The office, if it is an elected office's.
    pub elected_office: Option<OfficeSummary>,
    /// Whether staff allow statewide and federal voter data.
    pub can_download_federal: bool,
    /// Whether it is a campaign that is paid, directly or otherwise.
    pub is_paid_for: bool,
    /// Whether it can have saved filters: an elected office, only once they are kept in the tables.
    pub keeps_filters: bool,
    /// Its voters; `None` if position and district cannot be read.
    pub electorate: Option<Electorate>,
    /// What is wrong with it: one damaged item must not hide the others (design D11).
    pub problem: Option<OrganizationProblem>,
}

/// The owner of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationOwner {
    /// The user.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Mobile number as written.
    pub phone: Option<String>,
}

/// What is wrong with an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationProblem {
    /// It has neither campaign nor office.
    NoChild,
    /// Its child has no position.
    NoPosition,
    /// Position or district contain invalid values.
    Unreadable,
}

impl OrganizationProblem {
    /// The problem's name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoChild => "child-missing",
            Self::NoPosition => "position-missing",
            Self::Unreadable => "position-unreadable",
        }
    }
}

/// A campaign summary for its organization.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignSummary {
    /// Key.
    pub id: CampaignId,
    /// Readable key.
    pub slug: String,
    /// Launched.
    pub is_active: bool,
    /// Pays.
    pub is_pro: bool,
    /// Whether it was won, as recorded by staff; `None` if not recorded.
    pub did_win: Option<bool>,
    /// Day of the general election from the candidate's answers, usually `YYYY-MM-DD`.
    pub election_date: Option<String>,
}

/// An elected-office summary for its organization.
#[derive(Debug, Clone, PartialEq)]
pub struct OfficeSummary {
    /// Key.
    pub id: ElectedOfficeId,
    /// Its term, as entered by its holder.
    pub term: Term,
}

impl OrganizationItem {
    /// Name of the position; `None` if none was chosen yet.
    #[must_use]
    pub fn position_name(&self) -> Option<&str> {
        self.link.as_ref()?.position.office.as_deref()
    }

    /// Its name: for a campaign the year of the election, for an office the name of its position.
    #[must_use]
    pub fn name(&self) -> String {
        match self.kind {
            OrganizationKind::Campaign => {
                match self.campaign.as_ref().and_then(CampaignSummary::election_year) {
                    Some(year) => format!("{year} Campaign"),
                    None => "Campaign".to_owned(),
                }
            }
            OrganizationKind::ElectedOffice => {
                self.position_name().unwrap_or("Elected Office").to_owned()
            }
        }
    }
}

impl OrganizationItem {
    /// Whether its campaign or office is current on a day. A campaign is past after its election
    /// day; one without a date is not past.
    #[must_use]
    pub fn status(&self, today: NaiveDate) -> Status {
        if let Some(office) = &self.elected_office {
            return office.term.status(today);
        }
        let election_day = self.campaign.as_ref().and_then(CampaignSummary::election_day);
        if election_day.is_some_and(|day| day < today) { Status::Past } else { Status::Active }
    }

    /// Sorts an owner's organizations for a switcher: offices held today, then offices whose term
    /// begins later, then campaigns by election day, then past ones, the latest first. What has no
    /// date comes last in its group, in order of creation.
    pub fn sort(items: &mut [Self], today: NaiveDate) {
        items.sort_by_key(|item| {
            let term = item.elected_office.as_ref().map(|office| office.term);
            let election_day = item.campaign.as_ref().and_then(CampaignSummary::election_day);
            let (group, day) = match (item.status(today), term) {
                (Status::Active, Some(_)) => (0, None),
                (Status::Upcoming, term) => (1, term.and_then(Term::first_day)),
                (Status::Active, None) => (2, election_day),
                (Status::Past, term) => {
                    // An office may be left before the end of its term.
                    let day = term.map_or(election_day, Term::end);
                    (3, day.map(|day| day.min(today)))
                }
            };
            let distance = day.map_or(i64::MAX, |day| (day - today).num_days().abs());
            (group, distance, item.id.0)
        });
    }
}

impl CampaignSummary {
    /// The election day, if it is a date.
    #[must_use]
    pub fn election_day(&self) -> Option<NaiveDate> {
        self.election_date.as_deref()?.get(..10)?.parse().ok()
    }

    /// The four digits at the start of an election date.
    fn election_year(&self) -> Option<&str> {
        let year = self.election_date.as_deref()?.split('-').next()?;
        (year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit())).then_some(year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(election_date: Option<&str>) -> CampaignSummary {
        CampaignSummary {
            id: CampaignId(1),
            slug: "ann".to_owned(),
            is_active: true,
            is_pro: false,
            did_win: None,
            election_date: election_date.map(str::to_owned),
        }
    }

    #[test]
    fn the_year_is_what_a_date_begins_with() {
        for (date, year) in [
            (Some("2028-11-07"), Some("2028")),
            (Some("2028"), Some("2028")),
            (Some("11/07/2028"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(campaign(date).election_year(), year, "{date:?}");
        }
    }

    /// An organization by its status and what it is sorted by.
    fn organization(
        number: u128,
        campaign: Option<CampaignSummary>,
        term: Option<Term>,
    ) -> OrganizationItem {
        OrganizationItem {
            id: OrganizationId(Uuid::from_u128(number)),
            owner: OrganizationOwner {
                id: UserId(7),
                email: String::new(),
                first_name: None,
                last_name: None,
                phone: None,
            },
            kind: if term.is_some() {
                OrganizationKind::ElectedOffice
            } else {
                OrganizationKind::Campaign
            },
            clerk_organization_id: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            link: None,
            campaign,
            elected_office: term
                .map(|term| OfficeSummary { id: ElectedOfficeId(number.to_string()), term }),
            can_download_federal: false,
            is_paid_for: false,
            keeps_filters: true,
            electorate: None,
            problem: None,
        }
    }

    fn held(from: Option<&str>, to: Option<&str>) -> Term {
        let day = |text: &str| text.parse().unwrap();
        Term {
            elected_date: None,
            sworn_in_date: None,
            term_start_date: from.map(day),
            term_end_date: to.map(day),
            term_length_days: None,
            is_active: true,
        }
    }

    #[test]
    fn a_campaign_is_past_after_its_election_day_and_without_a_date_it_is_not() {
        let today = "2028-11-07".parse().unwrap();
        for (date, status) in [
            (Some("2028-11-06"), Status::Past),
            (Some("2028-11-07"), Status::Active),
            (Some("2028-11-08T00:00:00Z"), Status::Active),
            (Some("11/06/2028"), Status::Active),
            (None, Status::Active),
        ] {
            let item = organization(1, Some(campaign(date)), None);
            assert_eq!(item.status(today), status, "{date:?}");
        }
    }

    #[test]
    fn offices_come_before_campaigns_and_both_before_what_is_past() {
        let run = |date| Some(campaign(date));
        let mut items = [
            organization(1, run(Some("2020-11-03")), None),
            organization(2, run(None), None),
            organization(3, run(Some("2030-11-05")), None),
            organization(4, run(Some("2028-11-07")), None),
            organization(5, None, Some(held(None, None))),
            organization(6, None, Some(held(Some("2029-01-01"), None))),
            organization(7, None, Some(held(None, Some("2025-01-01")))),
            organization(8, None, Some(held(Some("2025-01-01"), Some("2029-01-01")))),
            organization(9, run(Some("2024-11-05")), None),
        ];
        OrganizationItem::sort(&mut items, "2026-11-30".parse().unwrap());
        let order: Vec<u128> = items.iter().map(|item| item.id.0.as_u128()).collect();
        assert_eq!(order, [5, 8, 6, 4, 3, 2, 7, 9, 1]);
    }

    #[test]
    fn a_clients_key_has_1_to_64_visible_characters_and_is_none_of_ours() {
        let is_key = |key: &str| RequestKey::of_client(key, String::new()).is_some();
        assert!(is_key("k") && is_key(&"ü".repeat(64)));
        for key in ["", " ", "a b", "a\n", "won:", &"x".repeat(65)] {
            assert!(!is_key(key), "{key:?}");
        }
    }
}
