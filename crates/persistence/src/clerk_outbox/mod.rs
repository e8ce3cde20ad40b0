//! The Clerk outbox: which organizations differ from their copy in Clerk, who works on them, and
//! how many requests all workers together may send.
//!
//! Workers use `PgProvisioning`, behind the port of the domain. The functions are for operators'
//! commands. Uses the database clock, so that machine clocks may differ.

mod budget;
mod dead_letters;
mod queue;
mod repository;
mod status;
mod sweep;
mod switch;

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Timestamptz};

pub use budget::{Requester, pause, resume, take_request};
pub use dead_letters::{DeadLetter, count_dead_letters, dead_letters, retry_dead_letters};
pub use queue::{count_unqueued, note, queue};
pub(crate) use repository::PgProvisioning;
pub use status::{ClerkStatus, SyncProgress, progress, status};
pub use sweep::{ClerkLink, Hold, clerk_id_of, hold, links, release, renew_while_unneeded, source};
pub use switch::{SWITCH_NAME, Switch, SwitchChange, is_on, read_switch, turn_switch};

/// The database time.
///
/// # Errors
/// If the database fails.
pub fn now(connection: &mut PgConnection) -> QueryResult<DateTime<Utc>> {
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }
    diesel::sql_query("SELECT clock_timestamp() AS now")
        .get_result(connection)
        .map(|it: Now| it.now)
}
