//! Rows of the CSV file (upstreams §8): 67 columns under the names of the database.
//!
//! What a row has in common with all of its kind is written once and then copied.

use std::sync::OnceLock;

use uuid::fmt::Hyphenated;

use super::{
    kinds::{self, Kind, PERIOD},
    parties::{CANARY, PRIMARIES, Sign, SignValue},
    person::View,
    population::Electorate,
    voter::Voter,
};

const BASE: &str = "id,LALVOTERID,State,FirstName,MiddleName,LastName,NameSuffix,\
    Residence_Addresses_AddressLine,Residence_Addresses_ExtraAddressLine,Residence_Addresses_City,\
    Residence_Addresses_State,Residence_Addresses_Zip,Residence_Addresses_ZipPlus4,\
    Mailing_Addresses_AddressLine,Mailing_Addresses_ExtraAddressLine,Mailing_Addresses_City,\
    Mailing_Addresses_State,Mailing_Addresses_Zip,Mailing_Addresses_ZipPlus4,\
    Residence_Addresses_Latitude,Residence_Addresses_Longitude,VoterTelephones_LandlineFormatted,\
    VoterTelephones_CellPhoneFormatted,Age,Gender,Parties_Description,Business_Owner,\
    Education_Of_Person,Estimated_Income_Amount_Int,Homeowner_Probability_Model,Language_Code,\
    Marital_Status,Presence_Of_Children,Veteran_Status,Voter_Status,EthnicGroups_EthnicGroup1Desc,\
    Age_Int,VotingPerformanceEvenYearGeneral,VotingPerformanceMinorElection";
/// Columns that may be added one day.
const FUTURE: &str = ",Residence_HHParties_Description,MovedFrom_Party_Description,\
    VoterParties_Change_Changed_Party";
/// Elections that are not primaries.
const ELECTIONS: &str = ",AnyElection_2017,AnyElection_2019,AnyElection_2021,AnyElection_2023,\
    AnyElection_2025,General_2016,General_2018,General_2020,General_2022,General_2024,General_2026,\
    OtherElection_2016,OtherElection_2018,OtherElection_2020,OtherElection_2022,\
    OtherElection_2024,OtherElection_2026";
const ELECTIONS_COUNT: u32 = 17;
const DISTRICT: &str = ",electionLocation,electionType";

/// The header line, without its end.
pub(crate) fn header(view: View) -> String {
    let future = if view.future { FUTURE } else { "" };
    [BASE, future, ELECTIONS, ",", &PRIMARIES.join(","), DISTRICT].concat()
}

/// What a row says about one voter, or about all of its kind.
#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Id,
    Registration,
    State,
    House,
    PlusFour,
    Offset,
    CellPhone,
    Landline,
    /// A canary in this column.
    Canary(&'static str),
}

type Row = Box<[Piece]>;

/// The rows of a view; each kind's row is written when first needed.
#[derive(Debug)]
pub(crate) struct Rows {
    view: View,
    kinds: Vec<OnceLock<Row>>,
}

impl Rows {
    pub(crate) fn new(view: View) -> Self {
        Self { view, kinds: (0..PERIOD).map(|_| OnceLock::new()).collect() }
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// Appends the row of a voter, up to the columns of the district.
    pub(crate) fn write(&self, voter: Voter, line: &mut Vec<u8>) {
        let Some(row) = self.kinds.get(kinds::place(voter.number())) else { return };
        for piece in row.get_or_init(|| compose(voter.kind, self.view)) {
            piece.write(voter, line);
        }
    }
}

/// The last two columns and the end of a row, which are the same throughout a file.
pub(crate) fn tail(district: &Electorate) -> Vec<u8> {
    let mut tail = Vec::new();
    for text in [&district.name, &district.kind] {
        tail.push(b',');
        write_text(text, &mut tail);
    }
    tail
}

impl Piece {
    fn write(&self, voter: Voter, line: &mut Vec<u8>) {
        match self {
            Self::Text(text) => line.extend_from_slice(text),
            Self::Id => {
                let mut id = [0; Hyphenated::LENGTH];
                line.extend_from_slice(voter.id().hyphenated().encode_lower(&mut id).as_bytes());
            }
            Self::Registration => {
                line.extend_from_slice(b"LAL");
                line.extend_from_slice(voter.state().as_bytes());
                write_digits(voter.registration(), 1, line);
            }
            Self::State => line.extend_from_slice(voter.state().as_bytes()),
            Self::House => write_digits(voter.house(), 1, line),
            Self::PlusFour => write_digits(voter.plus_four(), 4, line),
            Self::Offset => write_digits(voter.offset(), 6, line),
            Self::CellPhone => write_telephone(voter.cell_phone(), line),
            Self::Landline => write_telephone(voter.landline(), line),
            Self::Canary(column) => {
                let canary = format!("{CANARY}-{column}-{}", voter.lal_voter_id());
                line.extend_from_slice(canary.as_bytes());
            }
        }
    }
}

fn write_telephone((area, exchange, line): (u64, u64, u64), text: &mut Vec<u8>) {
    text.push(b'(');
    write_digits(area, 3, text);
    text.extend_from_slice(b") ");
    write_digits(exchange, 3, text);
    text.push(b'-');
    write_digits(line, 4, text);
}

/// Decimal digits, at least `width` of them.
fn write_digits(number: u64, width: u32, text: &mut Vec<u8>) {
    let longer = number.checked_ilog10().unwrap_or_default();
    for power in (0..width.max(longer + 1)).rev() {
        let digit = number / 10_u64.pow(power) % 10;
        text.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

/// A field, quoted only if necessary.
fn write_text(text: &str, line: &mut Vec<u8>) {
    if text.contains(['"', ',', '\r', '\n']) {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

/// A row under construction.
#[derive(Default)]
struct Composer {
    pieces: Vec<Piece>,
    text: Vec<u8>,
}

impl Composer {
    /// The end of a column.
    fn end(&mut self) {
        self.text.push(b',');
    }

    fn text(&mut self, text: &str) {
        write_text(text, &mut self.text);
    }

    fn piece(&mut self, piece: Piece) {
        self.flush();
        self.pieces.push(piece);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text.into()));
        }
    }

    fn column(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
        self.end();
    }

    fn number(&mut self, number: Option<u32>) {
        self.column(number.map(|number| number.to_string()).as_deref());
    }

    /// A column of texts and pieces; empty if absent.
    fn mixed(&mut self, is_there: bool, before: &str, piece: Piece, after: &str) {
        if is_there {
            self.text(before);
            self.piece(piece);
            self.text(after);
        }
        self.end();
    }

    fn sign(&mut self, kind: &Kind, view: View, sign: Sign, column: &'static str) {
        match kind.allegiance.sign_value(view.parties, sign) {
            SignValue::Nothing => self.column(None),
            SignValue::Text(text) => self.column(Some(text)),
            SignValue::Canary => self.mixed(true, "", Piece::Canary(column), ""),
        }
    }
}

/// The row of a kind, column by column.
fn compose(kind: &Kind, view: View) -> Row {
    let mut row = Composer::default();
    row.mixed(true, "", Piece::Id, "");
    row.mixed(true, "", Piece::Registration, "");
    row.mixed(true, "", Piece::State, "");
    for name in [kind.first_name, kind.middle_name, kind.last_name, kind.suffix] {
        row.column(name);
    }
    let street = format!(" {}", kind.street.unwrap_or_default());
    row.mixed(kind.street.is_some(), "", Piece::House, &street);
    row.column(kind.second_line);
    row.column(kind.city);
    row.mixed(kind.state, "", Piece::State, "");
    row.column(kind.zip);
    row.mixed(kind.plus_four, "", Piece::PlusFour, "");
    let mailing = kind.mailing;
    row.mixed(mailing, "PO Box ", Piece::House, "");
    row.column(None);
    row.column(kind.city.filter(|_| mailing));
    row.mixed(mailing, "", Piece::State, "");
    row.column(kind.zip.filter(|_| mailing));
    row.mixed(mailing, "", Piece::PlusFour, "");
    row.mixed(kind.latitude, "41.", Piece::Offset, "");
    row.mixed(kind.longitude, "-84.", Piece::Offset, "");
    row.mixed(kind.landline, "", Piece::Landline, "");
    row.mixed(kind.cell_phone, "", Piece::CellPhone, "");
    row.number(kind.age_text.map(u32::from));
    row.column(kind.gender);
    row.sign(kind, view, Sign::Party, "Parties_Description");
    row.column(kind.business_owner);
    row.column(kind.education);
    row.number(kind.income);
    for text in [
        kind.homeowner,
        kind.language,
        kind.marital_status,
        kind.children,
        kind.veteran,
        kind.voter_status,
        kind.ethnicity,
    ] {
        row.column(text);
    }
    row.number(kind.age.map(u32::from));
    row.column(kind.general_performance);
    row.column(kind.minor_performance);
    if view.future {
        row.sign(kind, view, Sign::Household, "Residence_HHParties_Description");
        row.sign(kind, view, Sign::MovedFrom, "MovedFrom_Party_Description");
        row.sign(kind, view, Sign::Changed, "VoterParties_Change_Changed_Party");
    }
    for election in 0..ELECTIONS_COUNT {
        row.column((kind.voted >> election & 1 == 1).then_some("Y"));
    }
    for (place, name) in PRIMARIES.into_iter().enumerate() {
        row.sign(kind, view, Sign::Primary(place), name);
    }
    // The tail starts with its own comma.
    row.text.pop();
    row.flush();
    row.pieces.into()
}
