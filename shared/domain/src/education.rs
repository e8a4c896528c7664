//! Education levels (cấp học, 学段), their grades, and sets of levels.
//!
//! A unit carries a set of levels (a TH-THCS school has two); a class has exactly one (rules 2.3; S1-002).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Array, Nullable, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::UnknownCode;

crate::text_enum! {
    /// Education level (cấp học, 学段) under the Education Law of Viet Nam 2019, Art. 6; the code is the sector's own.
    EducationLevel {
        /// Preschool (mầm non, 学前教育): nursery of 3 to 36 months and kindergarten of 3 to 5 years; no numeric grades.
        MN = "MN" | "mầm non",
        /// Primary (tiểu học, 小学): grades 1 to 5.
        TH = "TH" | "tiểu học",
        /// Lower secondary (trung học cơ sở, 初中): grades 6 to 9.
        THCS = "THCS" | "trung học cơ sở",
        /// Upper secondary (trung học phổ thông, 高中): grades 10 to 12.
        THPT = "THPT" | "trung học phổ thông",
        /// Continuing education (giáo dục thường xuyên, 继续教育): secondary programmes, grades 6 to 12.
        GDTX = "GDTX" | "giáo dục thường xuyên",
    }
}

/// Why a grade (khối, 年级) does not fit an education level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GradeError {
    /// The level has numeric grades and none was given.
    #[error("level {level} needs a grade")]
    Missing {
        /// The level in question.
        level: EducationLevel,
    },
    /// The level has no numeric grades (MN) and one was given.
    #[error("level {level} has no grades")]
    NotUsed {
        /// The level in question.
        level: EducationLevel,
    },
    /// The grade is not one of the level's.
    #[error("level {level} has the grades {first} to {last}")]
    OutOfRange {
        /// The level in question.
        level: EducationLevel,
        /// Its lowest grade.
        first: i16,
        /// Its highest grade.
        last: i16,
    },
}

impl GradeError {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing { .. } => "grade_missing",
            Self::NotUsed { .. } => "grade_not_used",
            Self::OutOfRange { .. } => "grade_out_of_range",
        }
    }
}

impl EducationLevel {
    /// The grades (khối lớp, 年级) of the level; none for preschool, whose groups go by age (rules 2.3).
    #[must_use]
    pub const fn grades(self) -> Option<RangeInclusive<i16>> {
        match self {
            Self::MN => None,
            Self::TH => Some(1..=5),
            Self::THCS => Some(6..=9),
            Self::THPT => Some(10..=12),
            Self::GDTX => Some(6..=12),
        }
    }

    /// Whether a class or student of this level may have this grade: one of [`Self::grades`], or none in preschool.
    ///
    /// # Errors
    /// [`GradeError`] says what is wrong and, where it helps, the grades allowed.
    pub fn check_grade(self, grade: Option<i16>) -> Result<(), GradeError> {
        match (self.grades(), grade) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(GradeError::NotUsed { level: self }),
            (Some(_), None) => Err(GradeError::Missing { level: self }),
            (Some(grades), Some(grade)) if grades.contains(&grade) => Ok(()),
            (Some(grades), Some(_)) => Err(GradeError::OutOfRange { level: self, first: *grades.start(), last: *grades.end() }),
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::MN => 1,
            Self::TH => 1 << 1,
            Self::THCS => 1 << 2,
            Self::THPT => 1 << 3,
            Self::GDTX => 1 << 4,
        }
    }
}

/// A set of education levels (các cấp học của trường), in the order MN, TH, THCS, THPT, GDTX, each at most once.
///
/// In JSON an array of codes; as text the codes joined by `;` (`TH;THCS`); in PostgreSQL a `text[]`. The set may be
/// empty: a department teaches nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Array<Text>)]
#[diesel(sql_type = Array<Nullable<Text>>)]
pub struct EducationLevels(u8);

impl EducationLevels {
    /// The set without levels.
    pub const EMPTY: Self = Self(0);

    /// Whether the level is in the set.
    #[must_use]
    pub const fn contains(self, level: EducationLevel) -> bool {
        self.0 & level.bit() != 0
    }

    /// Adds a level; says whether it was not in the set before.
    pub const fn insert(&mut self, level: EducationLevel) -> bool {
        let new = !self.contains(level);
        self.0 |= level.bit();
        new
    }

    /// Whether every level of this set is in `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether the two sets have a level in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set has no level.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The number of levels, 0 to 5.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The levels in order.
    pub fn iter(self) -> impl Iterator<Item = EducationLevel> {
        EducationLevel::ALL.iter().copied().filter(move |level| self.contains(*level))
    }

    /// The codes of the levels in order, as stored.
    #[must_use]
    pub fn codes(self) -> Vec<&'static str> {
        self.iter().map(EducationLevel::as_str).collect()
    }
}

impl FromIterator<EducationLevel> for EducationLevels {
    fn from_iter<I: IntoIterator<Item = EducationLevel>>(levels: I) -> Self {
        let mut set = Self::EMPTY;
        for level in levels {
            set.insert(level);
        }
        set
    }
}

impl<const N: usize> From<[EducationLevel; N]> for EducationLevels {
    fn from(levels: [EducationLevel; N]) -> Self {
        levels.into_iter().collect()
    }
}

impl From<EducationLevel> for EducationLevels {
    fn from(level: EducationLevel) -> Self {
        Self(level.bit())
    }
}

impl fmt::Display for EducationLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.codes().join(";"))
    }
}

impl FromStr for EducationLevels {
    type Err = UnknownCode;

    /// Reads codes separated by `;` (`TH;THCS`), spaces around them ignored; an empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(';').filter(|code| !code.trim().is_empty()).map(str::parse::<EducationLevel>).collect()
    }
}

impl Serialize for EducationLevels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for EducationLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<EducationLevel>::deserialize(deserializer).map(|levels| levels.into_iter().collect())
    }
}

impl PartialSchema for EducationLevels {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(EducationLevel::name()))
            .unique_items(true)
            .max_items(Some(EducationLevel::ALL.len()))
            .description(Some("The education levels (các cấp học, 学段) of a unit, each at most once."))
            .examples([serde_json::json!(["TH", "THCS"])])
            .into()
    }
}

impl ToSchema for EducationLevels {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EducationLevel::name().into_owned(), EducationLevel::schema()));
    }
}

impl ToSql<Array<Text>, Pg> for EducationLevels {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Array<Text>, Pg>::to_sql(&self.codes(), &mut out.reborrow())
    }
}

impl ToSql<Array<Nullable<Text>>, Pg> for EducationLevels {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Array<Text>, Pg>::to_sql(self, out)
    }
}

impl FromSql<Array<Text>, Pg> for EducationLevels {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(<Vec<EducationLevel> as FromSql<Array<Text>, Pg>>::from_sql(value)?.into_iter().collect())
    }
}

impl FromSql<Array<Nullable<Text>>, Pg> for EducationLevels {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Self as FromSql<Array<Text>, Pg>>::from_sql(value)
    }
}

#[cfg(test)]
mod tests {
    use super::EducationLevel::{GDTX, MN, TH, THCS, THPT};
    use super::{EducationLevel, EducationLevels, GradeError};

    #[test]
    fn grades_follow_rules_2_3() {
        let allowed = |level: EducationLevel| (0..=13).filter(|grade| level.check_grade(Some(*grade)).is_ok()).collect::<Vec<i16>>();
        assert_eq!(allowed(MN), Vec::<i16>::new());
        assert_eq!(allowed(TH), [1, 2, 3, 4, 5]);
        assert_eq!(allowed(THCS), [6, 7, 8, 9]);
        assert_eq!(allowed(THPT), [10, 11, 12]);
        assert_eq!(allowed(GDTX), [6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(MN.check_grade(None), Ok(()));
        assert_eq!(TH.check_grade(None), Err(GradeError::Missing { level: TH }));
        assert_eq!(MN.check_grade(Some(1)), Err(GradeError::NotUsed { level: MN }));
        assert_eq!(TH.check_grade(Some(6)), Err(GradeError::OutOfRange { level: TH, first: 1, last: 5 }));
    }

    #[test]
    fn json_uses_the_sector_codes_only() {
        assert_eq!(serde_json::to_string(&THCS).unwrap(), "\"THCS\"");
        assert!(serde_json::from_str::<EducationLevel>("\"thcs\"").is_err());
        let problem = serde_json::from_str::<EducationLevel>("\"K12\"").unwrap_err().to_string();
        assert!(problem.contains("`K12` is not one of: MN, TH, THCS, THPT, GDTX"), "{problem}");
    }

    #[test]
    fn sets_are_ordered_and_without_duplicates() {
        let set: EducationLevels = " THCS;TH ;TH".parse().unwrap();
        assert_eq!(set.to_string(), "TH;THCS");
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["TH","THCS"]"#);
        assert_eq!(serde_json::from_str::<EducationLevels>(r#"["THCS","TH","TH"]"#).unwrap(), set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [TH, THCS]);
        assert_eq!((set.len(), set.is_empty()), (2, false));
        assert_eq!("".parse::<EducationLevels>().unwrap(), EducationLevels::EMPTY);
        assert!("TH;XX".parse::<EducationLevels>().is_err());
    }

    #[test]
    fn set_relations() {
        let set = EducationLevels::from([TH, THCS]);
        assert!(EducationLevels::from(TH).is_subset(set));
        assert!(!set.is_subset(TH.into()));
        assert!(set.intersects([THCS, THPT].into()));
        assert!(!set.intersects(MN.into()));
        assert!(EducationLevels::EMPTY.is_subset(set));
    }
}
