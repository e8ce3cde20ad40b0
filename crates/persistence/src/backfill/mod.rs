//! SQL over the outbox for Clerk, for operators' commands.

mod clerk;

pub use clerk::{
    ClerkLink, ClerkProgress, ClerkStanding, DeadLetter, Hold, clerk_id_of, clerk_links,
    clerk_progress, clerk_source, clerk_standing, dead_letters, hold_from_workers,
    is_needless_at_clerk, note_for_clerk, now_of_database, pause_clerk, queue_for_clerk,
    release_to_workers, resume_clerk, retry_dead_letters, take_clerk_request, unqueued_for_clerk,
};
