//! What is odd in old campaign data, each with a code that reports and tests name.

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
    /// Not all of the details can be read: nested too deeply, or a number beyond all bounds.
    DetailsUnreadable => "details-unreadable",
    /// positionId is a number.
    PositionIdNumber => "position-id-number",
    /// positionId is the empty text.
    PositionIdEmpty => "position-id-empty",
    /// positionId is nothing but blanks.
    PositionIdBlank => "position-id-blank",
    /// positionId has blanks around it.
    PositionIdPadded => "position-id-padded",
    /// positionId is a boolean, an array or an object.
    PositionIdWrongType => "position-id-wrong-type",
    /// An office is named, and there is no positionId key.
    PositionIdMissing => "position-id-missing",
    /// An office was picked from the list, and positionId is null.
    PositionIdNull => "position-id-null",
    /// positionId is no base64 global id: plain digits or a plain gid address.
    PositionIdUnusual => "position-id-unusual",
    /// positionId begins with the reserved prefix "custom:", or cannot be a key.
    PositionIdReserved => "position-id-reserved",
    /// A typed-in office still carries the raceId of an office picked before.
    RaceIdStale => "race-id-stale",
    /// office is "Other" in another spelling.
    OfficeOtherSpelling => "office-other-spelling",
    /// office is "Other", and otherOffice, which should say which, is empty.
    OfficeOtherUnnamed => "office-other-unnamed",
    /// A position is linked, and office and otherOffice are both empty.
    OfficeEmpty => "office-empty",
    /// office and otherOffice both name an office, and not the same one.
    OfficeNamesDiffer => "office-names-differ",
    /// office or otherOffice is no text.
    OfficeWrongType => "office-wrong-type",
    /// An office is named, and there is no state.
    StateMissing => "state-missing",
    /// The state is not written as two capitals without blanks.
    StateSpelling => "state-spelling",
    /// The state is no state code.
    StateUnknown => "state-unknown",
    /// level, state, city, county or district is no text.
    GeographyWrongType => "geography-wrong-type",
    /// The ballot level is not written in capitals.
    BallotLevelSpelling => "ballot-level-spelling",
    /// The ballot level is none that BallotReady has.
    BallotLevelUnknown => "ballot-level-unknown",
    /// There is no row of voter goals.
    PathToVictoryMissing => "path-to-victory-missing",
    /// The voter goals are no JSON object.
    PathToVictoryNotObject => "path-to-victory-not-object",
    /// Not all of the voter goals can be read: nested too deeply, or a number beyond all bounds.
    PathToVictoryUnreadable => "path-to-victory-unreadable",
    /// officeContextFingerprint is null, which the old machine routes cannot read.
    FingerprintNull => "fingerprint-null",
    /// A district type without a name.
    DistrictTypeOnly => "district-type-only",
    /// A district name without a type.
    DistrictNameOnly => "district-name-only",
    /// A district id without type and name.
    DistrictIdOnly => "district-id-only",
    /// The district's type or name is no text.
    DistrictWrongType => "district-wrong-type",
    /// The district's name is in the raw form with "##".
    DistrictNameRaw => "district-name-raw",
    /// The district's name cleans to a bare state code.
    DistrictNameStateCode => "district-name-state-code",
    /// The district's name begins with a zero.
    DistrictNameLeadingZero => "district-name-leading-zero",
    /// The district's name ends in "(EST.)".
    DistrictNameEstimated => "district-name-estimated",
    /// The district's name holds a double quote.
    DistrictNameQuoted => "district-name-quoted",
    /// districtManuallySet is set, and there is no district.
    ManualWithoutDistrict => "manual-without-district",
    /// districtManuallySet is no boolean.
    ManualWrongType => "manual-wrong-type",
}

impl Oddity {
    /// Whether something that was there could not be taken over, so that a person should look at
    /// the row. The others are spellings that the mapper reads, and things that are merely absent.
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
