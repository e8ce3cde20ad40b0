//! What every topic needs: ids, the clock, pages, and how a port fails.

mod clock;
mod error_chain;
mod id;
pub mod json_merge;
mod paging;
mod port;
pub mod state;
mod store_error;
pub mod unreadable;

pub use clock::{Clock, SystemClock};
pub use error_chain::ErrorChain;
pub use id::{
    CampaignId, ElectedOfficeId, OrganizationId, PathToVictoryId, PollId, SavedFilterId, UserId,
};
pub use paging::{MachineFilter, Page};
pub use port::{BoxError, BoxFuture};
pub use store_error::{Cancelled, StoreError};
