//! Staff look at the organizations that could not be synced to Clerk, and retry them.

use crate::{
    Ports,
    base::{OrganizationId, StoreError},
    clerk::DeadLetter,
};

/// The dead letters, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn dead_letters(ports: &Ports, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    ports
        .database
        .read("clerk.dead_letters", move |uow| uow.provisioning().dead_letters(limit))
        .await
}

/// Makes workers retry the dead letter of an organization, or all of them; returns how many.
///
/// # Errors
/// [`StoreError`].
pub async fn retry_dead_letters(
    ports: &Ports,
    organization: Option<OrganizationId>,
) -> Result<usize, StoreError> {
    ports
        .database
        .transaction("clerk.retry", move |uow| uow.provisioning().retry(organization))
        .await
}
