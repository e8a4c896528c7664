//! Classes from spreadsheets: a row is a class, found again by its unit, school year and name; what the file has no column
//! for stays as it is.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use registrar_access::{Access, Action, GrantedUnit, batch, units};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    model::{ClassColumns, ClassInput, ClassRecord},
    store, writes,
};
use crate::{copies, school_years};

/// Imports classes.
pub struct ClassImporter;

/// What a class is found again by.
type Key = (Uuid, Uuid, String);

#[async_trait]
impl Importer for ClassImporter {
    fn resource(&self) -> &'static str {
        "classes"
    }

    fn action(&self) -> Action {
        Action::ClassesWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let named = Named::load(conn, access, &rows).await?;
        let mut results = Vec::with_capacity(rows.len());
        let mut placed = Vec::with_capacity(rows.len());
        for mut row in rows {
            match named.key(&mut row) {
                Ok(key) => placed.push((row, key)),
                Err(refused) => results.push(refused),
            }
        }
        let mut known = known(conn, access, placed.iter().map(|(_, key)| key)).await?;
        let mut seen = HashSet::new();
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (row, key) in placed {
            let line = row.line;
            if seen.contains(&key) {
                results.push(row.failed("name", "repeated", "the class stands in the file twice"));
                continue;
            }
            let columns = match named.input(row, &key, known.get(&key)) {
                Ok(input) => input.columns(),
                Err(refused) => {
                    results.push(refused);
                    continue;
                }
            };
            let held = known.remove(&key);
            seen.insert(key);
            let outcome = match held {
                None => {
                    new.push(batch::NewRow::new(columns));
                    Outcome::Created
                }
                Some((record, _)) if columns == record.columns => Outcome::Unchanged,
                Some((record, _)) => {
                    let unit = record.columns.unit_id;
                    changed.push((record, columns));
                    Outcome::Changed(unit)
                }
            };
            results.push(RowResult { line, outcome });
        }
        batch::insert(conn, access, "classes", new).await?;
        let rows = changed.iter().map(|(record, columns)| batch::row(record.id, record.version, columns)).collect::<StoreResult<_>>()?;
        batch::update(conn, access, "classes", rows).await?;
        for (record, columns) in &changed {
            writes::follow(conn, access, record, columns).await?;
        }
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

async fn known(conn: &mut Connection, access: &Access, keys: impl Iterator<Item = &Key>) -> StoreResult<HashMap<Key, (ClassRecord, bool)>> {
    let (mut units, mut years, mut names) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (unit, year, name) in keys {
        units.insert(*unit);
        years.insert(*year);
        names.insert(name.clone());
    }
    let rows = store::by_names(conn, access, Action::ClassesWrite, units.into_iter().collect(), years.into_iter().collect(), names.into_iter().collect()).await?;
    let key = |columns: &ClassColumns| (columns.unit_id, columns.school_year_id, columns.name_key.clone());
    Ok(rows.into_iter().map(|(record, may)| (key(&record.columns), (record, may))).collect())
}

/// What the rows of a chunk name by code.
struct Named {
    units: HashMap<Uuid, GrantedUnit>,
    unit_ids: HashMap<String, Uuid>,
    years: HashMap<String, Uuid>,
    /// Id, and whether they have left.
    staff: HashMap<String, (Uuid, bool)>,
}

impl Named {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let units = units::by_codes(conn, access, Action::ClassesWrite, texts(rows, "unit_code").into_iter()).await?;
        Ok(Named {
            unit_ids: units.iter().map(|(code, granted)| (code.clone(), granted.unit.id)).collect(),
            units: units.into_values().map(|granted| (granted.unit.id, granted)).collect(),
            years: school_years::store::by_codes(conn, access, texts(rows, "school_year_code").into_iter().collect()).await?,
            staff: copies::staff_by_codes(conn, access, texts(rows, "homeroom_teacher_code").into_iter().collect()).await?,
        })
    }

    /// Which class a row is about; takes the cells that say so.
    fn key(&self, row: &mut ImportRow) -> Result<Key, RowResult> {
        let (unit_code, year_code): (Code, Code) = (row.require("unit_code")?, row.require("school_year_code")?);
        let unit = self.unit_ids.get(unit_code.as_str()).ok_or_else(|| row.failed("unit_code", "unknown_unit", "no unit of this code whose classes you may keep"))?;
        let year = self.years.get(year_code.as_str()).ok_or_else(|| row.failed("school_year_code", "unknown_school_year", "no school year of this code"))?;
        let name = row.cells.get("name").and_then(Value::as_str).and_then(|name| Code::parse(name).ok()).map(|name| name.comparison_key());
        Ok((*unit, *year, name.unwrap_or_default()))
    }

    /// What a row makes of a class.
    fn input(&self, mut row: ImportRow, (unit, year, _): &Key, held: Option<&(ClassRecord, bool)>) -> Result<ClassInput, RowResult> {
        if held.is_some_and(|(_, may)| !may) {
            return Err(row.failed("name", "forbidden", "the class is outside your grants"));
        }
        let before = held.map(|(record, _)| record.columns.to_input()).transpose().map_err(|_| row.failed("", "invalid", "the record cannot be read"))?;
        let mut fixed = vec![("unit_id", json!(unit)), ("school_year_id", json!(year))];
        if before.is_none() {
            fixed.push(("status", json!("active")));
        }
        if row.cells.contains_key("homeroom_teacher_code") {
            fixed.push(("homeroom_teacher_id", json!(self.homeroom_teacher(&mut row)?)));
        }
        let input: ClassInput = row.onto(before.as_ref(), &fixed)?;
        let Some(granted) = self.units.get(unit) else { return Err(row.failed("unit_code", "unknown_unit", "no unit of this code whose classes you may keep")) };
        if !granted.permits(Some(input.education_level)) {
            return Err(row.failed("education_level", "forbidden", "the education level is outside your grants"));
        }
        if granted.unit.status != "open" && before.is_none() {
            return Err(row.failed("unit_code", "unit_closed", "the unit is closed"));
        }
        match input.check().and_then(|()| input.check_level_of(&granted.unit.education_levels)) {
            Ok(()) => Ok(input),
            Err(error) => Err(RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the class cannot be kept"))),
        }
    }

    fn homeroom_teacher(&self, row: &mut ImportRow) -> Result<Option<Uuid>, RowResult> {
        let Some(code) = row.take::<Code>("homeroom_teacher_code")? else { return Ok(None) };
        match self.staff.get(code.as_str()) {
            Some((id, false)) => Ok(Some(*id)),
            Some((_, true)) => Err(row.failed("homeroom_teacher_code", "staff_ended", "this member of staff has left")),
            None => Err(row.failed("homeroom_teacher_code", "unknown_staff", "no staff record of this code is known here yet")),
        }
    }
}
