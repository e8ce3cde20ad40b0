//! The consensus of the campaigns of a shared position.
//!
//! Until election-api is asked, or if it does not know the position, the old campaigns are the only
//! source. They differ in spelling, age and manual choices; the result must not depend on the order
//! in which they are read.

use std::{cmp::Reverse, collections::BTreeMap};

use winserve_domain::positions::{
    BallotLevel, BallotPosition, BallotReadyId, District, LinkedDistrict, PositionId, PositionLink,
};

/// Collects the campaigns' data about one position; without any, the position has only its id.
#[derive(Debug, Clone, Default)]
pub(crate) struct PositionConsensus {
    offices: BTreeMap<String, u64>,
    ballot_levels: BTreeMap<&'static str, u64>,
    levels: BTreeMap<String, u64>,
    states: BTreeMap<String, u64>,
    /// Districts that election-api matched and that nobody changed by hand.
    matched_districts: BTreeMap<District, u64>,
    districts: BTreeMap<District, u64>,
}

impl PositionConsensus {
    /// Adds the data of one campaign. `matched` means that election-api supplied its district; a
    /// district set by hand is used only if no campaign has a matched one.
    pub(crate) fn add(&mut self, link: &PositionLink, matched: bool) {
        let position = &link.position;
        count(&mut self.offices, position.office.as_ref());
        count(&mut self.levels, position.level.as_ref());
        count(&mut self.states, position.state.as_ref());
        let ballot_level = position.ballot_level.map(BallotLevel::as_str);
        count(&mut self.ballot_levels, ballot_level.as_ref());
        let district = link.district_override.as_ref().map(|own| &own.district);
        count(&mut self.districts, district);
        if matched && !link.district_manually_set {
            count(&mut self.matched_districts, district);
        }
    }

    /// The most frequent value of each fact; among equally frequent ones the smallest, and for
    /// districts the one with the smallest type, then name. The id of the district stays empty.
    #[must_use]
    pub(crate) fn into_position(self, id: BallotReadyId) -> BallotPosition {
        let district =
            most_frequent(self.matched_districts).or_else(|| most_frequent(self.districts));
        BallotPosition {
            id: PositionId::BallotReady(id),
            office: most_frequent(self.offices),
            ballot_level: most_frequent(self.ballot_levels).and_then(BallotLevel::parse),
            level: most_frequent(self.levels),
            state: most_frequent(self.states),
            county: None,
            city: None,
            district: None,
            zip: None,
            l2_district: district.map(|district| LinkedDistrict { id: None, district }),
        }
    }
}

fn count<T: Ord + Clone>(counts: &mut BTreeMap<T, u64>, value: Option<&T>) {
    if let Some(value) = value {
        match counts.get_mut(value) {
            Some(count) => *count += 1,
            None => drop(counts.insert(value.clone(), 1)),
        }
    }
}

fn most_frequent<T: Ord>(counts: BTreeMap<T, u64>) -> Option<T> {
    // `min_by_key` keeps the first of equals, which is the smallest.
    counts.into_iter().min_by_key(|(_, count)| Reverse(*count)).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PositionConsensus;
    use winserve_domain::positions::{
        BallotPosition, BallotReadyId, District, LinkedDistrict, PositionId, PositionLink,
    };

    const ID: &str = "Z2lkOi8vYmFsbG90";

    fn id() -> BallotReadyId {
        BallotReadyId::parse(ID).unwrap()
    }

    #[test]
    fn without_campaigns_a_position_has_only_its_id() {
        let position = PositionConsensus::default().into_position(id());
        assert_eq!(position.id, PositionId::BallotReady(id()));
        assert_eq!((position.office, position.state, position.l2_district), (None, None, None));
    }

    fn says(office: &str, district: Option<&str>, manual: bool) -> PositionLink {
        let empty = PositionConsensus::default().into_position(id());
        let position = BallotPosition { office: Some(office.to_owned()), ..empty };
        assert_eq!(position.id, PositionId::BallotReady(id()));
        let own = district.map(|name| LinkedDistrict {
            id: None,
            district: District { kind: "City".to_owned(), name: name.to_owned() },
        });
        PositionLink::new(position, own, manual)
    }

    fn agreed(testimonies: &[(PositionLink, bool)]) -> BallotPosition {
        let mut consensus = PositionConsensus::default();
        for (link, matched) in testimonies {
            consensus.add(link, *matched);
        }
        consensus.into_position(id())
    }

    fn district(position: &BallotPosition) -> Option<&str> {
        position.l2_district.as_ref().map(|it| it.district.name.as_str())
    }

    #[test]
    fn the_most_frequent_value_counts_and_the_smallest_of_equals() {
        let mayor = (says("Mayor", None, false), false);
        let clerk = (says("Clerk", None, false), false);
        let two_to_one = agreed(&[mayor.clone(), clerk.clone(), mayor.clone()]);
        assert_eq!(two_to_one.office.as_deref(), Some("Mayor"));
        assert_eq!(agreed(&[mayor, clerk]).office.as_deref(), Some("Clerk"));
    }

    #[test]
    fn a_district_that_election_api_matched_outweighs_any_number_of_others() {
        let matched = (says("Mayor", Some("TECUMSEH"), false), true);
        let searched = (says("Mayor", Some("ADRIAN"), false), false);
        let by_hand = (says("Mayor", Some("CLINTON"), true), true);
        let all = [by_hand.clone(), by_hand.clone(), searched.clone(), searched, matched];
        assert_eq!(district(&agreed(&all)), Some("TECUMSEH"));
        assert_eq!(district(&agreed(&all[..3])), Some("CLINTON"), "no better one is there");
        assert_eq!(district(&agreed(&[])), None);
    }

    proptest! {
        #[test]
        fn the_order_of_campaigns_does_not_matter(
            mut said in prop::collection::vec(("[ab]", prop::option::of("[AB]"), any::<bool>(), any::<bool>()), 0..8),
        ) {
            let links = |said: &[(String, Option<String>, bool, bool)]| -> Vec<_> {
                said.iter()
                    .map(|(office, name, manual, matched)| (says(office, name.as_deref(), *manual), *matched))
                    .collect()
            };
            let forwards = agreed(&links(&said));
            said.reverse();
            prop_assert_eq!(forwards, agreed(&links(&said)));
        }
    }
}
