//! Who is counted, and by what.

use chrono::{Datelike, NaiveDate};
use registrar_access::Action;
use registrar_domain::EducationLevel;

use crate::statistics::events;

registrar_domain::text_enum! {
    /// Who is counted.
    Subject {
        /// Members of staff (cán bộ quản lý, giáo viên, nhân viên; 教职工), each at the primary employment of the day: who
        /// moved counts at the former school until the move, and who also teaches elsewhere is not counted there (S3-056).
        Staff = "staff",
        /// Enrolments in classes (học sinh, 学生).
        Students = "students",
    }
}

registrar_domain::text_enum! {
    /// What a headcount is divided by.
    Dimension {
        /// The units below the one asked for, each with everything below it (đơn vị, 单位).
        Unit = "unit",
        /// The education level (cấp học, 学段).
        EducationLevel = "education_level",
        /// The gender (giới tính, 性别).
        Gender = "gender",
        /// The grade of students (khối lớp, 年级).
        Grade = "grade",
        /// The age (độ tuổi, 年龄): the year of the report's day minus the year of birth. Of students in years, of staff in
        /// the bands of the sector database.
        AgeBand = "age_band",
        /// The ethnic group (dân tộc, 民族).
        EthnicGroup = "ethnic_group",
        /// The policy category (diện chính sách, 优抚对象).
        PolicyCategory = "policy_category",
        /// The group of a staff position: managers, teachers, employees (CBQL, GV, NV; S2-005).
        PositionGroup = "position_group",
        /// The position of staff (chức vụ, 岗位).
        Position = "position",
        /// The contract form of staff (hình thức hợp đồng, 合同形式; S3-055).
        ContractForm = "contract_form",
        /// The highest qualification of staff (trình độ chuyên môn, 学历).
        Qualification = "qualification",
        /// Whether staff is below, at or above the standard of training (trình độ chuẩn, 学历达标).
        TrainingStandard = "training_standard",
    }
}

impl Subject {
    /// The aggregates whose events keep the figures.
    #[must_use]
    pub const fn aggregates(self) -> &'static [&'static str] {
        match self {
            Subject::Staff => &[events::STAFF],
            Subject::Students => &[events::ENROLMENTS, events::STUDENTS],
        }
    }

    /// The dimensions that facts are kept by, in the order of `headcount_facts.dimensions`. Every fact has its unit and
    /// education level besides.
    #[must_use]
    pub const fn dimensions(self) -> &'static [Dimension] {
        match self {
            Subject::Staff => &[
                Dimension::Gender,
                Dimension::PositionGroup,
                Dimension::AgeBand,
                Dimension::EthnicGroup,
                Dimension::PolicyCategory,
                Dimension::Position,
                Dimension::ContractForm,
                Dimension::Qualification,
                Dimension::TrainingStandard,
            ],
            Subject::Students => &[Dimension::Gender, Dimension::Grade, Dimension::AgeBand, Dimension::EthnicGroup, Dimension::PolicyCategory],
        }
    }

    /// The number of a dimension of this subject, from 1; 0 for unit and education level, none for one it does not have.
    #[must_use]
    pub fn number(self, dimension: Dimension) -> Option<i16> {
        if matches!(dimension, Dimension::Unit | Dimension::EducationLevel) {
            return Some(0);
        }
        (1..).zip(self.dimensions()).find(|(_, known)| **known == dimension).map(|(number, _)| number)
    }

    /// What those may do who may see the persons that are counted.
    #[must_use]
    pub const fn sensitive(self) -> Action {
        match self {
            Subject::Staff => Action::StaffReadSensitive,
            Subject::Students => Action::StudentsReadSensitive,
        }
    }

    /// The age under which somebody born in a year is counted on a day; nothing when the year is not known. The birthday
    /// does not matter, as in the forms of the sector: everybody born in a year has the same age all year.
    #[must_use]
    pub fn age(self, birth_year: &str, on: NaiveDate) -> String {
        let Ok(born) = birth_year.parse::<i32>() else { return String::new() };
        let age = (on.year() - born).max(0);
        match (self, age) {
            (Subject::Students, 21..) => "21+".to_owned(),
            (Subject::Students, age) => age.to_string(),
            // The codes of the sector database's list of age bands (DO_TUOI).
            (Subject::Staff, age) => {
                let code = [60, 55, 50, 40, 30, 20].into_iter().find(|from| *from <= age).unwrap_or(10);
                format!("vn-age-band/1/{code}")
            }
        }
    }
}

impl Dimension {
    /// Whether it tells what the law calls sensitive.
    #[must_use]
    pub const fn is_sensitive(self) -> bool {
        matches!(self, Dimension::EthnicGroup | Dimension::PolicyCategory)
    }

    /// The order of values in a report: nothing first, levels as children pass through them, numbers as numbers.
    #[must_use]
    pub fn order(self, value: Option<&str>) -> String {
        let Some(value) = value else { return String::new() };
        match self {
            Dimension::EducationLevel => match EducationLevel::CODES.iter().position(|code| *code == value) {
                Some(place) => format!("{place} {value}"),
                None => value.to_owned(),
            },
            _ if value.len() < 3 && value.starts_with(|first: char| first.is_ascii_digit()) => format!("{value:0>3}"),
            _ => value.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_follow_the_year_of_birth_and_the_day_of_the_report() {
        let on = |text: &str| text.parse::<NaiveDate>().unwrap();
        let staff = |born: &str| Subject::Staff.age(born, on("2025-09-15"));
        let bands = ["2006", "2005", "1996", "1995", "1986", "1976", "1975", "1971", "1970", "1966", "1965", "1940"].map(staff);
        let codes: Vec<&str> = bands.iter().map(|band| band.rsplit('/').next().unwrap()).collect();
        assert_eq!(codes, ["10", "20", "20", "30", "30", "40", "50", "50", "55", "55", "60", "60"]);
        let students = |born: &str, day: &str| Subject::Students.age(born, on(day));
        assert_eq!((students("2019", "2025-12-31"), students("2019", "2026-01-01")), ("6".into(), "7".into()), "a year older on the first of January");
        assert_eq!((students("2005", "2025-09-15"), students("2004", "2025-09-15"), students("2026", "2025-09-15")), ("20".into(), "21+".into(), "0".into()));
        assert_eq!(students("", "2025-09-15"), "");
    }

    #[test]
    fn dimensions_are_numbered_as_facts_keep_them() {
        assert_eq!((Subject::Students.number(Dimension::Grade), Subject::Staff.number(Dimension::Grade)), (Some(2), None));
        assert_eq!((Subject::Staff.number(Dimension::TrainingStandard), Subject::Staff.number(Dimension::Unit)), (Some(9), Some(0)));
    }

    #[test]
    fn values_stand_in_the_order_that_people_expect() {
        let sorted = |dimension: Dimension, mut values: Vec<Option<&'static str>>| {
            values.sort_by_key(|value| dimension.order(*value));
            values
        };
        assert_eq!(sorted(Dimension::EducationLevel, vec![Some("THPT"), Some("GDTX"), Some("TH"), None, Some("MN")]), [None, Some("MN"), Some("TH"), Some("THPT"), Some("GDTX")]);
        assert_eq!(sorted(Dimension::Grade, vec![Some("10"), Some("9"), None, Some("1")]), [None, Some("1"), Some("9"), Some("10")]);
        assert_eq!(sorted(Dimension::AgeBand, vec![Some("21+"), Some("6"), Some("20")]), [Some("6"), Some("20"), Some("21+")]);
    }
}
