//! Sessions, users and organizations at Clerk.

mod directory;
mod event;
mod identity;
mod machine;
mod message;
mod outbox;
mod provisioner;

pub use directory::{
    DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure, DirectoryRefusal, DirectorySettings,
    InstanceProblem, NewDirectoryEntry, OrganizationDirectory, Profile, Told, Unsaid,
    directory_name,
};
pub use event::{ClerkEvent, ClerkEventError, take_event};
pub use identity::{
    ClerkOrganizationId, ClerkUserId, IdentityService, IdentityUnavailable, MachineId,
    NoIdentityService, Person, Session, SessionRefused,
};
pub use machine::find_machine;
pub use message::{MessageReader, MessageRefused, NoMessages, SignedMessage};
pub use outbox::{Claim, GiveBack, Lease, OutboxDepth, Pace, Provisioning, Stored};
pub use provisioner::{Jitter, Provisioner, Turn};
