//! Kinds of voters. There are as many voters as a district needs, but only [`PERIOD`] kinds, which repeat in
//! the same order. Counting and searching look at kinds, never at voters, so a district of millions costs no
//! more than a small one.

use std::sync::LazyLock;

use fastrand::Rng;

use super::{parties::Allegiance, words};

/// Number of kinds.
pub(crate) const PERIOD: usize = 9_973;
/// From here on, kinds come in pairs that differ only in party.
const TWINS: std::ops::Range<usize> = 200..320;
/// How many kinds at the start are odd: the twins are the last of them.
pub(crate) const ODD: u64 = 320;
const SEED: u64 = 0x5749_4e53_4552_5645;

/// What voters of a kind have in common in the voter file, before columns are made null.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    pub(crate) first_name: Option<&'static str>,
    pub(crate) middle_name: Option<&'static str>,
    pub(crate) last_name: Option<&'static str>,
    pub(crate) suffix: Option<&'static str>,
    pub(crate) street: Option<&'static str>,
    pub(crate) second_line: Option<&'static str>,
    pub(crate) city: Option<&'static str>,
    /// Whether the address includes the state.
    pub(crate) state: bool,
    pub(crate) zip: Option<&'static str>,
    pub(crate) plus_four: bool,
    pub(crate) latitude: bool,
    pub(crate) longitude: bool,
    /// Whether there is a mailing address, a post-office box.
    pub(crate) mailing: bool,
    pub(crate) landline: bool,
    pub(crate) cell_phone: bool,
    /// `Age_Int`.
    pub(crate) age: Option<u8>,
    /// `Age`, a text.
    pub(crate) age_text: Option<u8>,
    /// `M` or `F`.
    pub(crate) gender: Option<&'static str>,
    pub(crate) voter_status: Option<&'static str>,
    pub(crate) marital_status: Option<&'static str>,
    pub(crate) children: Option<&'static str>,
    pub(crate) veteran: Option<&'static str>,
    pub(crate) business_owner: Option<&'static str>,
    pub(crate) homeowner: Option<&'static str>,
    pub(crate) education: Option<&'static str>,
    pub(crate) ethnicity: Option<&'static str>,
    pub(crate) language: Option<&'static str>,
    /// Dollars a year.
    pub(crate) income: Option<u32>,
    pub(crate) general_performance: Option<&'static str>,
    pub(crate) minor_performance: Option<&'static str>,
    /// A bit per election that is not a primary.
    pub(crate) voted: u32,
    pub(crate) allegiance: Allegiance,
    /// Whether the previous voter is the same person except for the party.
    pub(crate) is_second_twin: bool,
}

/// Makes a column null.
type Clear = fn(&mut Kind);

/// The nullable columns: the percentage of voters that have them, and how to make them null.
const NULLABLE: [(u8, Clear); 30] = [
    (0, |kind| kind.first_name = None),
    (50, |kind| kind.middle_name = None),
    (0, |kind| kind.last_name = None),
    (85, |kind| kind.suffix = None),
    (0, |kind| kind.street = None),
    (85, |kind| kind.second_line = None),
    (0, |kind| kind.city = None),
    (0, |kind| kind.state = false),
    (0, |kind| kind.zip = None),
    (8, |kind| kind.plus_four = false),
    (8, |kind| kind.latitude = false),
    (8, |kind| kind.longitude = false),
    (50, |kind| kind.mailing = false),
    (60, |kind| kind.landline = false),
    (25, |kind| kind.cell_phone = false),
    (8, |kind| kind.age = None),
    (8, |kind| kind.age_text = None),
    (8, |kind| kind.gender = None),
    (8, |kind| kind.voter_status = None),
    (8, |kind| kind.marital_status = None),
    (8, |kind| kind.children = None),
    (85, |kind| kind.veteran = None),
    (85, |kind| kind.business_owner = None),
    (8, |kind| kind.homeowner = None),
    (8, |kind| kind.education = None),
    (8, |kind| kind.ethnicity = None),
    (8, |kind| kind.language = None),
    (8, |kind| kind.income = None),
    (8, |kind| kind.general_performance = None),
    (8, |kind| kind.minor_performance = None),
];

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| (0..PERIOD).map(Kind::new).collect());

/// Every kind, in order.
pub(crate) fn all() -> &'static [Kind] {
    &KINDS
}

/// The kind of the voter with this number.
#[expect(clippy::indexing_slicing, reason = "a remainder is below the length")]
pub(crate) fn of(number: u64) -> &'static Kind {
    &KINDS[place(number)]
}

/// The index of that kind.
pub(crate) fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default() % PERIOD
}

impl Kind {
    /// In this order: with everything; with nothing; each column alone null; each column alone present;
    /// awkward names; then random kinds, with some twins.
    fn new(place: usize) -> Self {
        let is_twin = TWINS.contains(&place);
        let is_second_twin = is_twin && place % 2 == 1;
        let mut rng = seeded(if is_second_twin { place - 1 } else { place });
        let nulls = 2..2 + NULLABLE.len();
        let values = nulls.end..nulls.end + NULLABLE.len();
        let names = values.end..values.end + words::AWKWARD_NAMES.len();
        let mut kind = Self::complete(&mut rng);
        if place == 1 {
            for (_, clear) in NULLABLE {
                clear(&mut kind);
            }
        } else if nulls.contains(&place) {
            for (_, clear) in NULLABLE.iter().skip(place - nulls.start).take(1) {
                clear(&mut kind);
            }
        } else if values.contains(&place) {
            let kept = place - values.start;
            for (column, (_, clear)) in NULLABLE.iter().enumerate() {
                if column != kept {
                    clear(&mut kind);
                }
            }
        } else if names.contains(&place) {
            kind.last_name = words::AWKWARD_NAMES.get(place - names.start).copied();
        } else if place >= names.end {
            kind.forget_some(&mut rng);
        }
        let allegiance = Allegiance::new(place, is_twin, &mut seeded(place + PERIOD));
        Self { allegiance, is_second_twin, ..kind }
    }

    fn complete(rng: &mut Rng) -> Self {
        let age = rng.u8(18..=101);
        Self {
            first_name: rng.choice(words::FIRST_NAMES),
            middle_name: rng.choice(words::MIDDLE_NAMES),
            last_name: rng.choice(words::LAST_NAMES),
            suffix: rng.choice(words::SUFFIXES),
            street: rng.choice(words::STREETS),
            second_line: rng.choice(words::SECOND_LINES),
            city: rng.choice(words::CITIES),
            state: true,
            zip: rng.choice(words::ZIPS),
            plus_four: true,
            latitude: true,
            longitude: true,
            mailing: true,
            landline: true,
            cell_phone: true,
            age: Some(age),
            age_text: Some(age),
            gender: rng.choice(["M", "F"]),
            voter_status: rng.choice(words::VOTER_STATUSES),
            marital_status: rng.choice(words::MARITAL_STATUSES),
            children: rng.choice(words::CHILDREN),
            veteran: Some("Yes"),
            business_owner: rng.choice(words::BUSINESS_OWNERS),
            homeowner: rng.choice(words::HOMEOWNERS),
            education: rng.choice(words::EDUCATIONS),
            ethnicity: rng.choice(words::ETHNICITIES),
            language: rng.choice(words::LANGUAGES),
            income: Some(rng.u32(5..=300) * 1_000),
            general_performance: rng.choice(words::PERFORMANCES),
            minor_performance: rng.choice(words::PERFORMANCES),
            voted: rng.u32(..),
            ..Self::default()
        }
    }

    /// Makes columns null as often as in a real voter file.
    fn forget_some(&mut self, rng: &mut Rng) {
        for (percent, clear) in NULLABLE {
            if rng.u8(..100) < percent {
                clear(self);
            }
        }
    }
}

fn seeded(place: usize) -> Rng {
    Rng::with_seed(SEED ^ u64::try_from(place).unwrap_or_default())
}
