//! Enrolments as events: what reports count.

use registrar_events::contracts::students::Enrolment;

use super::{model::EnrolmentRecord, store::AGGREGATE};
use crate::schema::enrolments;

registrar_events::table_source! {
    /// Publishes enrolments.
    EnrolmentSource, AGGREGATE, enrolments, EnrolmentRecord, published
}

fn published(row: EnrolmentRecord) -> (bool, Enrolment) {
    let (columns, copied) = (row.columns, row.copied);
    let ending = columns.ending;
    let ended = ending.ended_on.is_some();
    let payload = Enrolment {
        student_id: columns.student_id.to_string(),
        class_id: columns.class_id.to_string(),
        unit_id: copied.unit_id.to_string(),
        school_year_id: copied.school_year_id.to_string(),
        education_level: copied.education_level,
        grade: copied.grade.map(|grade| grade.to_string()),
        gender: copied.gender,
        enrolled_on: columns.enrolled_on.to_string(),
        ended_on: ending.ended_on.map(|date| date.to_string()),
        // The kind, which is a code; the note is for those who keep the record.
        end_reason: ending.end_kind.map(|kind| kind.as_str().to_owned()),
        status: if ended { "ended" } else { "active" }.to_owned(),
    };
    (ended, payload)
}
