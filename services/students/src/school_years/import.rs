//! School years from spreadsheets: a row is a school year, found again by its code.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use registrar_access::{Access, Action, batch};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::Value;
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{SchoolYearColumns, SchoolYearInput, SchoolYearRecord},
    store,
};

/// Imports school years.
pub struct SchoolYearImporter;

#[async_trait]
impl Importer for SchoolYearImporter {
    fn resource(&self) -> &'static str {
        "school-years"
    }

    fn action(&self) -> Action {
        Action::SchoolYearsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        // School years are the tenant's: no part of it changes them for the others.
        if !access.reaches_whole_tenant(Action::SchoolYearsWrite) {
            return Ok(rows.iter().map(|row| row.failed("code", "forbidden", "school years are kept for the whole tenant")).collect());
        }
        let held = store::to_change_by_codes(conn, access, texts(&rows, "code").into_iter().collect()).await?;
        let held: HashMap<String, SchoolYearRecord> = held.into_iter().map(|record| (record.columns.code.clone(), record)).collect();
        let (mut seen, mut new, mut changed) = (HashSet::new(), Vec::new(), Vec::new());
        let mut results = Vec::with_capacity(rows.len());
        for mut row in rows {
            let columns = match columns_of(&mut row, &held, &mut seen) {
                Ok(columns) => columns,
                Err(refused) => {
                    results.push(refused);
                    continue;
                }
            };
            let outcome = match held.get(&columns.code) {
                None => {
                    new.push(batch::NewRow::new(columns));
                    Outcome::Created
                }
                Some(record) if record.columns == columns => Outcome::Unchanged,
                Some(record) => {
                    changed.push(batch::row(record.id, record.version, &columns)?);
                    Outcome::Changed(record.tenant_id)
                }
            };
            results.push(RowResult { line: row.line, outcome });
        }
        batch::insert(conn, access, "school_years", new).await?;
        batch::update(conn, access, "school_years", changed).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        let count = store::count(conn, access).await?;
        Ok(units.iter().map(|unit| (*unit, count)).collect())
    }
}

/// What a row makes of a school year.
fn columns_of(row: &mut ImportRow, held: &HashMap<String, SchoolYearRecord>, seen: &mut HashSet<String>) -> Result<SchoolYearColumns, RowResult> {
    let code = row.cells.get("code").and_then(Value::as_str).and_then(|code| Code::parse(code).ok()).map(|code| code.to_string()).unwrap_or_default();
    let before = held.get(&code).map(|record| record.columns.to_input()).transpose().map_err(|_| row.failed("", "invalid", "the record cannot be read"))?;
    let input: SchoolYearInput = row.onto(before.as_ref(), &[])?;
    if !seen.insert(code) {
        return Err(row.failed("code", "repeated", "the code stands in the file twice"));
    }
    match input.check() {
        Ok(()) => Ok(input.columns()),
        Err(error) => Err(RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the school year cannot be kept"))),
    }
}
