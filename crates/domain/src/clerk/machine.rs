//! Authenticates machines (design §6).

use crate::{
    Ports,
    clerk::{IdentityUnavailable, MachineId},
};

/// The machine that a token (`mt_…`) belongs to; `None` if the token is invalid.
///
/// # Errors
/// [`IdentityUnavailable`].
pub async fn find_machine(
    ports: &Ports,
    token: &str,
) -> Result<Option<MachineId>, IdentityUnavailable> {
    ports.identity.machine(token).await
}
