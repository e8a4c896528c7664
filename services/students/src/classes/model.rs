//! A class and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::fields::ForeignLanguage;
use registrar_domain::{Code, EducationLevel, EducationLevels, SchoolYearId, ShortText, StaffId, UnitId, text::search_key};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    embedded::{NamedStaff, NamedUnit},
    schema::classes,
};

registrar_domain::text_enum! {
    /// Where a class is in its life.
    ClassStatus {
        /// Goes on.
        Active = "active",
        /// Is over; `ended_on` and `end_reason` say when and why.
        Ended = "ended",
    }
}

/// What is entered of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassInput {
    /// Class name (tên lớp; S1-051), such as 5A1 or Lá 2; unique in its unit and school year.
    pub name: Code,
    /// The unit (school or campus) it belongs to, for good.
    pub unit_id: UnitId,
    /// The school year, for good.
    pub school_year_id: SchoolYearId,
    /// The education level (cấp học): one of the unit's.
    pub education_level: EducationLevel,
    /// Grade (khối lớp; S1-050): one of the level's; left out in preschool, which has none.
    #[schema(minimum = 1, maximum = 12)]
    pub grade: Option<i16>,
    /// The homeroom teacher's staff record (giáo viên chủ nhiệm, GVCN; S1-053). One that has not arrived here yet is
    /// accepted and shown unresolved.
    pub homeroom_teacher_id: Option<StaffId>,
    /// The first foreign language (ngoại ngữ 1, 第一外语; S3-068, S3-069).
    pub first_foreign_language: Option<ForeignLanguage>,
    /// Its programme (chương trình học ngoại ngữ 1; S3-069), such as "Chương trình 10 năm"; only with a language.
    pub foreign_language_programme: Option<ShortText>,
    /// Its periods a week (số tiết ngoại ngữ/tuần; S3-070); only with a language.
    #[schema(minimum = 1, maximum = 20)]
    pub foreign_language_periods: Option<i16>,
    /// Where the class is in its life.
    pub status: ClassStatus,
    /// The last day; with `status` ended, and only then.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended; with `status` ended, and only then.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
}

impl ClassInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self) -> StoreResult<()> {
        if let Err(error) = self.education_level.check_grade(self.grade) {
            return Err(invalid("/grade", error.code(), error.to_string()));
        }
        if self.first_foreign_language.is_none() && self.foreign_language_programme.is_some() {
            return Err(invalid("/foreign_language_programme", "only_with_language", "goes with first_foreign_language"));
        }
        if self.first_foreign_language.is_none() && self.foreign_language_periods.is_some() {
            return Err(invalid("/foreign_language_periods", "only_with_language", "goes with first_foreign_language"));
        }
        if (self.status == ClassStatus::Ended) != self.ended_on.is_some() {
            return Err(invalid("/ended_on", "only_when_ended", "goes with the status ended"));
        }
        if self.ended_on.is_some() != self.end_reason.is_some() {
            return Err(invalid("/end_reason", "only_when_ended", "goes with ended_on"));
        }
        Ok(())
    }

    /// The level is one of the unit's, when the unit has any (S1-002).
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check_level_of(&self, unit_levels: &[String]) -> StoreResult<()> {
        let levels: EducationLevels = unit_levels.iter().filter_map(|level| EducationLevel::from_code(level).ok()).collect();
        if levels.is_empty() || levels.contains(self.education_level) {
            return Ok(());
        }
        Err(invalid("/education_level", "not_of_unit", format!("the unit has: {levels}")))
    }

    /// What the table stores of this input.
    #[must_use]
    pub fn columns(&self) -> ClassColumns {
        ClassColumns {
            unit_id: self.unit_id.into(),
            school_year_id: self.school_year_id.into(),
            name: self.name.to_string(),
            name_key: self.name.comparison_key(),
            name_search: search_key(self.name.as_str()),
            name_sort: sort_key(self.name.as_str()),
            grade: self.grade,
            education_level: self.education_level.as_str().to_owned(),
            homeroom_teacher_id: self.homeroom_teacher_id.map(Uuid::from),
            first_foreign_language: self.first_foreign_language.clone(),
            foreign_language_programme: self.foreign_language_programme.clone(),
            foreign_language_periods: self.foreign_language_periods,
            status: self.status.as_str().to_owned(),
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
        }
    }
}

/// A rule refuses a field.
pub(crate) fn invalid(pointer: &str, code: &'static str, detail: impl Into<String>) -> StoreError {
    StoreError::Invalid { pointer: pointer.into(), code, detail: detail.into() }
}

/// The key that sorts class names as people do: 5A2 before 5A10 before 10A1, compared byte by byte.
#[must_use]
pub fn sort_key(name: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for letter in search_key(name).chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        push_number(&mut key, &mut digits);
        key.push(letter);
    }
    push_number(&mut key, &mut digits);
    key
}

/// A number sorts by its length first.
fn push_number(key: &mut String, digits: &mut String) {
    let number = digits.trim_start_matches('0');
    if !digits.is_empty() {
        key.push_str(&format!("{:02}{number}", number.len()));
    }
    digits.clear();
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = classes, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in ClassInput; name_key, name_search and name_sort derive from name")]
pub struct ClassColumns {
    pub unit_id: Uuid,
    pub school_year_id: Uuid,
    pub name: String,
    pub name_key: String,
    pub name_search: String,
    pub name_sort: String,
    pub grade: Option<i16>,
    pub education_level: String,
    pub homeroom_teacher_id: Option<Uuid>,
    pub first_foreign_language: Option<ForeignLanguage>,
    pub foreign_language_programme: Option<ShortText>,
    pub foreign_language_periods: Option<i16>,
    pub status: String,
    pub ended_on: Option<NaiveDate>,
    pub end_reason: Option<String>,
}

impl ClassColumns {
    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<ClassInput> {
        let broken = |_| StoreError::Broken("the stored record does not keep today's rules");
        Ok(ClassInput {
            name: Code::parse(&self.name).map_err(|_| broken(()))?,
            unit_id: self.unit_id.into(),
            school_year_id: self.school_year_id.into(),
            education_level: EducationLevel::from_code(&self.education_level).map_err(|_| broken(()))?,
            grade: self.grade,
            homeroom_teacher_id: self.homeroom_teacher_id.map(StaffId::from),
            first_foreign_language: self.first_foreign_language.clone(),
            foreign_language_programme: self.foreign_language_programme.clone(),
            foreign_language_periods: self.foreign_language_periods,
            status: ClassStatus::from_code(&self.status).map_err(|_| broken(()))?,
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
        })
    }
}

/// A stored class.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = classes, check_for_backend(diesel::pg::Pg))]
pub struct ClassRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: ClassColumns,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

/// A class with what it shows of others.
#[derive(Clone, Debug)]
pub struct ShownClass {
    /// The class.
    pub record: ClassRecord,
    /// Its unit.
    pub unit: NamedUnit,
    /// Its homeroom teacher.
    pub homeroom_teacher: Option<NamedStaff>,
    /// How many students are enrolled today.
    pub size: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> ClassInput {
        ClassInput {
            name: Code::parse("5A1").unwrap(),
            unit_id: Uuid::nil().into(),
            school_year_id: Uuid::nil().into(),
            education_level: EducationLevel::TH,
            grade: Some(5),
            homeroom_teacher_id: None,
            first_foreign_language: ForeignLanguage::parse("vn-foreign-language/1/1").ok(),
            foreign_language_programme: None,
            foreign_language_periods: Some(4),
            status: ClassStatus::Active,
            ended_on: None,
            end_reason: None,
        }
    }

    fn code(result: StoreResult<()>) -> &'static str {
        match result {
            Err(StoreError::Invalid { code, .. }) => code,
            _ => "",
        }
    }

    #[test]
    fn class_names_sort_as_people_do() {
        let mut names = ["10A1", "5A10", "Lá 10", "5A2", "Lá 2", "5a1", "0", "5"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["0", "5", "5a1", "5A2", "5A10", "10A1", "Lá 2", "Lá 10"]);
    }

    #[test]
    fn a_grade_is_one_of_the_level_s() {
        assert!(input().check().is_ok());
        assert_eq!(code(ClassInput { grade: Some(6), ..input() }.check()), "grade_out_of_range");
        assert_eq!(code(ClassInput { grade: None, ..input() }.check()), "grade_missing");
        assert!(ClassInput { grade: None, education_level: EducationLevel::MN, ..input() }.check().is_ok());
    }

    #[test]
    fn a_level_is_one_of_the_unit_s_when_it_has_any() {
        let of = |levels: &[&str]| input().check_level_of(&levels.iter().map(|level| (*level).to_owned()).collect::<Vec<_>>());
        assert!(of(&[]).is_ok() && of(&["TH", "THCS"]).is_ok());
        assert_eq!(code(of(&["THCS"])), "not_of_unit");
    }

    #[test]
    fn a_programme_and_periods_are_of_a_language() {
        // S3-069, S3-070.
        let none = ClassInput { first_foreign_language: None, foreign_language_periods: None, ..input() };
        assert!(none.check().is_ok());
        assert_eq!(code(ClassInput { foreign_language_periods: Some(4), ..none.clone() }.check()), "only_with_language");
        assert_eq!(code(ClassInput { foreign_language_programme: ShortText::parse("Chương trình 10 năm").ok(), ..none }.check()), "only_with_language");
    }

    #[test]
    fn an_end_has_a_date_and_a_reason() {
        let ended = ClassInput { status: ClassStatus::Ended, ..input() };
        assert_eq!(code(ended.check()), "only_when_ended");
        let dated = ClassInput { ended_on: "2026-05-31".parse().ok(), ..ended };
        assert_eq!(code(dated.check()), "only_when_ended");
        assert!(ClassInput { end_reason: Some("hết năm học".into()), ..dated }.check().is_ok());
    }

    #[test]
    fn columns_and_input_say_the_same() {
        assert_eq!(input().columns().to_input().unwrap(), input());
    }
}
