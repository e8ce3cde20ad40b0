//! Whose contacts an organization may see: the voters of its district, never of its user's (design
//! §5, legacy contract §5.5).

use crate::positions::{
    BallotLevel, District, DistrictId, LinkedDistrict, PositionId, PositionLink,
};

/// Stored data about the voters of a campaign or an elected office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Electorate {
    /// Whether a campaign has answers at all; not relevant for an office.
    pub(crate) has_details: bool,
    position: PositionId,
    /// State code of the position; an invalid code is kept unchanged.
    pub(crate) state: Option<String>,
    pub(crate) ballot_level: Option<BallotLevel>,
    pub(crate) district: Option<LinkedDistrict>,
    pub(crate) can_download_federal: bool,
    /// Whether the tables have the same district, so that its id can be stored there.
    is_in_tables: bool,
}

/// The district in the tables, for a campaign that is read from its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictOfHolder {
    /// The state of the position.
    pub state: Option<String>,
    /// The district, with its id if it was looked up before.
    pub district: LinkedDistrict,
}

/// Where to look for voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterArea {
    /// State code; always set if the district has no id, because the lookup needs it.
    pub state: Option<String>,
    /// The district, with its id if it was looked up before.
    pub district: LinkedDistrict,
    /// Whether it is the whole state.
    pub is_statewide: bool,
}

impl VoterArea {
    /// Whether both have the same voters: an id says so by itself, a name only within its state.
    #[must_use]
    pub fn has_same_voters(&self, other: &Self) -> bool {
        match (&self.district.id, &other.district.id) {
            (Some(id), Some(others)) => id == others,
            _ => self.state == other.state && self.district.district == other.district.district,
        }
    }
}

/// Why no voters can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ElectorateError {
    /// The campaign has no answers at all.
    #[error("the campaign has no details")]
    DetailsMissing,
    /// The position has no state.
    #[error("the position has no state code")]
    StateInvalid,
    /// The district is the whole state, without staff approval.
    #[error("statewide contacts require approval")]
    ApprovalRequired,
    /// There is no district, or election-api does not know it.
    #[error("the district is missing or unknown")]
    DistrictMissing,
}

impl Electorate {
    /// The voters of a holder's position and own district. While the facts of a shared position are
    /// unconfirmed, its level is treated as statewide (design D6).
    #[must_use]
    pub fn new(link: &PositionLink, is_unverified: bool, can_download_federal: bool) -> Self {
        let stated = link.position.ballot_level;
        Self {
            has_details: true,
            position: link.position.id.clone(),
            state: link.position.state.clone(),
            ballot_level: if is_unverified { Some(BallotLevel::State) } else { stated },
            district: link.effective_district().cloned(),
            can_download_federal,
            is_in_tables: true,
        }
    }

    /// The voters according to the JSON of a campaign, with the district id from the tables if it
    /// is the same district: districts of different states may have the same type and name.
    #[must_use]
    pub fn with_known_id(mut self, known: Option<&DistrictOfHolder>) -> Self {
        let is_it = |known: &&DistrictOfHolder| {
            let own = self.district.as_ref().map(|own| &own.district);
            own == Some(&known.district.district)
                && (self.state.is_none() || self.state == known.state)
        };
        let known = known.filter(is_it);
        self.is_in_tables = known.is_some();
        if let (Some(own), Some(known)) = (&mut self.district, known) {
            own.id.clone_from(&known.district.id);
        }
        self
    }

    /// The voters of a campaign without answers: none.
    #[must_use]
    pub fn without_details(self) -> Self {
        Self { has_details: false, ..self }
    }

    /// What to store once the district id is known; `None` if no table has the district.
    #[must_use]
    pub fn found(&self, id: DistrictId) -> Option<FoundDistrict> {
        let district = self.district.as_ref().filter(|_| self.is_in_tables)?.district.clone();
        Some(FoundDistrict {
            position: self.position.clone(),
            state: self.state.clone()?,
            district,
            id,
        })
    }
}

/// A looked-up district id, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDistrict {
    /// The position for which it was looked up.
    pub position: PositionId,
    /// The state in which it was looked up.
    pub state: String,
    /// As stored.
    pub district: District,
    /// Its id.
    pub id: DistrictId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organizations::access::voter_area;
    use crate::{base::CampaignId, positions::BallotPosition};

    fn electorate(kind: &str, level: Option<BallotLevel>, approved: bool) -> Electorate {
        let own = (!kind.is_empty()).then(|| LinkedDistrict {
            id: None,
            district: District { kind: kind.to_owned(), name: "X".to_owned() },
        });
        let position = BallotPosition {
            state: Some("WY".to_owned()),
            ballot_level: level,
            ..BallotPosition::unknown(PositionId::CustomOfCampaign(CampaignId(1)))
        };
        Electorate::new(&PositionLink::new(position, own, false), false, approved)
    }

    #[test]
    fn the_whole_state_wants_an_office_of_it_and_an_approval() {
        let state = Some(BallotLevel::State);
        let refused = ElectorateError::ApprovalRequired;
        assert_eq!(voter_area(&electorate("State", state, false)), Err(refused));
        assert_eq!(voter_area(&electorate(" state", Some(BallotLevel::City), true)), Err(refused));
        assert_eq!(voter_area(&electorate("State", None, true)), Err(refused));
        let missing = ElectorateError::DistrictMissing;
        assert_eq!(voter_area(&electorate("", state, false)), Err(missing));
        assert_eq!(voter_area(&electorate("", Some(BallotLevel::City), true)), Err(missing));
        for kind in ["State", ""] {
            let area = voter_area(&electorate(kind, Some(BallotLevel::Federal), true)).unwrap();
            let District { kind, name } = area.district.district;
            assert_eq!((kind.as_str(), name.as_str(), area.is_statewide), ("State", "WY", true));
        }
    }

    #[test]
    fn a_district_within_the_state_wants_neither() {
        let area = voter_area(&electorate("City_Ward", None, false)).unwrap();
        assert_eq!((area.district.district.kind.as_str(), area.is_statewide), ("City_Ward", false));
    }

    #[test]
    fn a_position_without_a_state_code_has_no_voters() {
        let mut electorate = electorate("City_Ward", None, false);
        for state in [None, Some("Wyoming"), Some("")] {
            electorate.state = state.map(str::to_owned);
            assert_eq!(voter_area(&electorate), Err(ElectorateError::StateInvalid));
        }
    }

    #[test]
    fn a_level_that_is_only_somebodys_word_counts_as_the_states() {
        let position = BallotPosition {
            state: Some("WY".to_owned()),
            ballot_level: Some(BallotLevel::City),
            ..BallotPosition::unknown(PositionId::CustomOfCampaign(CampaignId(1)))
        };
        let link = PositionLink::new(position, None, false);
        let area =
            |is_unverified, approved| voter_area(&Electorate::new(&link, is_unverified, approved));
        assert!(area(true, true).is_ok_and(|area| area.is_statewide));
        assert_eq!(area(true, false), Err(ElectorateError::DistrictMissing));
        assert_eq!(area(false, true), Err(ElectorateError::DistrictMissing));
    }

    #[test]
    fn an_id_is_taken_and_noted_only_in_its_own_state() {
        let id = |digit: u8| {
            DistrictId::parse(&format!("0193f6a4-0000-4000-8000-00000000000{digit}")).unwrap()
        };
        let known = |state: &str, name: &str| DistrictOfHolder {
            state: Some(state.to_owned()),
            district: LinkedDistrict {
                id: Some(id(1)),
                district: District { kind: "County".to_owned(), name: name.to_owned() },
            },
        };
        let from_json = |known: Option<&DistrictOfHolder>| {
            let from_json = electorate("County", None, false).with_known_id(known);
            (
                voter_area(&from_json).unwrap().district.id,
                from_json.found(id(2)).map(|found| found.state),
            )
        };
        assert_eq!(from_json(Some(&known("WY", "X"))), (Some(id(1)), Some("WY".to_owned())));
        for other in [None, Some(&known("OH", "X")), Some(&known("WY", "Y"))] {
            assert_eq!(from_json(other), (None, None));
        }
    }
}
