//! Students as events: what other services may know of them, and what reports alone may count. The personal number and
//! contacts stay here.

use registrar_events::contracts::students::{Student, StudentStatistics};

use super::{model::StudentRecord, store::AGGREGATE};
use crate::schema::students;

registrar_events::table_source! {
    /// Publishes students.
    StudentSource, AGGREGATE, students, StudentRecord, published
}

fn published(row: StudentRecord) -> (bool, Student) {
    let columns = row.columns;
    let payload = Student { code: columns.code, full_name: columns.full_name, gender: columns.gender, unit_id: Some(row.placement.unit_id.to_string()), status: columns.status };
    (payload.status == "ended", payload)
}

registrar_events::table_source! {
    /// Publishes what is counted of students.
    StudentStatisticsSource, "students.student_statistics", students, StudentRecord, counted, tracked_as AGGREGATE
}

fn counted(row: StudentRecord) -> (bool, StudentStatistics) {
    let columns = row.columns;
    let sensitive = &columns.sensitive;
    let payload = StudentStatistics {
        gender: columns.gender.clone(),
        birth_date: columns.birth_date.to_string(),
        ethnic_group: sensitive.ethnic_group.as_ref().map(|group| group.as_str().to_owned()),
        policy_category: sensitive.policy_category.as_ref().map(|category| category.as_str().to_owned()),
        disability: sensitive.disability.as_ref().map(|kind| kind.as_str().to_owned()),
        identity_status: columns.identity_status.as_str().to_owned(),
        missing: columns.missing().into_iter().map(str::to_owned).collect(),
        unit_id: row.placement.unit_id.to_string(),
        education_level: row.placement.education_level,
        status: columns.status.clone(),
    };
    (columns.status == "ended", payload)
}
