//! A teaching assignment and the rules that need nothing else.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::fields::Subject;
use registrar_domain::{ClassId, StaffId};
use registrar_store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    classes::model::invalid,
    embedded::{NamedClass, NamedStaff},
    schema::assignments,
};

registrar_domain::text_enum! {
    /// Where an assignment is in its life.
    AssignmentStatus {
        /// Counts from its first to its last day.
        Active = "active",
        /// Was ended; `to` says when.
        Ended = "ended",
    }
}

/// What is entered of a teaching assignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentInput {
    /// The teacher's staff record, for good. One that has not arrived here yet is accepted and shown unresolved.
    pub staff_id: StaffId,
    /// The class, for good.
    pub class_id: ClassId,
    /// The subject (môn học, 学科; S1-071).
    pub subject: Subject,
    /// Periods a week (số tiết/tuần).
    #[schema(minimum = 1, maximum = 40)]
    pub periods_per_week: i16,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; open when left out.
    pub to: Option<NaiveDate>,
    /// Where the assignment is in its life; ended needs `to`.
    pub status: AssignmentStatus,
}

impl AssignmentInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] naming the field.
    pub fn check(&self) -> StoreResult<()> {
        if self.to.is_some_and(|to| to < self.from) {
            return Err(invalid("/to", "not_after", "is before from"));
        }
        if self.status == AssignmentStatus::Ended && self.to.is_none() {
            return Err(invalid("/to", "required", "an ended assignment has a last day"));
        }
        Ok(())
    }

    /// What the table stores of this input.
    #[must_use]
    pub fn columns(&self) -> AssignmentColumns {
        AssignmentColumns {
            staff_id: self.staff_id.into(),
            class_id: self.class_id.into(),
            subject: self.subject.clone(),
            periods_per_week: self.periods_per_week,
            valid_from: self.from,
            valid_to: self.to,
            status: self.status.as_str().to_owned(),
        }
    }
}

/// The columns that an input fills.
#[derive(Clone, Debug, PartialEq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = assignments, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in AssignmentInput")]
pub struct AssignmentColumns {
    pub staff_id: Uuid,
    pub class_id: Uuid,
    pub subject: Subject,
    pub periods_per_week: i16,
    pub valid_from: NaiveDate,
    pub valid_to: Option<NaiveDate>,
    pub status: String,
}

impl AssignmentColumns {
    /// The input that would lead to these columns.
    ///
    /// # Errors
    /// [`StoreError::State`] when a column holds what no input could have written.
    pub fn to_input(&self) -> StoreResult<AssignmentInput> {
        let broken = |_| StoreError::Broken("the stored record does not keep today's rules");
        Ok(AssignmentInput {
            staff_id: self.staff_id.into(),
            class_id: self.class_id.into(),
            subject: self.subject.clone(),
            periods_per_week: self.periods_per_week,
            from: self.valid_from,
            to: self.valid_to,
            status: AssignmentStatus::from_code(&self.status).map_err(|_| broken(()))?,
        })
    }
}

/// A stored assignment.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = assignments, check_for_backend(diesel::pg::Pg))]
pub struct AssignmentRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered.
    #[diesel(embed)]
    pub columns: AssignmentColumns,
    /// The class's unit.
    pub unit_id: Uuid,
    /// The class's education level.
    pub education_level: String,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

/// An assignment with what it shows of others.
#[derive(Clone, Debug)]
pub struct ShownAssignment {
    /// The assignment.
    pub record: AssignmentRecord,
    /// The teacher.
    pub staff: NamedStaff,
    /// The class.
    pub class: NamedClass,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_ends_after_it_begins_and_an_ended_one_says_when() {
        let input = |to: &str, status| AssignmentInput {
            staff_id: Uuid::nil().into(),
            class_id: Uuid::nil().into(),
            subject: Subject::parse("vn-subject/2018/TOAN").unwrap(),
            periods_per_week: 5,
            from: "2025-09-05".parse().unwrap(),
            to: to.parse().ok(),
            status,
        };
        assert!(input("", AssignmentStatus::Active).check().is_ok());
        assert!(input("2025-09-05", AssignmentStatus::Ended).check().is_ok());
        assert!(input("2025-09-04", AssignmentStatus::Active).check().is_err());
        assert!(input("", AssignmentStatus::Ended).check().is_err());
        assert_eq!(input("", AssignmentStatus::Active).columns().to_input().unwrap(), input("", AssignmentStatus::Active));
    }
}
