//! Students as events: what other services may know of them. The personal number and the birth date stay here.

use registrar_events::contracts::students::Student;

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
