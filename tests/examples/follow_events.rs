//! Keeps records of organizations in step with Winserve from the feed of events alone, as a CRM would:
//!
//! `cargo run -p winserve-tests --example follow_events -- http://127.0.0.1:3000 mt_…`

#![expect(clippy::indexing_slicing, reason = "of JSON: what is absent is null")]

use std::{collections::BTreeMap, error::Error};

use serde_json::Value;

/// What the CRM knows of an organization.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    /// The user.
    pub(crate) owner: Value,
    /// Type, position, own district, and permissions.
    pub(crate) facts: Value,
    /// The campaign that an office was won with.
    pub(crate) won_with: Value,
}

/// The records, and how far the feed was read. A real CRM stores both in one transaction.
#[derive(Debug, Default)]
pub(crate) struct Crm {
    /// By organization.
    pub(crate) records: BTreeMap<String, Record>,
    /// For staff: organizations whose district nobody knows.
    pub(crate) wanted: Vec<String>,
    next: Option<String>,
}

impl Crm {
    /// Reads the feed until there is nothing new. Call it every few seconds.
    pub(crate) async fn catch_up(
        &mut self,
        http: &reqwest::Client,
        base: &str,
        token: &str,
    ) -> Result<(), Box<dyn Error>> {
        loop {
            let after = self.next.as_deref().unwrap_or_default();
            let url = format!("{base}/v1/organization-events?limit=1000&after={after}");
            let answer = http.get(url).bearer_auth(token).send().await?.error_for_status()?;
            let mut page: Value = answer.json().await?;
            let Value::Array(events) = page["events"].take() else {
                return Err("no events".into());
            };
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.apply(event);
            }
            self.next = page["next"].as_str().map(str::to_owned);
        }
    }

    fn apply(&mut self, mut event: Value) {
        let id = event["organizationId"].as_str().unwrap_or_default().to_owned();
        let (owner, after) = (event["ownerId"].take(), event["after"].take());
        let kind = event["kind"].as_str();
        if kind.is_some_and(|kind| kind.starts_with("organization.")) {
            // `district.wanted` follows if one is wanted after the change.
            self.wanted.retain(|wanted| *wanted != id);
        }
        match kind {
            Some("organization.created") => {
                let record = Record { owner, facts: after, won_with: Value::Null };
                self.records.insert(id, record);
            }
            // Without facts, a typed-in office was reworded: a CRM that shows it asks for it again.
            Some("organization.changed") if after.is_null() => {}
            Some("organization.changed") => {
                if let Some(record) = self.records.get_mut(&id) {
                    record.facts = after;
                }
            }
            Some("organization.deleted") => drop(self.records.remove(&id)),
            Some("office.won") => {
                if let Some(record) = self.records.get_mut(&id) {
                    record.won_with = event["campaignOrganizationId"].take();
                }
            }
            Some("district.wanted") => self.wanted.push(id),
            // Of a later version.
            _ => {}
        }
    }
}

#[expect(clippy::print_stderr, reason = "what a program says")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("name the address of the API and a machine token".into());
    };
    let (mut crm, http) = (Crm::default(), winserve_testkit::http_client());
    actix_web::rt::System::new().block_on(crm.catch_up(&http, &base, &token))?;
    eprintln!("{:#?}", crm.records);
    Ok(())
}
