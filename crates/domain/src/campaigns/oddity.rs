//! Oddities of old campaign data, each with a code for reports and tests.

use serde::Serialize;

macro_rules! oddities {
    ($($(#[doc = $sentence:literal])+ $name:ident => $code:literal,)+) => {
        /// An irregularity of the old data (legacy contract §2.1, §2.3 and §2.4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Oddity {
            $($(#[doc = $sentence])+ #[serde(rename = $code)] $name,)+
        }

        impl Oddity {
            /// Every oddity, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Stable code, such as `details-array`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// A sentence for people.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$name => concat!($($sentence,)+).trim_ascii(),)+ }
            }
        }
    };
}

oddities! {
    /// The details are a JSON array.
    DetailsArray => "details-array",
    /// The details are a JSON string (sometimes JSON within a string).
    DetailsString => "details-string",
    /// The details are JSON null.
    DetailsNull => "details-null",
    /// The details are a number or a boolean.
    DetailsScalar => "details-scalar",
    /// The details cannot be read completely: nested too deeply, or a number out of range.
    DetailsUnreadable => "details-unreadable",
    /// positionId is a number.
    PositionIdNumber => "position-id-number",
    /// positionId is the empty text.
    PositionIdEmpty => "position-id-empty",
    /// positionId contains only blanks.
    PositionIdBlank => "position-id-blank",
    /// positionId has surrounding blanks.
    PositionIdPadded => "position-id-padded",
    /// positionId is a boolean, an array or an object.
    PositionIdWrongType => "position-id-wrong-type",
    /// An office is named, and there is no positionId key.
    PositionIdMissing => "position-id-missing",
    /// An office was picked from the list, and positionId is null.
    PositionIdNull => "position-id-null",
    /// positionId is not a base64 global id: plain digits or a plain gid address.
    PositionIdUnusual => "position-id-unusual",
    /// positionId begins with the reserved prefix "custom:", or cannot be a key.
    PositionIdReserved => "position-id-reserved",
    /// A typed-in office has the raceId of a previously picked office.
    RaceIdStale => "race-id-stale",
    /// office is "Other" in another spelling.
    OfficeOtherSpelling => "office-other-spelling",
    /// office is "Other", and otherOffice, which should say which, is empty.
    OfficeOtherUnnamed => "office-other-unnamed",
    /// A position is linked, and office and otherOffice are both empty.
    OfficeEmpty => "office-empty",
    /// office and otherOffice both name an office, but different ones.
    OfficeNamesDiffer => "office-names-differ",
    /// office or otherOffice is not a text.
    OfficeWrongType => "office-wrong-type",
    /// An office is named, but no state.
    StateMissing => "state-missing",
    /// The state is not written as two capital letters without blanks.
    StateSpelling => "state-spelling",
    /// The state is not a state code.
    StateUnknown => "state-unknown",
    /// level, state, city, county or district is not a text.
    GeographyWrongType => "geography-wrong-type",
    /// The ballot level is not written in capitals.
    BallotLevelSpelling => "ballot-level-spelling",
    /// BallotReady has no such ballot level.
    BallotLevelUnknown => "ballot-level-unknown",
    /// There is no row of voter goals.
    PathToVictoryMissing => "path-to-victory-missing",
    /// The voter goals are not a JSON object.
    PathToVictoryNotObject => "path-to-victory-not-object",
    /// The voter goals cannot be read completely: nested too deeply, or a number out of range.
    PathToVictoryUnreadable => "path-to-victory-unreadable",
    /// officeContextFingerprint is null, which the old machine routes cannot read.
    FingerprintNull => "fingerprint-null",
    /// A district type without a name.
    DistrictTypeOnly => "district-type-only",
    /// A district name without a type.
    DistrictNameOnly => "district-name-only",
    /// A district id without type and name.
    DistrictIdOnly => "district-id-only",
    /// The district's type or name is not a text.
    DistrictWrongType => "district-wrong-type",
    /// The district's name is in the raw form with "##".
    DistrictNameRaw => "district-name-raw",
    /// The district's name cleans to a bare state code.
    DistrictNameStateCode => "district-name-state-code",
    /// The district's name begins with a zero.
    DistrictNameLeadingZero => "district-name-leading-zero",
    /// The district's name ends in "(EST.)".
    DistrictNameEstimated => "district-name-estimated",
    /// The district's name contains a double quote.
    DistrictNameQuoted => "district-name-quoted",
    /// districtManuallySet is set without a district.
    ManualWithoutDistrict => "manual-without-district",
    /// districtManuallySet is not a boolean.
    ManualWrongType => "manual-wrong-type",
}

impl Oddity {
    /// Whether a value could not be taken over, so that a person should check the row. Other
    /// oddities are spellings that the mapper reads, or absent values.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::DetailsArray
                | Self::DetailsString
                | Self::DetailsNull
                | Self::DetailsScalar
                | Self::DetailsUnreadable
                | Self::PositionIdNumber
                | Self::PositionIdEmpty
                | Self::PositionIdBlank
                | Self::PositionIdWrongType
                | Self::PositionIdNull
                | Self::PositionIdReserved
                | Self::OfficeWrongType
                | Self::GeographyWrongType
                | Self::BallotLevelUnknown
                | Self::PathToVictoryNotObject
                | Self::PathToVictoryUnreadable
                | Self::DistrictTypeOnly
                | Self::DistrictNameOnly
                | Self::DistrictWrongType
                | Self::ManualWithoutDistrict
                | Self::ManualWrongType
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Oddity;

    #[test]
    fn codes_are_unique_and_explanations_are_sentences() {
        let codes: BTreeSet<_> = Oddity::ALL.iter().map(|oddity| oddity.code()).collect();
        assert_eq!(codes.len(), Oddity::ALL.len());
        for oddity in Oddity::ALL {
            let sentence = oddity.explanation();
            assert!(sentence.ends_with('.') && !sentence.starts_with(' '), "{sentence:?}");
        }
    }
}
