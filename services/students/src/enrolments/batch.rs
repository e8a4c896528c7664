//! Enrolments as they are written many at once, by imports of students and of enrolments.

use registrar_access::{
    Access,
    batch::{self, Row},
};
use registrar_store::{Connection, StoreResult};
use serde_json::json;
use uuid::Uuid;

use super::{admission::Held, model::Copied};
use crate::classes::model::ClassRecord;

/// A new enrolment of a student of this gender.
///
/// # Errors
/// [`registrar_store::StoreError::Broken`] when it cannot be written as JSON.
pub fn begun(enrolment: &Held, student: Uuid, class: &ClassRecord, gender: &str) -> StoreResult<Row> {
    let mut row = changed(enrolment)?;
    row.extend(batch::fields(&Copied::with_gender(class, gender))?);
    row.insert("student_id".to_owned(), json!(student));
    row.insert("class_id".to_owned(), json!(class.id));
    Ok(row)
}

/// The first day and the end of an enrolment that there is.
///
/// # Errors
/// [`registrar_store::StoreError::Broken`] when it cannot be written as JSON.
pub fn changed(enrolment: &Held) -> StoreResult<Row> {
    let mut row = batch::row(enrolment.id, enrolment.version, &enrolment.ending)?;
    row.insert("enrolled_on".to_owned(), json!(enrolment.enrolled_on));
    Ok(row)
}

/// Writes new enrolments, after those that end were written: a student never has two open ones.
///
/// # Errors
/// [`registrar_store::StoreError::Conflict`].
pub async fn insert(conn: &mut Connection, access: &Access, rows: Vec<Row>) -> StoreResult<()> {
    batch::insert(conn, access, "enrolments", rows).await
}

/// Writes changed enrolments.
///
/// # Errors
/// [`registrar_store::StoreError::Stale`].
pub async fn update(conn: &mut Connection, access: &Access, rows: Vec<Row>) -> StoreResult<()> {
    batch::update(conn, access, "enrolments", rows).await
}
