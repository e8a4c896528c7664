//! Enrolments as they are written many at once, by imports of students and of enrolments.

use registrar_access::{Access, batch};
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{admission::Held, model::Copied};
use crate::classes::model::ClassRecord;

const BEGUN: [&str; 12] =
    ["student_id", "class_id", "enrolled_on", "ended_on", "end_kind", "leaving_reason", "end_reason", "unit_id", "school_year_id", "education_level", "grade", "gender"];
const CHANGED: [&str; 5] = ["enrolled_on", "ended_on", "end_kind", "leaving_reason", "end_reason"];

/// A new enrolment of a student of this gender.
///
/// # Errors
/// [`registrar_store::StoreError::Broken`] when it cannot be written as JSON.
pub fn begun(enrolment: &Held, student: Uuid, class: &ClassRecord, gender: &str) -> StoreResult<Value> {
    let mut row = batch::fields(&Copied::with_gender(class, gender))?;
    row.insert("student_id".to_owned(), json!(student));
    row.insert("class_id".to_owned(), json!(class.id));
    let Value::Object(own) = changed(enrolment)? else { return Ok(Value::Null) };
    row.extend(own);
    Ok(Value::Object(row))
}

/// The first day and the end of an enrolment that there is.
///
/// # Errors
/// [`registrar_store::StoreError::Broken`] when it cannot be written as JSON.
pub fn changed(enrolment: &Held) -> StoreResult<Value> {
    let mut row = batch::fields(&enrolment.ending)?;
    for (name, value) in [("id", json!(enrolment.id)), ("version", json!(enrolment.version)), ("enrolled_on", json!(enrolment.enrolled_on))] {
        row.insert(name.to_owned(), value);
    }
    Ok(Value::Object(row))
}

/// Writes new enrolments, after those that end were written: a student never has two open ones.
///
/// # Errors
/// [`registrar_store::StoreError::Conflict`].
pub async fn insert(conn: &mut Connection, access: &Access, rows: Vec<Value>) -> StoreResult<()> {
    batch::insert(conn, access, "enrolments", &BEGUN, rows).await
}

/// Writes changed enrolments.
///
/// # Errors
/// [`registrar_store::StoreError::Stale`].
pub async fn update(conn: &mut Connection, access: &Access, rows: Vec<Value>) -> StoreResult<()> {
    batch::update(conn, access, "enrolments", &CHANGED, rows).await
}
