#![doc = include_str!("../README.md")]

mod clerk;
mod demo;
mod dialect;
mod election;
mod faults;
mod machine_tokens;
mod people;
mod query;
mod refusal;
mod routes;
mod search;
mod server;
mod shared;
mod turnout;
mod world;

pub use clerk::{
    Action, BadWebhookSecret, ClerkEmulator, ClerkMembership, ClerkOrganization, Delivery,
    DeliveryAttempt, DeliveryOrder, InstanceSettings, Key, Match, Person, RateLimits, Rotation,
    Rule, SignInPerson, SlugWhenDisabled, TokenRequest, WebhookEndpoint, hostile_tokens,
};
pub use dialect::Generation;
pub use election::ElectionEmulator;
pub use faults::{Call, Fault};
pub use people::{
    CsvFault, Parties, PeopleCall, PeopleEmulator, PeopleFault, PeopleRequest, Population,
    StreamCounts,
};
pub use turnout::{ElectionCode, Turnout};
pub use world::{District, Position, World, WorldError};
