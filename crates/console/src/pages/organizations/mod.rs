//! Pages about an organization as a whole.

pub(crate) mod choose;
pub(crate) mod overview;
pub(crate) mod profile;
