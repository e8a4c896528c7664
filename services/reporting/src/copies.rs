//! Copies of what the students service owns, for reports on how complete the records are (S1-101): codes, places and
//! dates, no names of persons.

use std::sync::Arc;

use registrar_events::{
    Replica, TableReplica,
    contracts::students::{Assignment, SchoolClass, SchoolYear, Student},
};
use serde_json::{Map, Value, json};

/// All of them.
#[must_use]
pub fn replicas() -> Vec<Arc<dyn Replica>> {
    vec![Arc::new(school_years()), Arc::new(classes()), Arc::new(students()), Arc::new(assignments())]
}

/// The fields of a row that is written as an object.
pub(crate) fn fields(row: Value) -> Map<String, Value> {
    match row {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn school_years() -> TableReplica {
    TableReplica {
        aggregate: "students.school_year",
        table: "school_years",
        columns: &["code", "name", "starts_on", "ends_on"],
        row: |event| {
            let year: SchoolYear = event.decode()?;
            Ok(fields(json!({"code": year.code, "name": year.name, "starts_on": year.starts_on, "ends_on": year.ends_on})))
        },
    }
}

fn classes() -> TableReplica {
    TableReplica {
        aggregate: "students.class",
        table: "classes",
        columns: &["code", "name", "unit_id", "school_year_id", "education_level", "grade", "status"],
        row: |event| {
            let class: SchoolClass = event.decode()?;
            Ok(fields(json!({
                "code": class.code, "name": class.name, "unit_id": class.unit_id, "school_year_id": class.school_year_id,
                "education_level": class.education_level, "grade": class.grade, "status": class.status,
            })))
        },
    }
}

fn students() -> TableReplica {
    TableReplica {
        aggregate: "students.student",
        table: "students",
        columns: &["code", "unit_id", "status"],
        row: |event| {
            let student: Student = event.decode()?;
            Ok(fields(json!({"code": student.code, "unit_id": student.unit_id, "status": student.status})))
        },
    }
}

fn assignments() -> TableReplica {
    TableReplica {
        aggregate: "students.assignment",
        table: "assignments",
        columns: &["staff_id", "class_id", "subject", "from_date", "to_date", "status"],
        row: |event| {
            let assignment: Assignment = event.decode()?;
            Ok(fields(json!({
                "staff_id": assignment.staff_id, "class_id": assignment.class_id, "subject": assignment.subject,
                "from_date": assignment.from, "to_date": assignment.to, "status": assignment.status,
            })))
        },
    }
}
