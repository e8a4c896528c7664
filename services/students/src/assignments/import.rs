//! Teaching assignments from spreadsheets: a row is an assignment, found again by its class, teacher, subject and first day.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, batch};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::json;
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{AssignmentColumns, AssignmentInput, AssignmentRecord},
    store,
};
use crate::{classes::model::ClassRecord, copies, named::Named};

/// Imports teaching assignments.
pub struct AssignmentImporter;

/// What an assignment is found again by: class, teacher, subject, first day.
type Key = (Uuid, Uuid, String, NaiveDate);

#[async_trait]
impl Importer for AssignmentImporter {
    fn resource(&self) -> &'static str {
        "assignments"
    }

    fn action(&self) -> Action {
        Action::AssignmentsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let named = Named::load(conn, access, Action::AssignmentsWrite, &rows).await?;
        // By code: id, and whether they have left.
        let staff = copies::staff_by_codes(conn, access, texts(&rows, "staff_code").into_iter().collect()).await?;
        let classes = named.classes().map(|class| class.id).collect();
        let key = |columns: &AssignmentColumns| (columns.class_id, columns.staff_id, columns.subject.as_str().to_owned(), columns.valid_from);
        let held = store::of_classes(conn, access, classes).await?;
        let mut known: HashMap<Key, AssignmentRecord> = held.into_iter().map(|record| (key(&record.columns), record)).collect();
        let (mut seen, mut new, mut changed) = (HashSet::new(), Vec::new(), Vec::new());
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            let line = row.line;
            let (input, class) = match input(&named, &staff, row) {
                Ok(described) => described,
                Err(refused) => {
                    results.push(refused);
                    continue;
                }
            };
            let columns = input.columns();
            let key = key(&columns);
            if !seen.insert(key.clone()) {
                results.push(RowResult::failed(line, "subject", "repeated", "the assignment stands in the file twice"));
                continue;
            }
            let outcome = match known.remove(&key) {
                None => {
                    new.push(written(Uuid::now_v7(), 1, &columns, class)?);
                    Outcome::Created
                }
                // A file does not know which assignments were ended.
                Some(record) if AssignmentColumns { status: record.columns.status.clone(), ..columns.clone() } == record.columns => Outcome::Unchanged,
                Some(record) => {
                    changed.push(written(record.id, record.version, &columns, class)?);
                    Outcome::Changed(record.unit_id)
                }
            };
            results.push(RowResult { line, outcome });
        }
        batch::insert(conn, access, "assignments", new).await?;
        batch::update(conn, access, "assignments", changed).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// A row as it is written with others.
fn written(id: Uuid, version: i64, columns: &AssignmentColumns, class: &ClassRecord) -> StoreResult<batch::Row> {
    let mut row = batch::row(id, version, columns)?;
    row.insert("unit_id".to_owned(), json!(class.columns.unit_id));
    row.insert("education_level".to_owned(), json!(class.columns.education_level));
    Ok(row)
}

/// The assignment that a row describes, and its class.
fn input<'a>(named: &'a Named, staff: &HashMap<String, (Uuid, bool)>, mut row: ImportRow) -> Result<(AssignmentInput, &'a ClassRecord), RowResult> {
    let (unit, class) = named.take_class(&mut row)?;
    let staff_code: Code = row.require("staff_code")?;
    if class.columns.ended_on.is_some() {
        return Err(row.failed("class_name", "class_ended", "the class has ended"));
    }
    if unit.unit.status != "open" {
        return Err(row.failed("unit_code", "unit_closed", "the unit is closed"));
    }
    let staff = match staff.get(staff_code.as_str()) {
        Some((id, false)) => *id,
        Some((_, true)) => return Err(row.failed("staff_code", "staff_ended", "this member of staff has left")),
        None => return Err(row.failed("staff_code", "unknown_staff", "no staff record of this code is known here yet")),
    };
    let input: AssignmentInput = row.onto(None, &[("class_id", json!(class.id)), ("staff_id", json!(staff)), ("status", json!("active"))])?;
    match input.check() {
        Ok(()) => Ok((input, class)),
        Err(error) => Err(RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the assignment cannot be kept"))),
    }
}
