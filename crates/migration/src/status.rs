//! `backfill status`: what a legacy database holds.

use std::collections::BTreeMap;

use crate::phase::Phase;
use crate::{
    legacy::{
        HolderRow, LegacyCounts, SharedEmails, UnreadableRow, campaigns_after, legacy_counts,
        shared_emails, unreadable_rows,
    },
    legacy_changes::lag,
    migrate::{self, Group},
    phase,
    sql::{are_look_ups_kept, notes_of_other_services, open_look_ups},
};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
pub use winserve_admin::SCHEMA_VERSION;
use winserve_admin::clerk::status_lines;
use winserve_domain::{
    base::{StoreError, unreadable::JsonColumn},
    campaigns::{
        Oddity,
        campaign_json::{self, Decoded},
    },
    migration::Lag,
    positions::{OpenLookups, PositionId},
};
use winserve_persistence::{
    PgConnection,
    clerk_outbox::{self, ClerkStatus},
    read_snapshot, store_error,
};

/// Campaigns per page: limits memory, whatever the table's size.
const PAGE: i64 = 1_000;
/// Ids shown per oddity.
const EXAMPLES: usize = 5;
/// Maximum number of listed e-mail addresses that several users share.
const SHARED_EMAILS: i64 = 100;
/// Maximum number of listed unreadable JSON parts.
const UNREADABLE_EXAMPLES: usize = 20;

/// Contents of a legacy database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The phase the database is in.
    pub phase: Phase,
    /// Users.
    pub users: i64,
    /// Rows of voter goals.
    pub path_to_victory: i64,
    /// Saved voter filters.
    pub voter_file_filters: i64,
    /// Campaigns by their office and district.
    pub campaigns: Holders,
    /// Elected offices, by the data of their campaign: they have no own office or district.
    pub elected_offices: Holders,
    /// Users with more than one campaign.
    pub users_with_several_campaigns: i64,
    /// Users with more than one active elected office.
    pub users_with_several_active_offices: i64,
    /// Campaigns from which more than one elected office was won.
    pub campaigns_with_several_offices: i64,
    /// E-mail addresses shared by several users, with different case: none of these users can sign
    /// in with Clerk for the first time.
    pub emails_of_several_users: EmailsOfSeveralUsers,
    /// How far the tables lag behind what the old service writes; absent before `migrate phase-1-expand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_service: Option<OldServiceLag>,
    /// Organizations in Clerk; absent before `migrate phase-1b-expand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clerk: Option<ClerkStatus>,
    /// Open lookups, by kind; absent before `migrate phase-1-expand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_ups: Option<BTreeMap<String, OpenLookUp>>,
    /// Oddities, in the order of [`Oddity::ALL`]; those that do not occur are omitted.
    pub oddities: Vec<OddityCount>,
    /// Unreadable JSON: numbers out of range, or too deep nesting.
    pub unreadable: UnreadableJson,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// How far the tables lag behind what the old service writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct OldServiceLag {
    /// Campaigns that it changed, or won an office with, and that are not in the tables yet.
    pub pending: i64,
    /// Of these, those that could not be copied to the tables yet.
    pub failing: i64,
    /// Waiting time of the oldest one.
    pub oldest_seconds: f64,
}

impl From<Lag> for OldServiceLag {
    fn from(Lag { pending, failing, oldest_seconds }: Lag) -> Self {
        Self { pending, failing, oldest_seconds }
    }
}

/// Holders of an office, counted. The first three add up to the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Holders {
    /// All.
    pub total: i64,
    /// Linked to a position by a BallotReady id.
    pub known_position: i64,
    /// With an office as text and no usable position id.
    pub custom_office: i64,
    /// Without any office.
    pub no_office: i64,
    /// With their own L2 district, by type and name.
    pub own_district: i64,
    /// Of these, chosen by hand.
    pub own_district_by_hand: i64,
}

/// E-mail addresses that several users share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EmailsOfSeveralUsers {
    /// How many there are.
    pub total: i64,
    /// The users of each of the first hundred, by id.
    pub users: Vec<Vec<i32>>,
}

impl From<SharedEmails> for EmailsOfSeveralUsers {
    fn from(SharedEmails { total, users }: SharedEmails) -> Self {
        Self { total, users }
    }
}

/// Open lookups of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenLookUp {
    /// How many.
    pub open: i64,
    /// Of these, those without an answer at the last request.
    pub unanswered: i64,
    /// Age of the oldest, in seconds.
    pub oldest_seconds: i64,
}

impl From<OpenLookups> for OpenLookUp {
    fn from(OpenLookups { open, unanswered, oldest_seconds, .. }: OpenLookups) -> Self {
        Self { open, unanswered, oldest_seconds }
    }
}

/// How often an oddity occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OddityCount {
    /// Its code.
    pub code: Oddity,
    /// A sentence.
    pub explanation: &'static str,
    /// Campaigns that have it.
    pub campaigns: i64,
    /// Elected offices won from them.
    pub elected_offices: i64,
    /// The first campaigns that have it, by id.
    pub examples: Vec<i32>,
}

/// Unreadable JSON of the old tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UnreadableJson {
    /// How many parts of values.
    pub parts: usize,
    /// The first of them.
    pub examples: Vec<UnreadablePart>,
}

/// An unreadable part of a JSON value; clients get the rest of the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadablePart {
    /// Table.
    pub table: &'static str,
    /// Key of the row.
    pub row: i32,
    /// Column, with the member of the object, such as `details.winNumber`.
    pub column: String,
}

impl From<&[UnreadableRow]> for UnreadableJson {
    fn from(rows: &[UnreadableRow]) -> Self {
        let examples = rows.iter().take(UNREADABLE_EXAMPLES).map(|it| UnreadablePart {
            table: it.column.table(),
            row: it.row,
            column: it.path.clone(),
        });
        Self { parts: rows.len(), examples: examples.collect() }
    }
}

/// Reads every campaign of a legacy database in one read-only snapshot.
///
/// # Errors
/// [`StoreError`].
pub fn collect(connection: &mut PgConnection) -> Result<Status, StoreError> {
    read_snapshot(connection, |connection| {
        let phase = phase::read(connection).map_err(store_error)?;
        let counts = legacy_counts(connection)?;
        let mut tally = Tally::default();
        let mut after = None;
        loop {
            let page = campaigns_after(connection, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.campaign);
            for row in &page {
                tally.add(row);
            }
        }
        // The end of phase 3 drops the records.
        let notes_changes = migrate::is_expanded(connection, Group::Phase1)
            .map_err(|error| StoreError::Other(error.into()))?
            && notes_of_other_services(connection).map_err(store_error)?.is_some();
        let old_service =
            if notes_changes { Some(lag(connection).map_err(store_error)?.into()) } else { None };
        let is_prepared = migrate::is_expanded(connection, Group::Phase1b)
            .map_err(|error| StoreError::Other(error.into()))?;
        let clerk = if is_prepared {
            Some(clerk_outbox::status(connection).map_err(store_error)?)
        } else {
            None
        };
        let look_ups = if are_look_ups_kept(connection).map_err(store_error)? {
            let open = open_look_ups(connection).map_err(store_error)?;
            Some(open.into_iter().map(|it| (it.kind.clone(), it.into())).collect())
        } else {
            None
        };
        let emails_of_several_users = shared_emails(connection, SHARED_EMAILS)?.into();
        let unreadable = unreadable_rows(connection).map_err(store_error)?.as_slice().into();
        let status = tally.into_status(phase, counts);
        Ok(Status { emails_of_several_users, old_service, clerk, look_ups, unreadable, ..status })
    })
}

/// [`campaign_json::decode`], with unreadable values treated as absent.
fn decode(row: &HolderRow) -> Decoded {
    let mut decoded =
        campaign_json::decode(row.campaign, &row.details, row.path_to_victory.as_ref());
    for (column, oddity) in [
        (JsonColumn::Details, Oddity::DetailsUnreadable),
        (JsonColumn::PathToVictory, Oddity::PathToVictoryUnreadable),
    ] {
        if row.unreadable.iter().any(|part| part.column == column) {
            decoded.oddities.push(oddity);
        }
    }
    decoded
}

#[derive(Default)]
struct Tally {
    campaigns: Holders,
    elected_offices: Holders,
    oddities: BTreeMap<Oddity, OddityCount>,
}

impl Tally {
    fn add(&mut self, row: &HolderRow) {
        let decoded = decode(row);
        self.campaigns.add(&decoded, 1);
        self.elected_offices.add(&decoded, row.elected_offices);
        for oddity in decoded.oddities {
            let count = self.oddities.entry(oddity).or_insert_with(|| OddityCount {
                code: oddity,
                explanation: oddity.explanation(),
                campaigns: 0,
                elected_offices: 0,
                examples: Vec::new(),
            });
            count.campaigns += 1;
            count.elected_offices += row.elected_offices;
            if count.examples.len() < EXAMPLES {
                count.examples.push(row.campaign.0);
            }
        }
    }

    fn into_status(self, phase: Phase, counts: LegacyCounts) -> Status {
        Status {
            schema_version: SCHEMA_VERSION,
            phase,
            users: counts.users,
            path_to_victory: counts.path_to_victory,
            voter_file_filters: counts.voter_file_filters,
            campaigns: self.campaigns,
            elected_offices: self.elected_offices,
            users_with_several_campaigns: counts.users_with_several_campaigns,
            users_with_several_active_offices: counts.users_with_several_active_offices,
            campaigns_with_several_offices: counts.campaigns_with_several_offices,
            emails_of_several_users: EmailsOfSeveralUsers::default(),
            old_service: None,
            clerk: None,
            look_ups: None,
            oddities: self.oddities.into_values().collect(),
            unreadable: UnreadableJson::default(),
            next_steps: Vec::new(),
        }
    }
}

impl Holders {
    fn add(&mut self, decoded: &Decoded, holders: i64) {
        let link = &decoded.link;
        self.total += holders;
        match (&link.position.id, &link.position.office) {
            (PositionId::BallotReady(_), _) => self.known_position += holders,
            (_, Some(_)) => self.custom_office += holders,
            (_, None) => self.no_office += holders,
        }
        if link.district_override.is_some() {
            self.own_district += holders;
            if link.district_manually_set {
                self.own_district_by_hand += holders;
            }
        }
    }
}

/// The status for people.
#[must_use]
pub fn table(status: &Status) -> String {
    let (campaigns, offices) = (status.campaigns, status.elected_offices);
    let mut holders = new_table(["", "campaigns", "elected offices"]);
    for (label, campaigns, offices) in [
        ("all", campaigns.total, offices.total),
        ("known position (BallotReady id)", campaigns.known_position, offices.known_position),
        ("custom office (text only)", campaigns.custom_office, offices.custom_office),
        ("no office", campaigns.no_office, offices.no_office),
        ("own L2 district", campaigns.own_district, offices.own_district),
        ("  chosen by hand", campaigns.own_district_by_hand, offices.own_district_by_hand),
    ] {
        holders.add_row([label.to_owned(), campaigns.to_string(), offices.to_string()]);
    }
    align_numbers(&mut holders, &[1, 2]);

    let mut oddities =
        new_table(["oddity", "campaigns", "elected offices", "what it is", "first campaigns"]);
    for oddity in &status.oddities {
        let examples: Vec<_> = oddity.examples.iter().map(ToString::to_string).collect();
        oddities.add_row([
            oddity.code.code().to_owned(),
            oddity.campaigns.to_string(),
            oddity.elected_offices.to_string(),
            oddity.explanation.to_owned(),
            examples.join(" "),
        ]);
    }
    align_numbers(&mut oddities, &[1, 2]);

    let clerk =
        status.clerk.as_ref().map_or(String::new(), |clerk| status_lines(clerk).join("\n") + "\n");
    let look_ups = look_up_lines(status.look_ups.as_ref());
    let old_service = status.old_service.map_or(String::new(), |lag| lag_line(&lag));
    let emails = shared_emails_line(&status.emails_of_several_users);
    let unreadable = unreadable_lines(&status.unreadable);
    format!(
        "Phase {}: {} users, {} rows of voter goals, {} saved filters\n\
         {holders}\n\n{oddities}\n\n{unreadable}\
         {} users have several campaigns, {} several active elected offices; \
         {} campaigns led to several offices.\n\
         {emails}{old_service}{look_ups}{clerk}Nothing was written.",
        status.phase,
        status.users,
        status.path_to_victory,
        status.voter_file_filters,
        status.users_with_several_campaigns,
        status.users_with_several_active_offices,
        status.campaigns_with_several_offices,
    )
}

/// Open lookups, one line each.
fn look_up_lines(open: Option<&BTreeMap<String, OpenLookUp>>) -> String {
    let line = |(kind, it): (&String, &OpenLookUp)| {
        let what = match kind.as_str() {
            "position" => "unverified positions",
            "verified-position" => {
                "positions without a district or level, to be looked up once more"
            }
            "district" => "districts without an id",
            _ => "campaigns that wait for the district of their position",
        };
        let OpenLookUp { open, unanswered, oldest_seconds } = it;
        format!("{open} {what}, the oldest for {oldest_seconds} s; {unanswered} got no answer\n")
    };
    open.into_iter().flatten().map(line).collect()
}

fn lag_line(lag: &OldServiceLag) -> String {
    let OldServiceLag { pending, failing, oldest_seconds } = lag;
    if *pending == 0 {
        return "The tables include all changes of the old service.\n".to_owned();
    }
    format!(
        "Changes of the old service to {pending} campaigns are not in the tables yet, the oldest for \
         {oldest_seconds:.0} s; {failing} failed and will be retried.\n"
    )
}

/// Empty if no address is shared.
fn shared_emails_line(shared: &EmailsOfSeveralUsers) -> String {
    if shared.total == 0 {
        return String::new();
    }
    let shown: Vec<_> = shared
        .users
        .iter()
        .take(EXAMPLES)
        .map(|users| users.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        .collect();
    format!(
        "{} e-mail addresses (ignoring case) belong to several users, who cannot sign in with \
         Clerk until only one of them has the address. The first ones, by user id: {}.\n",
        shared.total,
        shown.join("; ")
    )
}

/// Unreadable JSON parts, one line each.
fn unreadable_lines(unreadable: &UnreadableJson) -> String {
    if unreadable.parts == 0 {
        return String::new();
    }
    let mut lines = vec![format!(
        "{} JSON values have unreadable parts; clients get the rest of each. The first:",
        unreadable.parts
    )];
    lines.extend(
        unreadable.examples.iter().map(|it| format!("  {} {}: {}", it.table, it.row, it.column)),
    );
    lines.join("\n") + "\n\n"
}

fn new_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(header)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn align_numbers(table: &mut Table, columns: &[usize]) {
    for &column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
