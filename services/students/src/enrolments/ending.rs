//! How an enrolment ends: its last day, the kind of end, and what is said of it.

use chrono::NaiveDate;
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_codes::fields::LeavingReason;
use registrar_domain::EducationLevel;
use registrar_http::imports::{ImportRow, RowResult};
use registrar_store::StoreResult;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::model::Copied;
use crate::{
    classes::model::{ClassColumns, invalid},
    schema::enrolments,
};

registrar_domain::text_enum! {
    /// How an enrolment ended (hình thức rời lớp, 离班类型); labels are in the code list `registrar-enrolment-end`.
    EnrolmentEnd {
        /// Moved to another class of the school (chuyển lớp, 转班).
        ClassMove = "class_move",
        /// Transferred to another school (chuyển trường, 转学).
        SchoolTransfer = "school_transfer",
        /// Goes on in the next grade (lên lớp, 升级).
        Promoted = "promoted",
        /// Repeats the grade (lưu ban, 留级).
        Repeating = "repeating",
        /// Completed the level (tốt nghiệp, hoàn thành chương trình; 毕业).
        Graduated = "graduated",
        /// Stopped learning (thôi học, bỏ học; 辍学); `leaving_reason` may say why.
        Left = "left",
        /// Died (qua đời, 死亡).
        Deceased = "deceased",
        /// Nobody said: only of what ended before this was asked for.
        Unknown = "unknown",
    }
}

/// What tells how somebody got from one class to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The unit.
    pub unit_id: Uuid,
    /// The school year.
    pub school_year_id: Uuid,
    /// The education level.
    pub education_level: Option<EducationLevel>,
    /// The grade.
    pub grade: Option<i16>,
}

impl From<&Copied> for Seat {
    fn from(of: &Copied) -> Self {
        Seat { unit_id: of.unit_id, school_year_id: of.school_year_id, education_level: EducationLevel::from_code(&of.education_level).ok(), grade: of.grade }
    }
}

impl From<&ClassColumns> for Seat {
    fn from(of: &ClassColumns) -> Self {
        Seat { unit_id: of.unit_id, school_year_id: of.school_year_id, education_level: EducationLevel::from_code(&of.education_level).ok(), grade: of.grade }
    }
}

impl EnrolmentEnd {
    /// How an enrolment ended that another one follows. The migration that asked for the kind does the same in SQL.
    #[must_use]
    pub fn between(from: Seat, to: Seat) -> Self {
        let another_year = from.school_year_id != to.school_year_id;
        if another_year && to.education_level > from.education_level && to.grade > from.grade {
            return EnrolmentEnd::Graduated;
        }
        if from.unit_id != to.unit_id {
            return EnrolmentEnd::SchoolTransfer;
        }
        match (from.grade, to.grade) {
            (Some(before), Some(after)) if another_year && after > before => EnrolmentEnd::Promoted,
            (Some(before), Some(after)) if another_year && after == before => EnrolmentEnd::Repeating,
            // True of classes without grades, as in a kindergarten, whatever the year.
            _ => EnrolmentEnd::ClassMove,
        }
    }
}

/// The columns that say how an enrolment ended; all empty while it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = enrolments, treat_none_as_null = true)]
#[allow(missing_docs, reason = "as in EnrolmentInput")]
pub struct Ending {
    pub ended_on: Option<NaiveDate>,
    pub end_kind: Option<EnrolmentEnd>,
    pub leaving_reason: Option<LeavingReason>,
    pub end_reason: Option<String>,
}

impl Ending {
    /// The end by which another enrolment follows this one.
    #[must_use]
    pub fn followed(last: NaiveDate, (from, to): (Seat, Seat), end_reason: Option<String>) -> Self {
        Ending { ended_on: Some(last), end_kind: Some(EnrolmentEnd::between(from, to)), leaving_reason: None, end_reason }
    }

    /// The rules of the end of an enrolment that began on a day. `before` is how it had ended, if it had.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] naming the field.
    pub fn check(&self, enrolled_on: NaiveDate, before: Option<EnrolmentEnd>, today: NaiveDate) -> StoreResult<()> {
        let only_when_ended = |pointer: &str| Err(invalid(pointer, "only_when_ended", "goes with ended_on"));
        match (self.ended_on, self.end_kind) {
            (Some(last), _) if last < enrolled_on => return Err(invalid("/ended_on", "not_after", "is before enrolled_on")),
            (Some(last), _) if last > today => return Err(invalid("/ended_on", "future", "is in the future")),
            (Some(_), None) => return Err(invalid("/end_kind", "required", "says how the enrolment ended")),
            (Some(_), Some(EnrolmentEnd::Unknown)) if before != Some(EnrolmentEnd::Unknown) => {
                return Err(invalid("/end_kind", "only_for_old_records", "is for what ended before this was asked for"));
            }
            (None, Some(_)) => return only_when_ended("/end_kind"),
            _ => {}
        }
        if self.ended_on.is_none() && self.end_reason.is_some() {
            return only_when_ended("/end_reason");
        }
        if self.leaving_reason.is_some() && self.end_kind != Some(EnrolmentEnd::Left) {
            return Err(invalid("/leaving_reason", "only_with", "goes with the end_kind left"));
        }
        Ok(())
    }
}

/// The cells of a row that say how an enrolment ended: nothing of columns that the file does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndCells {
    /// The last day. A file without it does not know of the end, which is no reason to undo it.
    pub ended_on: Option<NaiveDate>,
    /// The kind of end.
    pub end_kind: Option<Option<EnrolmentEnd>>,
    /// Why somebody stopped learning.
    pub leaving_reason: Option<Option<LeavingReason>>,
    /// The note.
    pub end_reason: Option<Option<String>>,
}

impl EndCells {
    /// Takes the cells.
    ///
    /// # Errors
    /// The row's result, when one is not of its type, or of a record that goes on.
    pub fn take(row: &mut ImportRow) -> Result<Self, RowResult> {
        fn cell<T: DeserializeOwned>(row: &mut ImportRow, field: &str) -> Result<Option<Option<T>>, RowResult> {
            let there = row.cells.contains_key(field);
            row.take(field).map(|value| there.then_some(value))
        }
        let cells =
            EndCells { ended_on: row.take("ended_on")?, end_kind: cell(row, "end_kind")?, leaving_reason: cell(row, "leaving_reason")?, end_reason: cell(row, "end_reason")? };
        let said = [("end_kind", is_said(&cells.end_kind)), ("leaving_reason", is_said(&cells.leaving_reason)), ("end_reason", is_said(&cells.end_reason))];
        match said.iter().find(|(_, said)| *said && cells.ended_on.is_none()) {
            Some((field, _)) => Err(row.failed(*field, "only_when_ended", "goes with ended_on")),
            None => Ok(cells),
        }
    }

    /// What the row makes of an end.
    #[must_use]
    pub fn onto(&self, before: &Ending) -> Ending {
        if self.ended_on.is_none() {
            return before.clone();
        }
        let end_kind = self.end_kind.unwrap_or(before.end_kind);
        Ending {
            ended_on: self.ended_on,
            end_kind,
            leaving_reason: self.leaving_reason.clone().unwrap_or_else(|| before.leaving_reason.clone().filter(|_| end_kind == Some(EnrolmentEnd::Left))),
            end_reason: self.end_reason.clone().unwrap_or_else(|| before.end_reason.clone()),
        }
    }
}

fn is_said<T>(cell: &Option<Option<T>>) -> bool {
    matches!(cell, Some(Some(_)))
}

#[cfg(test)]
mod tests {
    use registrar_codes::list;
    use registrar_store::StoreError;

    use super::*;

    fn seat(unit: u128, year: u128, level: EducationLevel, grade: i16) -> Seat {
        Seat { unit_id: Uuid::from_u128(unit), school_year_id: Uuid::from_u128(year), education_level: Some(level), grade: (grade > 0).then_some(grade) }
    }

    #[test]
    fn what_follows_tells_how_an_enrolment_ended() {
        use EducationLevel::{GDTX, MN, TH, THCS, THPT};
        let between = |from: (u128, u128, EducationLevel, i16), to: (u128, u128, EducationLevel, i16)| {
            EnrolmentEnd::between(seat(from.0, from.1, from.2, from.3), seat(to.0, to.1, to.2, to.3)).as_str()
        };
        assert_eq!(between((1, 1, TH, 4), (1, 1, TH, 4)), "class_move");
        assert_eq!(between((1, 1, TH, 4), (2, 1, TH, 4)), "school_transfer");
        assert_eq!(between((1, 1, TH, 4), (1, 2, TH, 5)), "promoted");
        assert_eq!(between((1, 1, TH, 4), (1, 2, TH, 4)), "repeating");
        assert_eq!(between((1, 1, TH, 4), (2, 2, TH, 5)), "school_transfer");
        assert_eq!(between((1, 1, TH, 5), (2, 2, THCS, 6)), "graduated");
        assert_eq!(between((1, 1, THCS, 9), (1, 2, THPT, 10)), "graduated", "of a school with both levels");
        assert_eq!(between((1, 1, MN, 0), (2, 2, TH, 1)), "graduated");
        assert_eq!(between((1, 1, MN, 0), (1, 2, MN, 0)), "class_move");
        assert_eq!(between((1, 1, THPT, 11), (2, 2, GDTX, 11)), "school_transfer");
    }

    #[test]
    fn an_end_has_a_kind_that_fits() {
        let ending = |ended_on: &str, kind: Option<EnrolmentEnd>, leaving: Option<&str>, note: Option<&str>| Ending {
            ended_on: ended_on.parse().ok(),
            end_kind: kind,
            leaving_reason: leaving.and_then(|code| LeavingReason::parse(code).ok()),
            end_reason: note.map(str::to_owned),
        };
        let checked = |ending: Ending, before: Option<EnrolmentEnd>| match ending.check("2025-09-05".parse().unwrap(), before, "2025-09-15".parse().unwrap()) {
            Err(StoreError::Invalid { pointer, code, .. }) => format!("{pointer} {code}"),
            _ => String::new(),
        };
        use EnrolmentEnd::{Graduated, Left, Unknown};
        let reason = Some("vn-leaving-reason/1/01");
        assert_eq!(checked(ending("", None, None, None), None), "");
        assert_eq!(checked(ending("2025-09-05", Some(Graduated), None, None), None), "");
        assert_eq!(checked(ending("2025-09-05", Some(Left), reason, Some("x")), None), "");
        assert_eq!(checked(ending("2025-09-04", Some(Left), None, None), None), "/ended_on not_after");
        assert_eq!(checked(ending("2025-09-16", Some(Left), None, None), None), "/ended_on future");
        assert_eq!(checked(ending("2025-09-15", None, None, Some("x")), None), "/end_kind required");
        assert_eq!(checked(ending("", Some(Left), None, None), None), "/end_kind only_when_ended");
        assert_eq!(checked(ending("", None, None, Some("x")), None), "/end_reason only_when_ended");
        assert_eq!(checked(ending("2025-09-15", Some(Graduated), reason, None), None), "/leaving_reason only_with");
        assert_eq!(checked(ending("", None, reason, None), None), "/leaving_reason only_with");
        assert_eq!(checked(ending("2025-09-15", Some(Unknown), None, None), Some(Left)), "/end_kind only_for_old_records");
        assert_eq!(checked(ending("2025-09-14", Some(Unknown), None, None), Some(Unknown)), "");
    }

    #[test]
    fn cells_change_what_they_say_and_leave_the_rest() {
        let before = Ending {
            ended_on: "2025-09-10".parse().ok(),
            end_kind: Some(EnrolmentEnd::Left),
            leaving_reason: LeavingReason::parse("vn-leaving-reason/1/01").ok(),
            end_reason: Some("x".into()),
        };
        assert_eq!(EndCells::default().onto(&before), before, "no last day undoes nothing");
        let same_day = EndCells { ended_on: before.ended_on, ..EndCells::default() };
        assert_eq!(same_day.onto(&before), before);
        let graduated = EndCells { end_kind: Some(Some(EnrolmentEnd::Graduated)), ..same_day.clone() }.onto(&before);
        assert_eq!((graduated.end_kind, &graduated.leaving_reason, graduated.end_reason.as_deref()), (Some(EnrolmentEnd::Graduated), &None, Some("x")));
        assert_eq!(EndCells { end_reason: Some(None), ..same_day }.onto(&before), Ending { end_reason: None, ..before });
    }

    #[test]
    fn every_kind_has_a_label() {
        let listed: Vec<&str> = list("registrar-enrolment-end").unwrap().newest().entries().iter().map(|entry| entry.code).collect();
        assert_eq!(listed, EnrolmentEnd::CODES);
    }
}
