//! Staff from spreadsheets: a row is a record, found again by its code; what the file has no column for stays as it is.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use futures_util::future::join;
use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::{Code, EducationLevel};
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use tokio::task::yield_now;
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{StaffInput, StaffRecord},
    store, writes,
};

/// So many rows are inserted while it is decided about the next.
const TOGETHER: usize = 250;

/// Imports staff.
pub struct StaffImporter;

#[async_trait]
impl Importer for StaffImporter {
    fn resource(&self) -> &'static str {
        "staff"
    }

    fn action(&self) -> Action {
        Action::StaffWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut known = Known::load(conn, access, &rows).await?;
        let mut results = Vec::with_capacity(rows.len());
        let (mut new, mut held) = (Vec::new(), Vec::new());
        let mut rows = rows.into_iter();
        while !rows.as_slice().is_empty() {
            let part = rows.by_ref().take(TOGETHER);
            let deciding = async {
                // Before this thread is busy with them the former ones are sent.
                yield_now().await;
                known.decide_all(part, access.today)
            };
            let (inserted, decided) = join(writes::insert_many(conn, access, &new), deciding).await;
            inserted?;
            let decided = decided?;
            results.extend(decided.results);
            held.extend(decided.held);
            new = decided.new;
        }
        writes::insert_many(conn, access, &new).await?;
        let mut changed = Vec::new();
        for (line, record, input) in held {
            results.push(match writes::changed(conn, access, &record.columns, &input).await {
                Ok(None) => RowResult { line, outcome: Outcome::Unchanged },
                Ok(Some(columns)) => {
                    let unit = record.columns.unit_id;
                    changed.push((record, columns));
                    RowResult { line, outcome: Outcome::Changed(unit) }
                }
                Err(error) => unit_column(RowResult::refused(line, error)?),
            });
        }
        writes::update_many(conn, access, &changed).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// Files name units by their codes.
fn unit_column(mut result: RowResult) -> RowResult {
    if let Outcome::Failed(errors) = &mut result.outcome {
        for error in errors.iter_mut().filter(|error| error.pointer == "unit_id") {
            "unit_code".clone_into(&mut error.pointer);
        }
    }
    result
}

/// What the rows of a chunk name.
struct Known {
    units: HashMap<String, GrantedUnit>,
    /// By code, and whether the caller may change each.
    records: HashMap<String, (StaffRecord, bool)>,
    /// Codes of the records that have these personal numbers.
    owners: HashMap<String, String>,
    /// Codes seen in the chunk.
    seen: HashSet<String>,
}

/// What is to become of some rows.
#[derive(Default)]
struct Decided {
    /// Of those that are refused, and of new records.
    results: Vec<RowResult>,
    new: Vec<StaffInput>,
    /// The rows of records that are there already.
    held: Vec<(i32, StaffRecord, StaffInput)>,
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let records = store::by_codes(conn, access, &texts(rows, "code").into_iter().collect::<Vec<_>>()).await?;
        Ok(Known {
            units: units::by_codes(conn, access, Action::StaffWrite, texts(rows, "unit_code").into_iter()).await?,
            records: records.into_iter().map(|(record, may)| (record.columns.code.clone(), (record, may))).collect(),
            owners: store::personal_numbers_in_use(conn, access, &texts(rows, "personal_number").into_iter().collect::<Vec<_>>()).await?.into_iter().collect(),
            seen: HashSet::new(),
        })
    }

    fn decide_all(&mut self, rows: impl Iterator<Item = ImportRow>, today: NaiveDate) -> StoreResult<Decided> {
        let mut decided = Decided::default();
        for row in rows {
            let line = row.line;
            match self.decide(row) {
                Err(refused) => decided.results.push(refused),
                Ok((input, Some(record))) => decided.held.push((line, record, input)),
                Ok((input, None)) => match input.check(today) {
                    Ok(()) => {
                        decided.new.push(input);
                        decided.results.push(RowResult { line, outcome: Outcome::Created });
                    }
                    Err(error) => decided.results.push(RowResult::refused(line, error)?),
                },
            }
        }
        Ok(decided)
    }

    /// What a row makes of a record: the input, and the record if there is one already.
    fn decide(&mut self, mut row: ImportRow) -> Result<(StaffInput, Option<StaffRecord>), RowResult> {
        let code = row.cells.get("code").and_then(Value::as_str).and_then(|code| Code::parse(code).ok()).map(|code| code.to_string()).unwrap_or_default();
        let unit_code: Code = row.require("unit_code")?;
        if !self.seen.insert(code.clone()) {
            return Err(row.failed("code", "repeated", "the code stands in the file twice"));
        }
        let held = self.records.remove(&code);
        if held.as_ref().is_some_and(|(_, may)| !may) {
            return Err(row.failed("code", "forbidden", "the record is outside your grants"));
        }
        let before = held.as_ref().map(|(record, _)| record.columns.to_input()).transpose().map_err(|_| row.failed("", "invalid", "the record cannot be read"))?;
        let Some(granted) = self.units.get(unit_code.as_str()) else {
            return Err(row.failed("unit_code", "unknown_unit", "no unit of this code that you may keep records of"));
        };
        let input: StaffInput = row.onto(before.as_ref(), &[("unit_id", json!(granted.unit.id)), ("status", json!(status(&row, before.as_ref())))])?;
        if let Some(number) = &input.personal_number
            && *self.owners.entry(number.as_str().to_owned()).or_insert_with(|| code.clone()) != code
        {
            return Err(row.failed("personal_number", "already_used", "another record has this value"));
        }
        check_move(&row, granted, before.as_ref(), &input)?;
        Ok((input, held.map(|(record, _)| record)))
    }
}

/// A file tells who has left and not who is on leave.
fn status(row: &ImportRow, before: Option<&StaffInput>) -> &'static str {
    match (row.cells.get("ended_on"), before) {
        (Some(Value::String(_)), _) => "ended",
        (None, Some(before)) => before.status.as_str(),
        (_, Some(before)) if before.ended_on.is_none() => before.status.as_str(),
        _ => "active",
    }
}

/// Whether the record may be placed, and if it is another unit's so far, whether the file says since when.
fn check_move(row: &ImportRow, granted: &GrantedUnit, before: Option<&StaffInput>, input: &StaffInput) -> Result<(), RowResult> {
    let level: Option<EducationLevel> = input.education_level;
    if !granted.permits(level) {
        return Err(row.failed("education_level", "forbidden", "the education level is outside your grants"));
    }
    let moves = before.is_some_and(|before| before.unit_id != input.unit_id);
    let arrives = before.is_none() || moves;
    if arrives && granted.unit.status != "open" && input.ended_on.is_none() {
        return Err(row.failed("unit_code", "unit_closed", "the unit is closed"));
    }
    if moves && before.is_some_and(|before| input.started_on <= before.started_on) {
        return Err(row.failed("started_on", "moved_without_date", "the first day in the new unit is needed: the record is another unit's since that day or later"));
    }
    Ok(())
}
