//! Teaching assignments from spreadsheets: a row is an assignment, found again by its class, teacher, subject and first day.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, units};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreError, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{AssignmentColumns, AssignmentInput, AssignmentRecord},
    store,
};
use crate::{
    batch,
    classes::{self, model::ClassRecord},
    copies, school_years,
};

const WRITTEN: [&str; 9] = ["staff_id", "class_id", "subject", "periods_per_week", "valid_from", "valid_to", "status", "unit_id", "education_level"];

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
        let named = Named::load(conn, access, &rows).await?;
        let classes = named.classes.values().map(|(class, _)| class.id).collect();
        let key = |columns: &AssignmentColumns| (columns.class_id, columns.staff_id, columns.subject.as_str().to_owned(), columns.valid_from);
        let held = store::of_classes(conn, access, classes).await?;
        let mut known: HashMap<Key, AssignmentRecord> = held.into_iter().map(|record| (key(&record.columns), record)).collect();
        let (mut seen, mut new, mut changed) = (HashSet::new(), Vec::new(), Vec::new());
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            let line = row.line;
            let (input, class) = match named.input(row) {
                Ok(named) => named,
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
                    new.push(object(Uuid::now_v7(), 1, &columns, class)?);
                    Outcome::Created
                }
                // A file does not know which assignments were ended.
                Some(record) if AssignmentColumns { status: record.columns.status.clone(), ..columns.clone() } == record.columns => Outcome::Unchanged,
                Some(record) => {
                    changed.push(object(record.id, record.version, &columns, class)?);
                    Outcome::Changed(record.unit_id)
                }
            };
            results.push(RowResult { line, outcome });
        }
        batch::insert(conn, access, "assignments", &WRITTEN, new).await?;
        batch::update(conn, access, "assignments", &WRITTEN, changed).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// A row as it is written with others.
fn object(id: Uuid, version: i64, columns: &AssignmentColumns, class: &ClassRecord) -> StoreResult<Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(columns) else { return Err(StoreError::Broken("an assignment cannot be written as JSON")) };
    for (name, value) in [("id", json!(id)), ("version", json!(version)), ("unit_id", json!(class.columns.unit_id)), ("education_level", json!(class.columns.education_level))] {
        fields.insert(name.to_owned(), value);
    }
    Ok(Value::Object(fields))
}

/// What the rows of a chunk name by code.
struct Named {
    units: HashMap<String, (Uuid, bool)>,
    years: HashMap<String, Uuid>,
    /// By unit, school year and comparison key of the name; and whether the caller may assign there.
    classes: HashMap<(Uuid, Uuid, String), (ClassRecord, bool)>,
    /// Id, and whether they have left.
    staff: HashMap<String, (Uuid, bool)>,
}

impl Named {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let texts = |field: &str| rows.iter().filter_map(|row| Some(row.cells.get(field)?.as_str()?.to_owned())).collect::<BTreeSet<String>>();
        let units = units::by_codes(conn, access, Action::AssignmentsWrite, texts("unit_code").into_iter()).await?;
        let units: HashMap<String, (Uuid, bool)> = units.into_iter().map(|(code, granted)| (code, (granted.unit.id, granted.unit.status == "open"))).collect();
        let years = school_years::store::by_codes(conn, access, texts("school_year_code").into_iter().collect()).await?;
        let names = texts("class_name").iter().filter_map(|name| Some(Code::parse(name).ok()?.comparison_key())).collect::<BTreeSet<_>>().into_iter().collect();
        let (unit_ids, year_ids) = (units.values().map(|(id, _)| *id).collect(), years.values().copied().collect());
        let classes = classes::store::by_names(conn, access, Action::AssignmentsWrite, unit_ids, year_ids, names).await?;
        let key = |class: &ClassRecord| (class.columns.unit_id, class.columns.school_year_id, class.columns.name_key.clone());
        Ok(Named {
            classes: classes.into_iter().map(|(class, may)| (key(&class), (class, may))).collect(),
            staff: copies::staff_by_codes(conn, access, texts("staff_code").into_iter().collect()).await?,
            units,
            years,
        })
    }

    /// The assignment that a row describes, and its class.
    fn input(&self, mut row: ImportRow) -> Result<(AssignmentInput, &ClassRecord), RowResult> {
        let (unit_code, year_code, class_name): (Code, Code, Code) = (row.require("unit_code")?, row.require("school_year_code")?, row.require("class_name")?);
        let staff_code: Code = row.require("staff_code")?;
        let (unit, open) = self.units.get(unit_code.as_str()).ok_or_else(|| row.failed("unit_code", "unknown_unit", "no unit of this code whose assignments you may keep"))?;
        let year = self.years.get(year_code.as_str()).ok_or_else(|| row.failed("school_year_code", "unknown_school_year", "no school year of this code"))?;
        let class = match self.classes.get(&(*unit, *year, class_name.comparison_key())) {
            None => return Err(row.failed("class_name", "unknown_class", "no class of this name in this unit and school year")),
            Some((_, false)) => return Err(row.failed("class_name", "forbidden", "the class is outside your grants")),
            Some((class, true)) if class.columns.ended_on.is_some() => return Err(row.failed("class_name", "class_ended", "the class has ended")),
            Some((class, true)) => class,
        };
        if !open {
            return Err(row.failed("unit_code", "unit_closed", "the unit is closed"));
        }
        let staff = match self.staff.get(staff_code.as_str()) {
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
}
