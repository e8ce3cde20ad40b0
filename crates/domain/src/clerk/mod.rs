//! Sessions, users and organizations in Clerk.

mod dead_letters;
mod directory;
mod event;
mod identity;
mod machine;
mod message;
mod outbox;
mod provisioner;

pub use dead_letters::{dead_letters, retry_dead_letters};
pub use directory::{
    DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure, DirectoryFuture, DirectoryRefusal,
    DirectorySettings, InstanceProblem, NewDirectoryEntry, OrganizationDirectory, Profile,
    UnreportedSetting, directory_name,
};
pub use event::{ClerkEvent, ClerkEventError, take_event};
pub use identity::{
    ClerkOrganizationId, ClerkUserId, IdentityService, IdentityUnavailable, MachineId,
    NoIdentityService, Person, Session, SessionRefused,
};
pub use machine::find_machine;
pub use message::{MessageReader, MessageRefused, NoMessages, SignedMessage};
pub use outbox::{
    Claim, DeadLetter, Lease, OutboxDepth, Provisioning, ProvisioningLimits, Reschedule,
    WriteResult,
};
pub use provisioner::{Jitter, Provisioner, WorkOutcome};
