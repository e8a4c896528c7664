//! An enrolment and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_domain::{ClassId, Period, StudentId};
use registrar_store::StoreResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    classes::model::{ClassRecord, invalid},
    embedded::NamedClass,
    schema::enrolments,
    students::model::StudentRecord,
};

/// What is entered of an enrolment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentInput {
    /// The student, for good.
    pub student_id: StudentId,
    /// The class, for good; another class is another enrolment.
    pub class_id: ClassId,
    /// The first day in the class.
    pub enrolled_on: NaiveDate,
    /// The last day in the class, once it is over.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended; with `ended_on`, and only then.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
}

impl EnrolmentInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] naming the field.
    pub fn check(&self, today: NaiveDate) -> StoreResult<()> {
        if self.ended_on.is_some_and(|ended| ended < self.enrolled_on) {
            return Err(invalid("/ended_on", "not_after", "is before enrolled_on"));
        }
        if self.ended_on.is_some_and(|ended| ended > today) {
            return Err(invalid("/ended_on", "future", "is in the future"));
        }
        if self.ended_on.is_some() != self.end_reason.is_some() {
            return Err(invalid("/end_reason", "only_when_ended", "goes with ended_on"));
        }
        Ok(())
    }

    /// The columns of this input.
    #[must_use]
    pub fn columns(&self) -> EnrolmentColumns {
        EnrolmentColumns {
            student_id: self.student_id.into(),
            class_id: self.class_id.into(),
            enrolled_on: self.enrolled_on,
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
        }
    }
}

/// A transfer: the student's open enrolment ends the day before, another begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferInput {
    /// The student.
    pub student_id: StudentId,
    /// The receiving class.
    pub to_class_id: ClassId,
    /// The first day in the receiving class.
    pub on: NaiveDate,
    /// Why (lý do chuyển lớp, chuyển trường).
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Whether two periods share a day; a period without an end goes on.
#[must_use]
pub fn overlap(a: (NaiveDate, Option<NaiveDate>), b: (NaiveDate, Option<NaiveDate>)) -> bool {
    match (Period::new(a.0, a.1), Period::new(b.0, b.1)) {
        (Ok(a), Ok(b)) => a.overlaps(&b),
        // What ends before it begins has no day to share.
        _ => false,
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = enrolments, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in EnrolmentInput")]
pub struct EnrolmentColumns {
    pub student_id: Uuid,
    pub class_id: Uuid,
    pub enrolled_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub end_reason: Option<String>,
}

impl EnrolmentColumns {
    /// The input that would lead to these columns.
    #[must_use]
    pub fn to_input(&self) -> EnrolmentInput {
        EnrolmentInput {
            student_id: self.student_id.into(),
            class_id: self.class_id.into(),
            enrolled_on: self.enrolled_on,
            ended_on: self.ended_on,
            end_reason: self.end_reason.clone(),
        }
    }
}

/// What an enrolment copies of its class and student, for events and for grants to decide on.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, Queryable, Selectable)]
#[diesel(table_name = enrolments)]
#[allow(missing_docs, reason = "as in ClassInput and StudentInput")]
pub struct Copied {
    pub unit_id: Uuid,
    pub school_year_id: Uuid,
    pub education_level: String,
    pub grade: Option<i16>,
    pub gender: String,
}

impl Copied {
    /// What an enrolment of this student in this class copies.
    #[must_use]
    pub fn of(class: &ClassRecord, student: &StudentRecord) -> Self {
        let columns = &class.columns;
        Copied {
            unit_id: columns.unit_id,
            school_year_id: columns.school_year_id,
            education_level: columns.education_level.clone(),
            grade: columns.grade,
            gender: student.columns.gender.clone(),
        }
    }
}

/// A stored enrolment.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = enrolments, check_for_backend(diesel::pg::Pg))]
pub struct EnrolmentRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: EnrolmentColumns,
    /// What was copied.
    #[diesel(embed)]
    pub copied: Copied,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

/// An enrolment with what it shows of others.
#[derive(Clone, Debug)]
pub struct ShownEnrolment {
    /// The enrolment.
    pub record: EnrolmentRecord,
    /// Its class.
    pub class: NamedClass,
}

#[cfg(test)]
mod tests {
    use registrar_store::StoreError;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn periods_overlap_when_they_share_a_day() {
        let of = |from: &str, to: &str| (date(from), to.parse().ok());
        assert!(overlap(of("2025-09-05", ""), of("2025-10-01", "")));
        assert!(overlap(of("2025-09-05", "2025-10-01"), of("2025-10-01", "")));
        assert!(!overlap(of("2025-09-05", "2025-09-30"), of("2025-10-01", "")));
        assert!(!overlap(of("2025-10-01", "2025-09-30"), of("2025-09-05", "")));
    }

    #[test]
    fn an_enrolment_ends_after_it_begins_and_not_in_the_future() {
        let input = |ended_on: &str, reason: Option<&str>| EnrolmentInput {
            student_id: Uuid::nil().into(),
            class_id: Uuid::nil().into(),
            enrolled_on: date("2025-09-05"),
            ended_on: ended_on.parse().ok(),
            end_reason: reason.map(str::to_owned),
        };
        let code = |input: EnrolmentInput| match input.check(date("2025-09-15")) {
            Err(StoreError::Invalid { code, .. }) => code,
            _ => "",
        };
        assert_eq!(code(input("", None)), "");
        assert_eq!(code(input("2025-09-05", Some("x"))), "");
        assert_eq!(code(input("2025-09-04", Some("x"))), "not_after");
        assert_eq!(code(input("2025-09-16", Some("x"))), "future");
        assert_eq!(code(input("2025-09-15", None)), "only_when_ended");
    }
}
