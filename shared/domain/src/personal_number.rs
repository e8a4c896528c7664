//! Personal identification numbers (số định danh cá nhân, 居民身份证号码; S1-010, S1-056).
//!
//! | Scheme | Form | Source |
//! | --- | --- | --- |
//! | Viet Nam | 12 digits: area of birth registration (3), century and gender (1), year (2), random (6); no check digit | Decree 137/2015 Art. 13, TT 07/2016/TT-BCA Art. 7, TT 59/2021/TT-BCA Art. 4 |
//! | China | 18 characters: area (6), birth date (8), sequence (3, odd is male), check character (ISO 7064 MOD 11-2) | GB 11643, rules 6.7 |
//!
//! A number never changes and says nothing about where a person lives: the area is looked at only to warn of a slip.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;

use crate::Gender;

mod wire;

crate::text_enum! {
    /// Scheme of a personal identification number (loại số định danh, 证件类型).
    PersonalNumberScheme {
        /// Vietnamese personal identification number, since 2016 also the number of the identity card (số CCCD).
        VnPersonalNumber = "vn_personal_number",
        /// Chinese resident identity number of 18 characters (居民身份证号码).
        CnResidentId = "cn_resident_id",
    }
}

/// Why a text is no personal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonalNumberError {
    /// Neither 12 digits nor 17 digits with a digit or `X`.
    #[error("must be 12 digits (Viet Nam) or 17 digits and a check character (China)")]
    Format,
    /// The birth date inside does not exist.
    #[error("contains a birth date that does not exist")]
    Date,
    /// The birth date or year inside lies in the future.
    #[error("contains a birth date in the future")]
    Future,
    /// The check character is not the one the other characters give.
    #[error("has a wrong check character")]
    Checksum,
}

impl PersonalNumberError {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Date => "date",
            Self::Future => "future",
            Self::Checksum => "checksum",
        }
    }
}

/// What is odd about a number beside the person's other data; see [`PersonalNumber::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Error: the number is of a person of the other gender.
    GenderMismatch {
        /// The gender in the number.
        expected: Gender,
    },
    /// Error: the number is of a person born in another year.
    BirthYearMismatch {
        /// The year in the number.
        expected: i32,
    },
    /// Error: the number is of a person born on another day.
    BirthDateMismatch {
        /// The date in the number.
        expected: NaiveDate,
    },
    /// Warning: the area prefix is in no list; numbers of people registered abroad begin with a country's code.
    UnknownAreaPrefix {
        /// The digits of the prefix (three in Viet Nam, two in China).
        prefix: String,
    },
}

impl Finding {
    /// Whether the record must not be saved like this; otherwise it is a warning to show.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        !matches!(self, Self::UnknownAreaPrefix { .. })
    }

    /// The stable code of the finding, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GenderMismatch { .. } => "gender_mismatch",
            Self::BirthYearMismatch { .. } => "birth_year_mismatch",
            Self::BirthDateMismatch { .. } => "birth_date_mismatch",
            Self::UnknownAreaPrefix { .. } => "unknown_area_prefix",
        }
    }
}

/// What a number says of its owner's birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Birth {
    Year(i32),
    Date(NaiveDate),
}

/// A well-formed personal identification number, kept as text (the leading zero counts).
///
/// `Debug` shows only the last three characters, and there is no `Display`: whoever prints a number in full says so
/// with [`Self::as_str`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct PersonalNumber {
    number: String,
    scheme: PersonalNumberScheme,
    gender: Gender,
    birth: Birth,
}

impl PersonalNumber {
    /// Reads a number of either scheme, told apart by its length. White space is removed, full-width digits become
    /// ordinary ones and the check character `x` becomes `X`.
    ///
    /// # Errors
    /// [`PersonalNumberError`], except `Future`, which needs a date to compare with: see [`Self::parse_on`].
    pub fn parse(text: &str) -> Result<Self, PersonalNumberError> {
        let number: String = text.chars().filter(|c| !c.is_whitespace()).map(narrow).collect();
        match number.len() {
            12 => Self::read_vn(number),
            18 => Self::read_cn(number),
            _ => Err(PersonalNumberError::Format),
        }
    }

    /// [`Self::parse`] and [`Self::born_by`] in one.
    ///
    /// # Errors
    /// Any [`PersonalNumberError`].
    pub fn parse_on(text: &str, today: NaiveDate) -> Result<Self, PersonalNumberError> {
        let number = Self::parse(text)?;
        number.born_by(today)?;
        Ok(number)
    }

    /// Checks that the owner is born by this date (in Viet Nam by the end of its year).
    ///
    /// # Errors
    /// [`PersonalNumberError::Future`].
    pub fn born_by(&self, today: NaiveDate) -> Result<(), PersonalNumberError> {
        let born = match self.birth {
            Birth::Year(year) => year <= today.year(),
            Birth::Date(date) => date <= today,
        };
        if born { Ok(()) } else { Err(PersonalNumberError::Future) }
    }

    fn read_vn(number: String) -> Result<Self, PersonalNumberError> {
        let century_and_gender = digits(&number, 3, 1)?;
        let year = 1900 + 100 * (century_and_gender / 2) + digits(&number, 4, 2)?;
        digits(&number, 0, 3)?;
        digits(&number, 6, 6)?;
        Ok(Self {
            number,
            scheme: PersonalNumberScheme::VnPersonalNumber,
            gender: if century_and_gender % 2 == 0 { Gender::Male } else { Gender::Female },
            birth: Birth::Year(year),
        })
    }

    fn read_cn(number: String) -> Result<Self, PersonalNumberError> {
        digits(&number, 0, 6)?;
        let (year, month, day) = (digits(&number, 6, 4)?, digits(&number, 10, 2)?, digits(&number, 12, 2)?);
        let sequence = digits(&number, 14, 3)?;
        if !number.ends_with(|c: char| c.is_ascii_digit() || c == 'X') {
            return Err(PersonalNumberError::Format);
        }
        let date = NaiveDate::from_ymd_opt(year, month.unsigned_abs(), day.unsigned_abs()).filter(|date| date.year() >= 1).ok_or(PersonalNumberError::Date)?;
        if !number.ends_with(check_character(&number)) {
            return Err(PersonalNumberError::Checksum);
        }
        Ok(Self { number, scheme: PersonalNumberScheme::CnResidentId, gender: if sequence % 2 == 1 { Gender::Male } else { Gender::Female }, birth: Birth::Date(date) })
    }

    /// The number: 12 digits, or 18 characters of which the last may be `X`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.number
    }

    /// The scheme the number belongs to.
    #[must_use]
    pub const fn scheme(&self) -> PersonalNumberScheme {
        self.scheme
    }

    /// The owner's gender; never `Unspecified`.
    #[must_use]
    pub const fn gender(&self) -> Gender {
        self.gender
    }

    /// The owner's year of birth; 1900 to 2399 in Viet Nam.
    #[must_use]
    pub fn birth_year(&self) -> i32 {
        match self.birth {
            Birth::Year(year) => year,
            Birth::Date(date) => date.year(),
        }
    }

    /// The owner's date of birth, which only a Chinese number contains.
    #[must_use]
    pub const fn birth_date(&self) -> Option<NaiveDate> {
        match self.birth {
            Birth::Year(_) => None,
            Birth::Date(date) => Some(date),
        }
    }

    /// Compares the number with the gender and birth date stated for its owner; what is not stated, or unspecified, is
    /// not compared. The errors come first, then the warnings.
    #[must_use]
    pub fn check(&self, gender: Option<Gender>, birth_date: Option<NaiveDate>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if gender.is_some_and(|stated| stated != Gender::Unspecified && stated != self.gender) {
            findings.push(Finding::GenderMismatch { expected: self.gender });
        }
        match (self.birth, birth_date) {
            (Birth::Year(expected), Some(stated)) if stated.year() != expected => {
                findings.push(Finding::BirthYearMismatch { expected });
            }
            (Birth::Date(expected), Some(stated)) if stated != expected => {
                findings.push(Finding::BirthDateMismatch { expected });
            }
            _ => {}
        }
        let prefix = self.area_prefix();
        if !self.known_prefixes().contains(&prefix) {
            findings.push(Finding::UnknownAreaPrefix { prefix: prefix.to_owned() });
        }
        findings
    }

    /// The number with everything but its last three characters hidden: `*********999`.
    #[must_use]
    pub fn masked(&self) -> String {
        let hidden = self.number.len().saturating_sub(3);
        format!("{}{}", "*".repeat(hidden), self.number.get(hidden..).unwrap_or_default())
    }

    fn area_prefix(&self) -> &str {
        let length = match self.scheme {
            PersonalNumberScheme::VnPersonalNumber => 3,
            PersonalNumberScheme::CnResidentId => 2,
        };
        self.number.get(..length).unwrap_or_default()
    }

    fn known_prefixes(&self) -> &'static [&'static str] {
        static VN: LazyLock<Vec<&str>> = LazyLock::new(|| prefixes(include_str!("../data/vn_area_prefixes.csv")));
        static CN: LazyLock<Vec<&str>> = LazyLock::new(|| prefixes(include_str!("../data/cn_area_prefixes.csv")));
        match self.scheme {
            PersonalNumberScheme::VnPersonalNumber => &VN,
            PersonalNumberScheme::CnResidentId => &CN,
        }
    }
}

/// The first column of a table, without its head.
fn prefixes(table: &'static str) -> Vec<&'static str> {
    table.lines().skip(1).filter_map(|line| line.split(',').next()).collect()
}

/// The ordinary form of a full-width digit or letter X, and `X` for `x`.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        'x' | 'ｘ' | 'Ｘ' => 'X',
        _ => c,
    }
}

/// The value of `length` decimal digits from `start`.
fn digits(number: &str, start: usize, length: usize) -> Result<i32, PersonalNumberError> {
    let part = number.get(start..start + length).ok_or(PersonalNumberError::Format)?;
    if !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PersonalNumberError::Format);
    }
    part.parse().map_err(|_| PersonalNumberError::Format)
}

/// The check character of the first 17 digits by ISO 7064 MOD 11-2.
fn check_character(number: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = number.chars().filter_map(|c| c.to_digit(10)).zip(WEIGHTS).map(|(d, w)| d * w).sum();
    match (12 - sum % 11) % 11 {
        10 => 'X',
        value => char::from_digit(value, 10).unwrap_or('X'),
    }
}

impl fmt::Debug for PersonalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonalNumber({})", self.masked())
    }
}

impl FromStr for PersonalNumber {
    type Err = PersonalNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PersonalNumber {
    type Error = PersonalNumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests;
