//! What the routes of election-api share.

use crate::{
    World,
    dialect::Dialect,
    faults::{Call, Fault, Faults},
    machine_tokens::MachineTokens,
};

/// State shared by all workers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) faults: Faults<Call, Fault>,
    pub(crate) machine_tokens: MachineTokens,
    pub(crate) dialect: Dialect,
}

impl Shared {
    pub(crate) fn new(world: World, machine_tokens: MachineTokens) -> Self {
        Self { world, faults: Faults::default(), machine_tokens, dialect: Dialect::default() }
    }
}
