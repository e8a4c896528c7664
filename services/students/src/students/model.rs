//! A student and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::{fields::LeavingReason, identifier::Identifier};
use registrar_domain::{Code, Finding, Gender, IdentityStatus, PersonName, PersonalNumber, PhoneNumber, UnitId};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::details::{StudentPersonal, StudentSensitive};
use crate::{embedded::NamedClass, enrolments::ending::EnrolmentEnd, schema::students};

registrar_domain::text_enum! {
    /// Where a student's record is in its life.
    StudentStatus {
        /// Learns here, or is between two classes.
        Active = "active",
        /// Left the schools of the tenant or graduated; `ended_on` and `end_reason` say when and why.
        Ended = "ended",
    }
}

registrar_domain::text_enum! {
    /// How a student's record ended; labels are in the code list `registrar-enrolment-end`.
    StudentEnd {
        /// Transferred to a school that is none of the tenant's (chuyển trường, 转学).
        SchoolTransfer = "school_transfer",
        /// Completed the last level that the tenant's schools have (tốt nghiệp, hoàn thành chương trình; 毕业).
        Graduated = "graduated",
        /// Stopped learning (thôi học, bỏ học; 辍学); `leaving_reason` may say why.
        Left = "left",
        /// Died (qua đời, 死亡).
        Deceased = "deceased",
    }
}

impl From<StudentEnd> for EnrolmentEnd {
    fn from(end: StudentEnd) -> Self {
        match end {
            StudentEnd::SchoolTransfer => EnrolmentEnd::SchoolTransfer,
            StudentEnd::Graduated => EnrolmentEnd::Graduated,
            StudentEnd::Left => EnrolmentEnd::Left,
            StudentEnd::Deceased => EnrolmentEnd::Deceased,
        }
    }
}

/// What is entered of a student.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentInput {
    /// Student code (mã học sinh, 学号; S1-057), unique in the tenant.
    pub code: Code,
    /// Full name (họ và tên, 姓名; S1-055).
    pub full_name: PersonName,
    /// Date of birth (ngày tháng năm sinh; S1-058).
    pub birth_date: NaiveDate,
    /// Gender (giới tính; S1-059).
    pub gender: Gender,
    /// Personal number (mã số định danh cá nhân, 身份证号; S1-056), unique in the tenant. Its gender and birth year must
    /// agree with the record's.
    pub personal_number: Option<PersonalNumber>,
    /// The school that keeps the record. While the student is in a class it is the class's, and changes by transfer.
    pub unit_id: UnitId,
    /// Where the record is in its life.
    pub status: StudentStatus,
    /// The last day; with `status` ended, and only then. Ends the open enrolment too.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended; with `status` ended, and only then.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
    /// How it ended; only with `status` ended. Needed to end the record of a student who is in a class, for the enrolment
    /// ends so too.
    pub end_kind: Option<StudentEnd>,
    /// Why the student stopped learning; only with the `end_kind` left.
    pub leaving_reason: Option<LeavingReason>,
    /// Contact phone (số điện thoại liên lạc, 联系电话; S1-067); parents' own numbers stand with the guardians.
    pub phone: Option<PhoneNumber>,
    /// Whether the personal number agrees with the national population database (S2-006). It becomes unverified again
    /// when name, birth date, gender or number change.
    #[serde(default = "unverified")]
    pub identity_status: IdentityStatus,
    /// When that was checked; with any status but unverified, and only then.
    pub identity_checked_on: Option<NaiveDate>,
    /// Who the student is.
    #[serde(default)]
    pub personal: StudentPersonal,
    /// What the law calls sensitive.
    #[serde(default)]
    pub sensitive: StudentSensitive,
}

fn unverified() -> IdentityStatus {
    IdentityStatus::Unverified
}

impl StudentInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self, today: NaiveDate) -> StoreResult<()> {
        let refuse = |field: &str, code: &'static str, detail: &str| Err(StoreError::Invalid { pointer: format!("/{field}"), code, detail: detail.to_owned() });
        if self.birth_date > today {
            return refuse("birth_date", "future", "is in the future");
        }
        if (self.status == StudentStatus::Ended) != self.ended_on.is_some() {
            return refuse("ended_on", "only_when_ended", "goes with the status ended");
        }
        if self.ended_on.is_some() != self.end_reason.is_some() {
            return refuse("end_reason", "only_when_ended", "goes with ended_on");
        }
        if self.ended_on.is_none() && self.end_kind.is_some() {
            return refuse("end_kind", "only_when_ended", "goes with ended_on");
        }
        if self.leaving_reason.is_some() && self.end_kind != Some(StudentEnd::Left) {
            return refuse("leaving_reason", "only_with", "goes with the end_kind left");
        }
        if self.ended_on.is_some_and(|ended| ended > today) {
            return refuse("ended_on", "future", "is in the future");
        }
        if (self.identity_status == IdentityStatus::Unverified) != self.identity_checked_on.is_none() {
            return refuse("identity_checked_on", "only_when_checked", "goes with the statuses verified and mismatch");
        }
        if self.identity_checked_on.is_some_and(|checked| checked > today) {
            return refuse("identity_checked_on", "future", "is in the future");
        }
        if let Some((place, fault)) = Identifier::first_fault(&self.sensitive.identifiers.0) {
            return refuse(&format!("sensitive/identifiers/{place}/{}", fault.field), fault.code, fault.detail);
        }
        match self.findings().into_iter().find(Finding::is_error) {
            Some(finding) => refuse("personal_number", finding.code(), "contradicts gender or birth date"),
            None => Ok(()),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        self.personal_number.as_ref().map(|number| number.check(Some(self.gender), Some(self.birth_date))).unwrap_or_default()
    }

    /// What follows from changing `before` into this: what was checked against the population database is unverified
    /// again when it is another name, birth date, gender or number.
    #[must_use]
    pub fn following(mut self, before: &StudentInput) -> Self {
        let checked = |input: &StudentInput| (input.full_name.clone(), input.birth_date, input.gender, input.personal_number.clone());
        let told = |input: &StudentInput| (input.identity_status, input.identity_checked_on);
        if checked(before) != checked(&self) && told(before) == told(&self) {
            (self.identity_status, self.identity_checked_on) = (IdentityStatus::Unverified, None);
        }
        self
    }

    /// What the table stores of this input, besides the placement.
    #[must_use]
    pub fn columns(&self) -> StudentColumns {
        StudentColumns {
            code: self.code.to_string(),
            full_name: self.full_name.to_string(),
            name_search: self.full_name.search_key(),
            name_sort: self.full_name.sort_key(),
            birth_date: self.birth_date,
            gender: self.gender.as_str().to_owned(),
            personal_number: self.personal_number.as_ref().map(|number| number.as_str().to_owned()),
            status: self.status.as_str().to_owned(),
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
            end_kind: self.end_kind,
            leaving_reason: self.leaving_reason.clone(),
            phone: self.phone.clone(),
            identity_status: self.identity_status,
            identity_checked_on: self.identity_checked_on,
            personal: self.personal.clone(),
            sensitive: self.sensitive.clone(),
        }
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = students, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in StudentInput; name_search and name_sort derive from full_name")]
pub struct StudentColumns {
    pub code: String,
    pub full_name: String,
    pub name_search: String,
    pub name_sort: String,
    pub birth_date: NaiveDate,
    pub gender: String,
    pub personal_number: Option<String>,
    pub status: String,
    pub ended_on: Option<NaiveDate>,
    pub end_reason: Option<String>,
    pub end_kind: Option<StudentEnd>,
    pub leaving_reason: Option<LeavingReason>,
    pub phone: Option<PhoneNumber>,
    pub identity_status: IdentityStatus,
    pub identity_checked_on: Option<NaiveDate>,
    #[diesel(embed)]
    #[serde(flatten)]
    pub personal: StudentPersonal,
    #[diesel(embed)]
    #[serde(flatten)]
    pub sensitive: StudentSensitive,
}

impl StudentColumns {
    /// The fields that schools are asked to fill in for everybody (S2-007) and that have no value here, by their names in
    /// requests. What concerns some children only, such as a policy category or a disability, is not asked of all.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let (personal, sensitive) = (&self.personal, &self.sensitive);
        let asked = [
            ("personal_number", self.personal_number.is_some()),
            ("phone", self.phone.is_some()),
            ("personal.photo", personal.photo.is_some()),
            ("personal.birth_place", personal.birth_place.is_some()),
            ("personal.nationality", personal.nationality.is_some()),
            ("personal.permanent_address", personal.permanent_address.is_some()),
            ("personal.current_address", personal.current_address.is_some()),
            ("personal.cohort", personal.cohort.is_some()),
            ("sensitive.ethnic_group", sensitive.ethnic_group.is_some()),
            ("sensitive.religion", sensitive.religion.is_some()),
        ];
        asked.into_iter().filter(|(_, filled)| !filled).map(|(field, _)| field).collect()
    }
}

/// Where a student is, for grants to decide on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = students, treat_none_as_null = true)]
pub struct Placement {
    /// The unit of the open enrolment, or the last one.
    pub unit_id: Uuid,
    /// The education level of the open enrolment, or the last one.
    pub education_level: Option<String>,
    /// The class of the open enrolment.
    pub class_id: Option<Uuid>,
}

/// A stored student.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = students, check_for_backend(diesel::pg::Pg))]
pub struct StudentRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: StudentColumns,
    /// Where the student is.
    #[diesel(embed)]
    pub placement: Placement,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

impl StudentRecord {
    /// The input that would lead to this record.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<StudentInput> {
        let broken = |_| StoreError::Broken("the stored record does not keep today's rules");
        let columns = &self.columns;
        Ok(StudentInput {
            code: Code::parse(&columns.code).map_err(|_| broken(()))?,
            full_name: PersonName::parse(&columns.full_name).map_err(|_| broken(()))?,
            birth_date: columns.birth_date,
            gender: Gender::from_code(&columns.gender).map_err(|_| broken(()))?,
            personal_number: columns.personal_number.as_deref().map(PersonalNumber::parse).transpose().map_err(|_| broken(()))?,
            unit_id: self.placement.unit_id.into(),
            status: StudentStatus::from_code(&columns.status).map_err(|_| broken(()))?,
            ended_on: columns.ended_on,
            end_reason: columns.end_reason.clone(),
            end_kind: columns.end_kind,
            leaving_reason: columns.leaving_reason.clone(),
            phone: columns.phone.clone(),
            identity_status: columns.identity_status,
            identity_checked_on: columns.identity_checked_on,
            personal: columns.personal.clone(),
            sensitive: columns.sensitive.clone(),
        })
    }
}

/// A student with what the record shows of others.
#[derive(Clone, Debug)]
pub struct ShownStudent {
    /// The student.
    pub record: StudentRecord,
    /// The class of the open enrolment.
    pub class: Option<NamedClass>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> StudentInput {
        serde_json::from_value(serde_json::json!({
            "code": "HS001", "full_name": "Nguyễn Thị Bình", "birth_date": "2015-03-01", "gender": "female", "unit_id": Uuid::nil(), "status": "active",
        }))
        .unwrap()
    }

    fn code(input: &StudentInput) -> &'static str {
        match input.check("2025-09-15".parse().unwrap()) {
            Err(StoreError::Invalid { code, .. }) => code,
            _ => "",
        }
    }

    #[test]
    fn a_personal_number_agrees_with_gender_and_birth_year() {
        let with = |number: &str| StudentInput { personal_number: PersonalNumber::parse(number).ok(), ..input() };
        assert_eq!(code(&with("049315000001")), "");
        assert_eq!(code(&with("049215000001")), "gender_mismatch");
        assert_eq!(code(&with("049314000001")), "birth_year_mismatch");
    }

    #[test]
    fn an_end_has_a_date_that_has_come_and_a_reason() {
        let ended =
            |ended_on: &str, reason: Option<&str>| StudentInput { status: StudentStatus::Ended, ended_on: ended_on.parse().ok(), end_reason: reason.map(str::to_owned), ..input() };
        assert_eq!(code(&ended("2025-09-01", Some("chuyển trường"))), "");
        assert_eq!(code(&ended("2025-09-01", None)), "only_when_ended");
        assert_eq!(code(&ended("", Some("x"))), "only_when_ended");
        assert_eq!(code(&ended("2025-09-16", Some("x"))), "future");
        assert_eq!(code(&StudentInput { birth_date: "2025-09-16".parse().unwrap(), ..input() }), "future");
        let leaving_reason = LeavingReason::parse("vn-leaving-reason/1/01").ok();
        let of_kind = |end_kind| StudentInput { end_kind: Some(end_kind), leaving_reason: leaving_reason.clone(), ..ended("2025-09-01", Some("x")) };
        assert_eq!(code(&of_kind(StudentEnd::Left)), "");
        assert_eq!(code(&of_kind(StudentEnd::Graduated)), "only_with");
        assert_eq!(code(&StudentInput { end_kind: Some(StudentEnd::Left), ..input() }), "only_when_ended");
    }
}
