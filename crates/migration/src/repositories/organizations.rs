//! Organizations in phase 1.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use winserve_domain::{
    base::{ElectedOfficeId, OrganizationId, StoreError, UserId},
    organizations::{
        EventCursor, OrganizationEvent, OrganizationFilter, OrganizationItem, OrganizationKind,
        OrganizationReference, Organizations, RequestedEarlier,
    },
};
use winserve_persistence::{organizations::PgOrganizations, schema::elected_office, store_error};

/// Organizations in phase 1: as in the old API, an office pays for the campaigns of its holder
/// (legacy contract §5.3), and does not keep filters.
pub(crate) struct PhaseOneOrganizations<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl PhaseOneOrganizations<'_> {
    fn tables(&mut self) -> PgOrganizations<'_> {
        PgOrganizations { connection: self.connection }
    }

    fn as_before(
        &mut self,
        mut items: Vec<OrganizationItem>,
    ) -> Result<Vec<OrganizationItem>, StoreError> {
        let owners: HashSet<i32> = items.iter().map(|item| item.owner.id.0).collect();
        let holders: Vec<i32> = elected_office::table
            .filter(elected_office::user_id.eq_any(owners).and(elected_office::is_active))
            .select(elected_office::user_id)
            .load(self.connection)
            .map_err(store_error)?;
        for item in &mut items {
            item.is_paid_for |= holders.contains(&item.owner.id.0);
            item.keeps_filters = item.kind == OrganizationKind::Campaign;
        }
        Ok(items)
    }
}

impl Organizations for PhaseOneOrganizations<'_> {
    fn find(
        &mut self,
        reference: &OrganizationReference,
        owner: Option<UserId>,
    ) -> Result<Option<OrganizationItem>, StoreError> {
        let found = self.tables().find(reference, owner)?;
        Ok(self.as_before(found.into_iter().collect())?.pop())
    }

    fn find_of_office(
        &mut self,
        office: &ElectedOfficeId,
        owner: UserId,
    ) -> Result<Option<OrganizationItem>, StoreError> {
        let item = self.tables().find_of_office(office, owner)?;
        Ok(self.as_before(item.into_iter().collect())?.pop())
    }

    fn won(&mut self, owner: UserId) -> Result<Vec<OrganizationId>, StoreError> {
        self.tables().won(owner)
    }

    fn of_owner(&mut self, owner: UserId) -> Result<Vec<OrganizationItem>, StoreError> {
        let items = self.tables().of_owner(owner)?;
        self.as_before(items)
    }

    fn page(
        &mut self,
        filter: &OrganizationFilter,
    ) -> Result<(Vec<OrganizationItem>, i64), StoreError> {
        let (items, total) = self.tables().page(filter)?;
        Ok((self.as_before(items)?, total))
    }

    fn requested_earlier(
        &mut self,
        owner: UserId,
        key: &str,
    ) -> Result<Option<RequestedEarlier>, StoreError> {
        self.tables().requested_earlier(owner, key)
    }

    fn touch(&mut self, id: OrganizationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables().touch(id, now)
    }

    fn act_as(&mut self, actor: &str) -> Result<(), StoreError> {
        self.tables().act_as(actor)
    }

    fn history(
        &mut self,
        id: OrganizationId,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError> {
        self.tables().history(id, limit)
    }

    fn events(
        &mut self,
        after: EventCursor,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError> {
        self.tables().events(after, limit)
    }
}
