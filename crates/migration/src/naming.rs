//! How requests name an organization before phase 2 ([ADR 22](../../docs/adr/0022-before-phase-2-an-unnamed-campaign-is-the-oldest.md)).

use winserve_domain::organizations::{
    Header, Holding, NamingRule, RequestedOrganization, RouteScope, Unresolved, candidates,
};

/// Phase 1: session claims are ignored. A request without an organization uses the campaign with
/// the lowest id, or on office routes the office with the lowest id, like the old service.
#[derive(Debug)]
pub(crate) struct OldestNaming;

impl NamingRule for OldestNaming {
    fn requested(
        &self,
        requested: &RequestedOrganization,
    ) -> Result<RequestedOrganization, Unresolved> {
        Ok(RequestedOrganization { header: requested.header.clone(), claim: None })
    }

    fn unnamed<'h>(&self, scope: RouteScope, holdings: &'h [Holding]) -> Option<&'h Holding> {
        let kind = match scope.of_unnamed(holdings) {
            RouteScope::Campaign | RouteScope::Shared => RouteScope::Campaign,
            RouteScope::ElectedOffice | RouteScope::OfficeOrCampaign => RouteScope::ElectedOffice,
        };
        candidates(kind, holdings).min_by(|a, b| a.holder.cmp(&b.holder))
    }
}

/// Phase `legacy`: the same, but requests cannot specify an organization because there are none.
#[derive(Debug)]
pub(crate) struct LegacyNaming;

impl NamingRule for LegacyNaming {
    fn requested(
        &self,
        requested: &RequestedOrganization,
    ) -> Result<RequestedOrganization, Unresolved> {
        if matches!(requested.header, Header::Names(_)) {
            return Err(Unresolved::NotMigrated);
        }
        OldestNaming.requested(requested)
    }

    fn unnamed<'h>(&self, scope: RouteScope, holdings: &'h [Holding]) -> Option<&'h Holding> {
        OldestNaming.unnamed(scope, holdings)
    }
}

#[cfg(test)]
mod tests {
    use winserve_domain::{
        base::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
        clerk::ClerkOrganizationId,
        organizations::{Holder, OrganizationReference, resolve},
    };

    use super::*;

    /// Lower case is a campaign, upper case an office; the letter is its key.
    fn holding(letter: char) -> Holding {
        let number = u128::from(u32::from(letter));
        Holding {
            holder: if letter.is_lowercase() {
                Holder::Campaign(CampaignId(i32::try_from(number).unwrap()))
            } else {
                Holder::ElectedOffice(ElectedOfficeId(letter.to_string()))
            },
            organization: Some(OrganizationId(uuid::Uuid::from_u128(number))),
            clerk_organization: ClerkOrganizationId::parse(&format!("org_{letter}")),
            is_live: true,
            is_paid_for: false,
            json_bytes: 0,
        }
    }

    fn header(text: &str) -> Header {
        match text.chars().next() {
            None => Header::Absent,
            Some('!') => Header::Invalid,
            Some(letter) => {
                let id = OrganizationId(uuid::Uuid::from_u128(u32::from(letter).into()));
                Header::Names(OrganizationReference::Ours(id))
            }
        }
    }

    /// The resolved letter, or the error.
    fn resolved(
        naming: &dyn NamingRule,
        scope: RouteScope,
        requested: &RequestedOrganization,
        held: &[Holding],
    ) -> String {
        match resolve(scope, naming, UserId(7), requested, held) {
            Ok(active) => match active.holder() {
                Holder::Campaign(id) => char::from(u8::try_from(id.0).unwrap()).to_string(),
                Holder::ElectedOffice(id) => id.0.clone(),
            },
            Err(unresolved) => format!("{unresolved:?}"),
        }
    }

    /// Held, header, claim, and the results on routes for campaigns, for offices, for both, and for
    /// both with offices first. `!` is not an id.
    const TABLE: [(&str, &str, &str, [&str; 4]); 10] = [
        ("ab", "a", "", ["a", "NotFound", "a", "a"]),
        ("aO", "O", "", ["NotFound", "O", "O", "O"]),
        ("ab", "", "b", ["a", "None", "a", "a"]),
        ("a", "", "?", ["a", "None", "a", "a"]),
        ("ba", "", "", ["a", "None", "a", "a"]),
        ("abO", "", "", ["a", "O", "a", "O"]),
        ("PO", "", "", ["None", "O", "Required", "O"]),
        ("O", "", "", ["None", "O", "O", "O"]),
        ("", "", "", ["None", "None", "None", "None"]),
        ("a", "!", "", ["InvalidHeader", "InvalidHeader", "InvalidHeader", "InvalidHeader"]),
    ];

    #[test]
    fn the_table_of_phase_1_holds() {
        let scopes = [
            RouteScope::Campaign,
            RouteScope::ElectedOffice,
            RouteScope::Shared,
            RouteScope::OfficeOrCampaign,
        ];
        for (held, named, claim, expected) in &TABLE {
            let held: Vec<_> = held.chars().map(holding).collect();
            let claim = match *claim {
                "?" => ClerkOrganizationId::parse("org_never"),
                claim => ClerkOrganizationId::parse(&format!("org_{claim}")),
            };
            let requested = RequestedOrganization { header: header(named), claim };
            for (scope, expected) in scopes.into_iter().zip(expected) {
                let found = resolved(&OldestNaming, scope, &requested, &held);
                assert_eq!(found, *expected, "{held:?} {named} for {scope:?}");
            }
        }
    }

    #[test]
    fn in_legacy_nothing_can_be_named() {
        let requested = RequestedOrganization { header: header("a"), claim: None };
        let refused = resolved(&LegacyNaming, RouteScope::Shared, &requested, &[holding('a')]);
        assert_eq!(refused, "NotMigrated");
    }
}
