//! The voter file as CSV, rewritten column by column while it streams.
//!
//! Only columns on the product's list pass, whatever people-api may add. An elected official's list
//! has no column on political party or on primary elections, because voting in a closed primary
//! reveals the party (design D8, upstreams §11).
//!
//! ```
//! use winserve_domain::contacts::{CsvRewriter, Serve, Win};
//! let mut win = CsvRewriter::<Win>::new();
//! let rows = win.push(b"id,Parties_Description,Age\n1,Green,+1 x\n").unwrap();
//! assert_eq!(rows.into_bytes(), b"\xEF\xBB\xBFid,Parties_Description,Age\n1,Green,'+1 x");
//! let mut serve = CsvRewriter::<Serve>::new();
//! let rows = serve.push(b"id,Parties_Description,Age\n1,Green,+1 x\n").unwrap();
//! assert_eq!(rows.into_bytes(), b"\xEF\xBB\xBFid,Age\n1,'+1 x");
//! ```
//!
//! For a candidate, a column on party or on a primary election exists:
//!
//! ```
//! use winserve_domain::contacts::{Product, Win};
//! use winserve_domain::contacts::{Column, PartyColumn};
//! let column: Option<<Win as Product>::OwnColumn> = PartyColumn::find(b"Primary_2024");
//! ```
//!
//! For an elected official it does not:
//!
//! ```compile_fail
//! use winserve_domain::contacts::{Product, Serve};
//! use winserve_domain::contacts::{Column, PartyColumn};
//! let column: Option<<Serve as Product>::OwnColumn> = PartyColumn::find(b"Primary_2024");
//! ```
//!
//! A candidate's rows cannot be sent to an elected official:
//!
//! ```
//! use winserve_domain::contacts::{CsvRows, Serve, Win};
//! fn send(rows: CsvRows<Serve>) {}
//! fn candidates(rows: CsvRows<Win>) {}
//! ```
//!
//! ```compile_fail
//! use winserve_domain::contacts::{CsvRows, Serve, Win};
//! fn send(rows: CsvRows<Serve>) {}
//! fn candidates(rows: CsvRows<Win>) {
//!     send(rows);
//! }
//! ```

use std::{borrow::Cow, fmt, marker::PhantomData};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::contacts::Product;

/// Columns of both products (upstreams §8, §9).
const SHARED: [&str; 57] = [
    "id",
    "LALVOTERID",
    "State",
    "FirstName",
    "MiddleName",
    "LastName",
    "NameSuffix",
    "Residence_Addresses_AddressLine",
    "Residence_Addresses_ExtraAddressLine",
    "Residence_Addresses_City",
    "Residence_Addresses_State",
    "Residence_Addresses_Zip",
    "Residence_Addresses_ZipPlus4",
    "Residence_Addresses_Latitude",
    "Residence_Addresses_Longitude",
    "Mailing_Addresses_AddressLine",
    "Mailing_Addresses_ExtraAddressLine",
    "Mailing_Addresses_City",
    "Mailing_Addresses_State",
    "Mailing_Addresses_Zip",
    "Mailing_Addresses_ZipPlus4",
    "VoterTelephones_LandlineFormatted",
    "VoterTelephones_CellPhoneFormatted",
    "Age",
    "Age_Int",
    "Gender",
    "Voter_Status",
    "Marital_Status",
    "Veteran_Status",
    "Education_Of_Person",
    "EthnicGroups_EthnicGroup1Desc",
    "Business_Owner",
    "Presence_Of_Children",
    "Homeowner_Probability_Model",
    "Language_Code",
    "Estimated_Income_Amount_Int",
    "VotingPerformanceEvenYearGeneral",
    "VotingPerformanceMinorElection",
    "AnyElection_2017",
    "AnyElection_2019",
    "AnyElection_2021",
    "AnyElection_2023",
    "AnyElection_2025",
    "General_2016",
    "General_2018",
    "General_2020",
    "General_2022",
    "General_2024",
    "General_2026",
    "OtherElection_2016",
    "OtherElection_2018",
    "OtherElection_2020",
    "OtherElection_2022",
    "OtherElection_2024",
    "OtherElection_2026",
    "electionLocation",
    "electionType",
];

/// Columns that reveal a voter's party, or allow a guess.
const PARTY: [&str; 10] = [
    "Parties_Description",
    "Primary_2016",
    "Primary_2018",
    "Primary_2020",
    "Primary_2022",
    "Primary_2024",
    "Primary_2026",
    "PresidentialPrimary_2016",
    "PresidentialPrimary_2020",
    "PresidentialPrimary_2024",
];

/// A column of one product only.
pub trait Column: Copy + 'static {
    /// The column with this name.
    fn find(name: &[u8]) -> Option<Self>;

    /// All of them.
    fn all() -> impl Iterator<Item = Self>;

    /// Its name.
    fn name(self) -> &'static str;
}

/// A column that reveals a voter's party, or allows a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyColumn(&'static str);

impl Column for PartyColumn {
    fn find(name: &[u8]) -> Option<Self> {
        Self::all().find(|column| column.0.as_bytes() == name)
    }

    fn all() -> impl Iterator<Item = Self> {
        PARTY.into_iter().map(Self)
    }

    fn name(self) -> &'static str {
        self.0
    }
}

/// There is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoColumn {}

impl Column for NoColumn {
    fn find(_: &[u8]) -> Option<Self> {
        None
    }

    fn all() -> impl Iterator<Item = Self> {
        std::iter::empty()
    }

    fn name(self) -> &'static str {
        match self {}
    }
}

fn passes<P: Product>(name: &[u8]) -> bool {
    SHARED.iter().any(|column| column.as_bytes() == name) || P::OwnColumn::find(name).is_some()
}

/// Rows of a product's CSV; only [`CsvRewriter`] creates them.
pub struct CsvRows<P> {
    bytes: Vec<u8>,
    product: PhantomData<fn() -> P>,
}

impl<P> CsvRows<P> {
    fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), product: PhantomData }
    }

    /// Whether no row is complete yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The rows as they must be sent.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<P> fmt::Debug for CsvRows<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CsvRows({} bytes)", self.bytes.len())
    }
}

/// Why a file cannot be rewritten. Contains no text of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// A row has more or fewer fields than the header, so the meaning of a field is uncertain.
    #[error("a row has {found} fields, the header {expected}")]
    Misaligned {
        /// Of the header.
        expected: usize,
        /// Of the row.
        found: usize,
    },
    /// The header is not that of a voter file: its first column is missing.
    #[error("the header has no column `{}`", SHARED[0])]
    NoVoterFile,
    /// The file ends inside a quoted field: it is truncated.
    #[error("the file ends inside a quoted field")]
    Unfinished,
    /// A row is longer than people-api's.
    #[error("a row is longer than {LONGEST_ROW} bytes")]
    TooLong,
}

/// Byte order mark. Without it spreadsheets read UTF-8 in their machine's code page.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Maximum row length in bytes; people-api's rows have less than a thousandth of that.
const LONGEST_ROW: usize = 1 << 20;

/// Rewrites a streamed CSV file: drops columns that the product may not see, replaces invalid text,
/// and keeps spreadsheets from reading a text as a formula. Uses memory for one row.
pub struct CsvRewriter<P> {
    reader: Reader,
    row: Row,
    /// Which fields pass; empty until the header is read.
    kept: Vec<bool>,
    rows: u64,
    /// Quotation marks so far: an odd number means that a quoted field is open.
    quotes: usize,
    product: PhantomData<fn() -> P>,
}

/// The row being read.
#[derive(Default)]
struct Row {
    fields: Vec<u8>,
    ends: Vec<usize>,
    field_bytes: usize,
    field_count: usize,
}

impl<P: Product> Default for CsvRewriter<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Product> CsvRewriter<P> {
    /// A rewriter at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        // A carriage return is an ordinary character.
        let reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        let row = Row { fields: vec![0; 4_096], ends: vec![0; 128], ..Row::default() };
        Self { reader, row, kept: Vec::new(), rows: 0, quotes: 0, product: PhantomData }
    }

    /// Rows so far, without the header.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the next part of the file, and returns the rows completed so far.
    ///
    /// # Errors
    /// See [`CsvError`]; send nothing after that.
    pub fn push(&mut self, mut part: &[u8]) -> Result<CsvRows<P>, CsvError> {
        let mut rows = CsvRows::with_capacity(part.len() + part.len() / 8);
        self.quotes += part.split(|byte| *byte == b'"').count() - 1;
        while !part.is_empty() {
            let read = self.read(part, &mut rows.bytes)?;
            part = part.get(read..).unwrap_or_default();
        }
        Ok(rows)
    }

    /// Returns the rest at the end of the file: a last row without a line end, or the header, which
    /// people-api omits if there are no rows.
    ///
    /// # Errors
    /// See [`CsvError`].
    pub fn finish(&mut self) -> Result<CsvRows<P>, CsvError> {
        if !self.quotes.is_multiple_of(2) {
            return Err(CsvError::Unfinished);
        }
        let mut rows = CsvRows::with_capacity(LAST_ROW);
        self.read(&[], &mut rows.bytes)?;
        if self.kept.is_empty() {
            let own = P::OwnColumn::all().map(Column::name);
            let names: Vec<&str> = SHARED.into_iter().chain(own).collect();
            rows.bytes.extend_from_slice(BYTE_ORDER_MARK);
            rows.bytes.extend_from_slice(names.join(",").as_bytes());
        }
        Ok(rows)
    }

    /// Reads to the end of a row or of the part, and returns how far it got.
    fn read(&mut self, part: &[u8], to: &mut Vec<u8>) -> Result<usize, CsvError> {
        let mut consumed = 0;
        loop {
            let Row { fields, ends, field_bytes, field_count } = &mut self.row;
            let (result, read, written, ended) = self.reader.read_record(
                part.get(consumed..).unwrap_or_default(),
                fields.get_mut(*field_bytes..).unwrap_or_default(),
                ends.get_mut(*field_count..).unwrap_or_default(),
            );
            consumed += read;
            *field_bytes += written;
            *field_count += ended;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return Ok(consumed),
                ReadRecordResult::OutputFull if fields.len() >= LONGEST_ROW => {
                    return Err(CsvError::TooLong);
                }
                ReadRecordResult::OutputFull => fields.resize(fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if ends.len() >= LONGEST_ROW => {
                    return Err(CsvError::TooLong);
                }
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.take_row(to)?;
                    return Ok(consumed);
                }
            }
        }
    }

    fn take_row(&mut self, to: &mut Vec<u8>) -> Result<(), CsvError> {
        let ends = self.row.ends.get(..self.row.field_count).unwrap_or_default();
        if self.kept.is_empty() {
            let names = || fields(&self.row.fields, ends);
            if !names().any(|name| name == SHARED[0].as_bytes()) {
                return Err(CsvError::NoVoterFile);
            }
            self.kept = names().map(passes::<P>).collect();
            to.extend_from_slice(BYTE_ORDER_MARK);
        } else if self.kept.len() != ends.len() {
            return Err(CsvError::Misaligned { expected: self.kept.len(), found: ends.len() });
        } else {
            self.rows += 1;
            to.push(b'\n');
        }
        let kept = fields(&self.row.fields, ends).zip(&self.kept).filter(|(_, kept)| **kept);
        for (index, (field, _)) in kept.enumerate() {
            if index > 0 {
                to.push(b',');
            }
            write_field(&text(field), to);
        }
        (self.row.field_bytes, self.row.field_count) = (0, 0);
        Ok(())
    }
}

/// Space for a row at the end of the file, in bytes.
const LAST_ROW: usize = 1_024;

fn fields<'f>(bytes: &'f [u8], ends: &'f [usize]) -> impl Iterator<Item = &'f [u8]> {
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(ends).map(|(begin, end)| bytes.get(begin..*end).unwrap_or_default())
}

/// The field as text: invalid UTF-8 becomes U+FFFD, and so does NUL, which ends a text in many
/// programs.
fn text(field: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(field).is_ok() && !field.contains(&0) {
        return Cow::Borrowed(field);
    }
    let text = String::from_utf8_lossy(field).replace('\0', "\u{FFFD}");
    Cow::Owned(text.into_bytes())
}

fn write_field(field: &[u8], to: &mut Vec<u8>) {
    let is_formula = is_formula(field);
    // Some spreadsheets treat a semicolon or a tab as a comma.
    if !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r' | b';' | b'\t')) {
        if is_formula {
            to.push(b'\'');
        }
        to.extend_from_slice(field);
        return;
    }
    to.push(b'"');
    if is_formula {
        to.push(b'\'');
    }
    for byte in field {
        if *byte == b'"' {
            to.push(b'"');
        }
        to.push(*byte);
    }
    to.push(b'"');
}

/// Whether a spreadsheet would read the text as a formula. A signed number is not one: every
/// longitude in the United States is negative.
fn is_formula(field: &[u8]) -> bool {
    match field {
        // The last four are full-width signs.
        [b'=' | b'@' | b'\t' | b'\r' | b'\n', ..] | [0xEF, 0xBC, 0x9D | 0x8B | 0x8D | 0xA0, ..] => {
            true
        }
        [b'+' | b'-', number @ ..] => {
            let is_point = |byte: &u8| *byte == b'.';
            let is_number = number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
                && number.iter().position(is_point) == number.iter().rposition(is_point)
                && number.iter().any(u8::is_ascii_digit);
            !is_number
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contacts::{Serve, Win};

    fn rewritten<P: Product>(parts: &[&[u8]]) -> Result<(String, u64), CsvError> {
        let mut rewriter = CsvRewriter::<P>::new();
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(rewriter.push(part)?.into_bytes());
        }
        bytes.extend(rewriter.finish()?.into_bytes());
        let file = String::from_utf8(bytes).unwrap();
        let unmarked = file.strip_prefix('\u{FEFF}').expect("the file begins with its mark");
        assert!(!unmarked.contains('\u{FEFF}'), "one mark is enough");
        Ok((unmarked.to_owned(), rewriter.rows()))
    }

    #[test]
    fn the_two_lists_are_the_columns_of_the_voter_file() {
        let mut all: Vec<_> = SHARED.into_iter().chain(PARTY).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 67);
        let tells = |name: &str| name.contains("Part") || name.contains("Primary");
        assert!(PARTY.into_iter().all(tells));
        assert!(!SHARED.into_iter().any(tells));
    }

    #[test]
    fn an_empty_file_gets_a_header_of_what_the_product_may_see() {
        let (win, rows) = rewritten::<Win>(&[]).unwrap();
        assert_eq!((win.split(',').count(), rows), (67, 0));
        let (serve, _) = rewritten::<Serve>(&[b""]).unwrap();
        assert_eq!(serve.split(',').count(), 57);
        assert!(!serve.contains("Parties") && !serve.contains("Primary"));
    }

    #[test]
    fn what_is_on_no_list_is_dropped_whatever_it_is_called() {
        let file =
            b"id,Residence_HHParties_Description,MovedFrom_Party_Description,parties_description,\
            Age,VoterParties_Change_Changed_Party,Parties_Description \n1,a,b,c,2,d,e";
        assert_eq!(rewritten::<Serve>(&[file]).unwrap(), ("id,Age\n1,2".to_owned(), 1));
        assert_eq!(rewritten::<Win>(&[file]).unwrap(), ("id,Age\n1,2".to_owned(), 1));
    }

    #[test]
    fn a_row_of_another_length_ends_the_file() {
        for (row, found) in [("1", 1), ("1,2,3", 3)] {
            let file = format!("id,Age\n{row}\n");
            let outcome = rewritten::<Win>(&[file.as_bytes()]);
            assert_eq!(outcome, Err(CsvError::Misaligned { expected: 2, found }));
        }
    }

    #[test]
    fn a_file_that_ends_within_a_text_is_not_whole() {
        for file in ["id,Age\n1,\"2,3", "id,Age\n1,\"2\"\"", "id,\"Age"] {
            assert_eq!(rewritten::<Win>(&[file.as_bytes()]), Err(CsvError::Unfinished), "{file}");
        }
    }

    #[test]
    fn what_is_no_voter_file_is_not_taken_for_one() {
        for file in ["<html>\n<body>", "ID,AGE\n1,2", "\n\nOK"] {
            assert_eq!(rewritten::<Win>(&[file.as_bytes()]), Err(CsvError::NoVoterFile), "{file}");
        }
    }

    #[test]
    fn a_row_that_never_ends_is_refused() {
        let file = [b"id,Age\n\"".as_slice(), &vec![b'x'; 2 * LONGEST_ROW]].concat();
        assert_eq!(rewritten::<Win>(&[&file]), Err(CsvError::TooLong));
    }

    #[test]
    fn formulas_become_texts_and_numbers_stay_numbers() {
        for (field, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "+1"),
            ("-104.82", "-104.82"),
            ("-", "'-"),
            ("-1.2.3", "'-1.2.3"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "\"'\tx\""),
            ("\"\nx\"", "\"'\nx\""),
            ("x;=1", "\"x;=1\""),
            ("＝1", "'＝1"),
            ("＠x", "'＠x"),
            ("\rx", "\"'\rx\""),
            ("\"=a,b\"", "\"'=a,b\""),
            ("\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\""),
            ("O'Neil", "O'Neil"),
        ] {
            let file = format!("id\n{field}");
            let (written, _) = rewritten::<Win>(&[file.as_bytes()]).unwrap();
            assert_eq!(written, format!("id\n{expected}"), "{field:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        for (field, expected) in [
            (b"Jos\xE9".as_slice(), "Jos\u{FFFD}"),
            (b"a\0b", "a\u{FFFD}b"),
            (b"\0=1", "\u{FFFD}=1"),
            (b"\xC3", "\u{FFFD}"),
            ("José".as_bytes(), "José"),
        ] {
            let file = [b"id,Age\n", field, b",7\n"].concat();
            let (written, _) = rewritten::<Win>(&[&file]).unwrap();
            assert_eq!(written, format!("id,Age\n{expected},7"), "{field:?}");
        }
    }

    #[test]
    fn a_file_that_begins_with_a_mark_keeps_one() {
        let file = "\u{FEFF}id,Age\n1,2";
        assert_eq!(rewritten::<Win>(&[file.as_bytes()]).unwrap(), ("id,Age\n1,2".to_owned(), 1));
    }

    /// Quotes a text as people-api does.
    fn quoted(text: &str) -> String {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_file_is_cut(
            rows in prop::collection::vec(("[a-z,\"\n\r=+@-]{0,6}", "[0-9]{1,3}", "[A-Z]{0,5}"), 0..8),
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            let mut file = "LastName,id,Parties_Description".to_owned();
            for (name, id, party) in &rows {
                file = format!("{file}\n{},{id},{party}", quoted(name));
            }
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
            cuts.extend([0, file.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> =
                cuts.windows(2).map(|pair| &file.as_bytes()[pair[0]..pair[1]]).collect();
            let whole = rewritten::<Serve>(&[file.as_bytes()]).unwrap();
            prop_assert_eq!(&whole, &rewritten::<Serve>(&parts).unwrap());
            prop_assert_eq!(usize::try_from(whole.1), Ok(rows.len()));
        }

        #[test]
        fn another_party_changes_nothing_that_an_elected_official_gets(
            name in "[a-z,\"\n]{0,6}",
            party in "[A-Za-z,\" \n=]{0,12}",
            other in "[A-Za-z,\" \n=]{0,12}",
        ) {
            let file = |party: &str| {
                let (name, party) = (quoted(&name), quoted(party));
                format!("LastName,Parties_Description,Primary_2024,id\n{name},{party},{party},7")
            };
            let serve = rewritten::<Serve>(&[file(&party).as_bytes()]).unwrap();
            prop_assert_eq!(serve, rewritten::<Serve>(&[file(&other).as_bytes()]).unwrap());
        }
    }
}
