//! An enrolment and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::fields::LeavingReason;
use registrar_domain::{ClassId, Period, StudentId};
use registrar_store::StoreResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ending::{Ending, EnrolmentEnd};
use crate::{classes::model::ClassRecord, embedded::NamedClass, schema::enrolments, students::model::StudentRecord};

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
    /// How it ended; with `ended_on`, and only then. `unknown` stays where it is and is not to be chosen.
    pub end_kind: Option<EnrolmentEnd>,
    /// Why the student stopped learning; only with the `end_kind` left.
    pub leaving_reason: Option<LeavingReason>,
    /// What else is to be said of the end; only with `ended_on`.
    #[schema(min_length = 1, max_length = 500)]
    pub end_reason: Option<String>,
}

impl EnrolmentInput {
    /// The rules between fields. `before` is how the enrolment had ended, if it had.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] naming the field.
    pub fn check(&self, before: Option<EnrolmentEnd>, today: NaiveDate) -> StoreResult<()> {
        self.columns().ending.check(self.enrolled_on, before, today)
    }

    /// The columns of this input.
    #[must_use]
    pub fn columns(&self) -> EnrolmentColumns {
        EnrolmentColumns {
            student_id: self.student_id.into(),
            class_id: self.class_id.into(),
            enrolled_on: self.enrolled_on,
            ending: Ending { ended_on: self.ended_on, end_kind: self.end_kind, leaving_reason: self.leaving_reason.clone(), end_reason: self.end_reason.clone() },
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
    #[diesel(embed)]
    pub ending: Ending,
}

impl EnrolmentColumns {
    /// The input that would lead to these columns.
    #[must_use]
    pub fn to_input(&self) -> EnrolmentInput {
        EnrolmentInput {
            student_id: self.student_id.into(),
            class_id: self.class_id.into(),
            enrolled_on: self.enrolled_on,
            ended_on: self.ending.ended_on,
            end_kind: self.ending.end_kind,
            leaving_reason: self.ending.leaving_reason.clone(),
            end_reason: self.ending.end_reason.clone(),
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
        Copied::with_gender(class, &student.columns.gender)
    }

    /// What an enrolment of somebody of this gender in this class copies.
    #[must_use]
    pub fn with_gender(class: &ClassRecord, gender: &str) -> Self {
        let columns = &class.columns;
        Copied {
            unit_id: columns.unit_id,
            school_year_id: columns.school_year_id,
            education_level: columns.education_level.clone(),
            grade: columns.grade,
            gender: gender.to_owned(),
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
}
