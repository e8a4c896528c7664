//! Classes as events: what other services may know of them.

use registrar_events::contracts::students::SchoolClass;

use super::{model::ClassRecord, store::AGGREGATE};
use crate::schema::classes;

registrar_events::table_source! {
    /// Publishes classes.
    ClassSource, AGGREGATE, classes, ClassRecord, published
}

fn published(row: ClassRecord) -> (bool, SchoolClass) {
    let columns = row.columns;
    let payload = SchoolClass {
        // A class has no code beside its name.
        code: columns.name.clone(),
        name: columns.name,
        unit_id: columns.unit_id.to_string(),
        school_year_id: columns.school_year_id.to_string(),
        grade: columns.grade.map(|grade| grade.to_string()),
        education_level: columns.education_level,
        homeroom_teacher_id: columns.homeroom_teacher_id.map(|id| id.to_string()),
        ended_on: columns.ended_on.map(|date| date.to_string()),
        status: columns.status,
    };
    (payload.status == "ended", payload)
}
