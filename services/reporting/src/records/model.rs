//! The fields that are asked of everybody, and how many have them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::headcounts::model::Subject;

/// The record itself.
const RECORD: &str = "#record";
/// A record in which nothing is missing.
const COMPLETE: &str = "#complete";
/// By identity status.
const VERIFIED: &str = "#verified";
const UNVERIFIED: &str = "#unverified";
const MISMATCH: &str = "#mismatch";

/// A field by its name in the API, with its names in (vi, en, zh).
pub type Field = (&'static str, [&'static str; 3]);

/// What is asked of staff. The personnel service decides and says what is missing; what it asks for that is not known here
/// is shown by its name in the API.
const STAFF: &[Field] = &[
    ("personal_number", ["Số định danh cá nhân", "Personal number", "身份号码"]),
    ("phone", ["Điện thoại", "Phone", "电话"]),
    ("email", ["Thư điện tử", "E-mail", "电子邮箱"]),
    ("personal.photo", ["Ảnh", "Photo", "照片"]),
    ("personal.birth_place", ["Nơi sinh", "Place of birth", "出生地"]),
    ("personal.nationality", ["Quốc tịch", "Nationality", "国籍"]),
    ("personal.native_place", ["Quê quán", "Native place", "籍贯"]),
    ("personal.permanent_address", ["Địa chỉ thường trú", "Permanent address", "户籍地址"]),
    ("personal.current_address", ["Chỗ ở hiện nay", "Current address", "现住址"]),
    ("personal.marital_status", ["Tình trạng hôn nhân", "Marital status", "婚姻状况"]),
    ("sensitive.ethnic_group", ["Dân tộc", "Ethnic group", "民族"]),
    ("sensitive.religion", ["Tôn giáo", "Religion", "宗教信仰"]),
    ("terms.contract_form", ["Hình thức hợp đồng", "Contract form", "合同形式"]),
    ("terms.contract_on", ["Ngày hợp đồng", "Date of the contract", "合同日期"]),
    ("terms.recruited_on", ["Ngày tuyển dụng", "Date of recruitment", "录用日期"]),
    ("terms.assigned_work", ["Công việc được giao", "Assigned work", "分配工作"]),
    ("terms.work", ["Công việc hiện nay", "Current work", "现任工作"]),
    ("training.qualification", ["Trình độ chuyên môn", "Qualification", "学历"]),
    ("training.training_field", ["Ngành đào tạo", "Field of training", "所学专业大类"]),
    ("training.training_institution", ["Nơi đào tạo", "Training institution", "毕业院校"]),
    ("training.training_form", ["Hình thức đào tạo", "Form of training", "学习形式"]),
    ("training.graduation_year", ["Năm tốt nghiệp", "Year of graduation", "毕业年份"]),
    ("training.training_standard", ["Trình độ chuẩn", "Training standard", "学历达标"]),
    ("training.teacher_grade", ["Hạng giáo viên", "Teacher grade", "教师职称"]),
    ("training.it_level", ["Trình độ tin học", "IT level", "信息技术水平"]),
    ("training.foreign_language", ["Ngoại ngữ chính", "Main foreign language", "主要外语"]),
    ("teaching.main_subject", ["Môn dạy", "Subject taught", "任教学科"]),
    ("teaching.subject_group", ["Tổ bộ môn", "Subject group", "教研组"]),
];

/// What is asked of students, as above.
const STUDENTS: &[Field] = &[
    ("personal_number", ["Số định danh cá nhân", "Personal number", "身份号码"]),
    ("phone", ["Điện thoại", "Phone", "电话"]),
    ("personal.photo", ["Ảnh", "Photo", "照片"]),
    ("personal.birth_place", ["Nơi sinh", "Place of birth", "出生地"]),
    ("personal.nationality", ["Quốc tịch", "Nationality", "国籍"]),
    ("personal.permanent_address", ["Địa chỉ thường trú", "Permanent address", "户籍地址"]),
    ("personal.current_address", ["Chỗ ở hiện nay", "Current address", "现住址"]),
    ("personal.cohort", ["Niên khoá", "Cohort", "届"]),
    ("sensitive.ethnic_group", ["Dân tộc", "Ethnic group", "民族"]),
    ("sensitive.religion", ["Tôn giáo", "Religion", "宗教信仰"]),
];

impl Subject {
    /// The name of this subject's records in `headcount_divisions`.
    #[must_use]
    pub const fn records(self) -> &'static str {
        match self {
            Subject::Staff => "staff_records",
            Subject::Students => "student_records",
        }
    }

    /// The fields that are asked of everybody.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Subject::Staff => STAFF,
            Subject::Students => STUDENTS,
        }
    }

    /// A field's names in (vi, en, zh).
    #[must_use]
    pub fn field_names(self, name: &str) -> Option<[&'static str; 3]> {
        self.fields().iter().find(|(field, _)| *field == name).map(|(_, names)| *names)
    }
}

/// How many records a unit has under each item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items(pub BTreeMap<String, i64>);

/// How complete records are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Filled {
    /// Records (số hồ sơ) that are kept at present.
    pub records: i64,
    /// Records in which nothing is missing; null in rows of one field.
    pub complete: Option<i64>,
    /// Values that are there (đã cập nhật): of one field, or of all that are asked. Of whom a field is not asked, such as
    /// the subject taught of who does not teach, nothing is missing.
    pub filled: i64,
    /// Values that are missing (chưa cập nhật).
    pub missing: i64,
    /// `filled` in all values asked, an exact decimal of four digits; null without records.
    #[schema(pattern = r"^[01]\.[0-9]{4}$", example = "0.9375")]
    pub share: Option<String>,
}

/// Whose identity has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Identities {
    /// Records (số hồ sơ) that are kept at present.
    pub records: i64,
    /// The personal number agrees with the population database (đã xác thực).
    pub verified: i64,
    /// It has not been checked, or changed since (chưa xác thực).
    pub unverified: i64,
    /// The database says something else (không khớp).
    pub mismatch: i64,
    /// Records whose identity is not verified, for either reason, in all records (S2-004): an exact decimal of four digits;
    /// null without records.
    #[schema(pattern = r"^[01]\.[0-9]{4}$", example = "0.0140")]
    pub share_unverified: Option<String>,
}

impl Items {
    fn count(&self, item: &str) -> i64 {
        self.0.get(item).copied().unwrap_or_default()
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> i64 {
        self.count(RECORD)
    }

    /// The fields that are asked: those known, and those that something says are missing.
    #[must_use]
    pub fn fields(&self, subject: Subject) -> Vec<String> {
        let known = subject.fields().iter().map(|(field, _)| (*field).to_owned());
        let others = self.0.keys().filter(|item| !item.starts_with('#') && subject.field_names(item).is_none()).cloned();
        known.chain(others).collect()
    }

    /// How complete one field is, or all fields.
    #[must_use]
    pub fn filled(&self, subject: Subject, field: Option<&str>) -> Filled {
        let records = self.records();
        let (asked, missing) = match field {
            Some(field) => (records, self.count(field)),
            None => {
                let fields = self.fields(subject);
                (records.saturating_mul(i64::try_from(fields.len()).unwrap_or_default()), fields.iter().map(|field| self.count(field)).sum())
            }
        };
        let complete = field.is_none().then(|| self.count(COMPLETE));
        Filled { records, complete, filled: asked - missing, missing, share: share(asked - missing, asked) }
    }

    /// Whose identity has been checked.
    #[must_use]
    pub fn identities(&self) -> Identities {
        let [records, verified, unverified, mismatch] = [RECORD, VERIFIED, UNVERIFIED, MISMATCH].map(|item| self.count(item));
        Identities { records, verified, unverified, mismatch, share_unverified: share(records - verified, records) }
    }
}

/// A part of a whole, rounded half up to four digits.
fn share(part: i64, whole: i64) -> Option<String> {
    let (part, whole) = (i128::from(part), i128::from(whole));
    let digits = (20_000 * part + whole).checked_div(2 * whole)?;
    Some(format!("{}.{:04}", digits / 10_000, digits % 10_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(counts: &[(&str, i64)]) -> Items {
        Items(counts.iter().map(|(item, count)| ((*item).to_owned(), *count)).collect())
    }

    #[test]
    fn shares_are_exact_and_rounded_half_up() {
        assert_eq!(share(15, 16).as_deref(), Some("0.9375"));
        assert_eq!((share(1, 3).as_deref(), share(2, 3).as_deref(), share(1, 20_000).as_deref()), (Some("0.3333"), Some("0.6667"), Some("0.0001")));
        assert_eq!((share(7, 7).as_deref(), share(0, 7).as_deref(), share(0, 0)), (Some("1.0000"), Some("0.0000"), None));
    }

    #[test]
    fn a_field_is_filled_where_nothing_says_that_it_is_missing() {
        let items = items(&[("#record", 4), ("#complete", 2), ("phone", 1), ("personal.photo", 2), ("brand.new", 1)]);
        let of = |field| items.filled(Subject::Students, Some(field));
        assert_eq!((of("phone").filled, of("phone").share.as_deref()), (3, Some("0.7500")));
        assert_eq!((of("personal.cohort").missing, of("personal.cohort").share.as_deref()), (0, Some("1.0000")));
        let all = items.filled(Subject::Students, None);
        assert_eq!((all.records, all.complete, all.filled, all.missing), (4, Some(2), 40, 4), "eleven fields, one of them new here");
    }

    #[test]
    fn a_mismatch_is_not_verified_either() {
        let identities = items(&[("#record", 1000), ("#verified", 986), ("#unverified", 10), ("#mismatch", 4)]).identities();
        // S2-004: 1.4 % of the students.
        assert_eq!(identities.share_unverified.as_deref(), Some("0.0140"));
        assert_eq!(Items::default().identities().share_unverified, None);
    }
}
