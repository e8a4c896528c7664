//! Classes from a CSV file: a row is a whole class, found again by its unit, school year and name.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::{Code, EducationLevel, StaffId};
use registrar_http::{
    contract,
    imports::{ImportRow, Importer, Outcome, RowResult},
};
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    model::{ClassColumns, ClassInput, ClassRecord, ClassStatus},
    store, writes,
};
use crate::{batch, copies, school_years};

/// A row of a class file. See `ClassInput` for the fields.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassRow {
    /// The code of the unit.
    unit_code: Code,
    /// The code of the school year.
    school_year_code: Code,
    /// Class name; the class is found again by it, in its unit and school year.
    name: Code,
    /// The education level.
    education_level: EducationLevel,
    /// Grade.
    #[schema(minimum = 1, maximum = 12)]
    grade: Option<i16>,
    /// The staff code of the homeroom teacher.
    homeroom_teacher_code: Option<Code>,
}

/// Imports classes.
pub struct ClassImporter;

/// What a class is found again by.
type Key = (Uuid, Uuid, String);

fn key(columns: &ClassColumns) -> Key {
    (columns.unit_id, columns.school_year_id, columns.name_key.clone())
}

#[async_trait]
impl Importer for ClassImporter {
    fn resource(&self) -> &'static str {
        "classes"
    }

    fn action(&self) -> Action {
        Action::ClassesWrite
    }

    fn schema(&self) -> Value {
        contract::schema_of::<ClassRow>()
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let inputs = inputs(conn, access, rows, &mut results).await?;
        let known = known(conn, access, &inputs).await?;
        let mut seen = HashSet::new();
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (line, mut input) in inputs {
            let key = key(&input.columns());
            let outcome = if !seen.insert(key.clone()) {
                RowResult::failed(line, "name", "repeated", "the class stands in the file twice")
            } else if let Err(StoreError::Invalid { pointer, code, detail }) = input.check() {
                RowResult::failed(line, pointer.trim_start_matches('/'), code, detail)
            } else {
                match known.get(&key) {
                    None => {
                        new.push(object(Uuid::now_v7(), 1, &input.columns())?);
                        RowResult { line, outcome: Outcome::Created }
                    }
                    Some((_, false)) => RowResult::failed(line, "name", "forbidden", "the class is outside your grants"),
                    Some((record, true)) => {
                        // A file does not know which classes have ended.
                        let before = record.columns.to_input()?;
                        (input.status, input.ended_on, input.end_reason) = (before.status, before.ended_on, before.end_reason);
                        let columns = input.columns();
                        let outcome = if columns == record.columns { Outcome::Unchanged } else { Outcome::Changed };
                        if outcome == Outcome::Changed {
                            changed.push((record.clone(), columns));
                        }
                        RowResult { line, outcome }
                    }
                }
            };
            results.push(outcome);
        }
        batch::insert(conn, access, "classes", &ClassColumns::NAMES, new).await?;
        let objects = changed.iter().map(|(record, columns)| object(record.id, record.version, columns)).collect::<StoreResult<_>>()?;
        batch::update(conn, access, "classes", &ClassColumns::NAMES, objects).await?;
        for (record, columns) in &changed {
            writes::follow(conn, access, record, columns).await?;
        }
        Ok(results)
    }
}

/// A row as it is written with others.
fn object(id: Uuid, version: i64, columns: &ClassColumns) -> StoreResult<Value> {
    let mut object = serde_json::to_value(columns).map_err(|_| StoreError::Broken("a class cannot be written as JSON"))?;
    if let Value::Object(fields) = &mut object {
        fields.insert("id".into(), Value::from(id.to_string()));
        fields.insert("version".into(), Value::from(version));
    }
    Ok(object)
}

async fn known(conn: &mut Connection, access: &Access, inputs: &[(i32, ClassInput)]) -> StoreResult<HashMap<Key, (ClassRecord, bool)>> {
    let keys: Vec<Key> = inputs.iter().map(|(_, input)| key(&input.columns())).collect();
    let distinct = |part: fn(&Key) -> Uuid| keys.iter().map(part).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let names: BTreeSet<String> = keys.iter().map(|(_, _, name)| name.clone()).collect();
    let rows = store::by_names(conn, access, Action::ClassesWrite, distinct(|key| key.0), distinct(|key| key.1), names.into_iter().collect()).await?;
    Ok(rows.into_iter().map(|(record, may)| (key(&record.columns), (record, may))).collect())
}

/// Rows as inputs, what they name by code found; the others' results.
async fn inputs(conn: &mut Connection, access: &Access, rows: Vec<ImportRow>, results: &mut Vec<RowResult>) -> StoreResult<Vec<(i32, ClassInput)>> {
    let mut typed = Vec::with_capacity(rows.len());
    for row in rows {
        match row.typed::<ClassRow>() {
            Ok(class) => typed.push((row.line, class)),
            Err(failed) => results.push(failed),
        }
    }
    let distinct = |code: fn(&ClassRow) -> Option<&Code>| typed.iter().filter_map(|(_, row)| code(row)).map(ToString::to_string).collect::<BTreeSet<String>>();
    let named = Named {
        units: units::by_codes(conn, access, Action::ClassesWrite, distinct(|row| Some(&row.unit_code)).into_iter()).await?,
        years: school_years::store::by_codes(conn, access, distinct(|row| Some(&row.school_year_code)).into_iter().collect()).await?,
        staff: copies::staff_by_codes(conn, access, distinct(|row| row.homeroom_teacher_code.as_ref()).into_iter().collect()).await?,
    };
    let mut inputs = Vec::with_capacity(typed.len());
    for (line, row) in typed {
        match named.input(row) {
            Ok(input) => inputs.push((line, input)),
            Err((field, code, detail)) => results.push(RowResult::failed(line, field, code, detail)),
        }
    }
    Ok(inputs)
}

/// What the rows of a chunk name by code.
struct Named {
    units: HashMap<String, GrantedUnit>,
    years: HashMap<String, Uuid>,
    /// Id, and whether they have left.
    staff: HashMap<String, (Uuid, bool)>,
}

impl Named {
    fn input(&self, row: ClassRow) -> Result<ClassInput, (&'static str, &'static str, String)> {
        let granted = self.units.get(row.unit_code.as_str()).ok_or(("unit_code", "unknown_unit", "no unit of this code whose classes you may keep".to_owned()))?;
        if !granted.permits(Some(row.education_level)) {
            return Err(("education_level", "forbidden", "the education level is outside your grants".into()));
        }
        let unit = &granted.unit;
        if unit.status != "open" {
            return Err(("unit_code", "unit_closed", "the unit is closed".into()));
        }
        let year = self.years.get(row.school_year_code.as_str()).ok_or(("school_year_code", "unknown_school_year", "no school year of this code".to_owned()))?;
        let teacher = match row.homeroom_teacher_code.as_ref().map(|code| self.staff.get(code.as_str())) {
            None => None,
            Some(Some((id, false))) => Some(StaffId::from(*id)),
            Some(Some((_, true))) => return Err(("homeroom_teacher_code", "staff_ended", "this member of staff has left".into())),
            Some(None) => return Err(("homeroom_teacher_code", "unknown_staff", "no staff record of this code is known here yet".into())),
        };
        let input = ClassInput {
            name: row.name,
            unit_id: unit.id.into(),
            school_year_id: (*year).into(),
            education_level: row.education_level,
            grade: row.grade,
            homeroom_teacher_id: teacher,
            status: ClassStatus::Active,
            ended_on: None,
            end_reason: None,
        };
        match input.check_level_of(&unit.education_levels) {
            Err(StoreError::Invalid { code, detail, .. }) => Err(("education_level", code, detail)),
            _ => Ok(input),
        }
    }
}
