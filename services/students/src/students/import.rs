//! Students with their enrolment from spreadsheets: a row is a student, found again by the code, and the class they are
//! in; what the file has no column for stays as it is.
//!
//! Everything the rows of a chunk name is read in a few statements, each row is decided in memory
//! ([`super::admission`]), and what is to be written is written in a few statements ([`super::import_writes`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    admission::{self, Held, Wanted},
    columns::COLUMNS,
    import_writes::Writes,
    model::{StudentInput, StudentRecord},
    parents, store,
};
use crate::{
    classes::{self, model::ClassRecord},
    enrolments::{self, model::EnrolmentInput},
    school_years,
};

/// Imports students.
pub struct StudentImporter;

/// The cells of a row that say which class the student is in, and since when.
struct Admission {
    school_year_code: Code,
    class_name: Code,
    enrolled_on: NaiveDate,
    ended_on: Option<NaiveDate>,
    end_reason: Option<String>,
}

impl Admission {
    /// Takes the cells; none when the row names no class.
    fn of(row: &mut ImportRow) -> Result<Option<Self>, RowResult> {
        let (class_name, ended_on, end_reason) = (row.take("class_name")?, row.take("ended_on")?, row.take("end_reason")?);
        let Some(class_name) = class_name else {
            let enrolled_on: Option<NaiveDate> = row.take("enrolled_on")?;
            row.cells.remove("school_year_code");
            return if enrolled_on.is_none() && ended_on.is_none() { Ok(None) } else { Err(row.failed("class_name", "required", "goes with the days in a class")) };
        };
        Ok(Some(Admission { school_year_code: row.require("school_year_code")?, class_name, enrolled_on: row.require("enrolled_on")?, ended_on, end_reason }))
    }

    /// As an enrolment, for its rules; student and class are found otherwise.
    fn enrolment(&self) -> EnrolmentInput {
        EnrolmentInput { student_id: Uuid::nil().into(), class_id: Uuid::nil().into(), enrolled_on: self.enrolled_on, ended_on: self.ended_on, end_reason: self.end_reason.clone() }
    }
}

/// A row with its unit and class.
struct Target {
    row: ImportRow,
    unit_id: Uuid,
    /// The admission, and the place of the class among those named.
    admission: Option<(Admission, usize)>,
}

#[async_trait]
impl Importer for StudentImporter {
    fn resource(&self) -> &'static str {
        "students"
    }

    fn action(&self) -> Action {
        Action::StudentsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn chunk(&self) -> usize {
        2000
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let named = Named::load(conn, access, &rows).await?;
        let mut known = Known::load(conn, access, &rows).await?;
        let of_others = parents::numbers_of_others(conn, access, &rows).await?;
        let (mut writes, mut all_parents) = (Writes::default(), Vec::new());
        let mut results = Vec::with_capacity(rows.len());
        let mut units = HashMap::new();
        for mut row in rows {
            let code = row.cells.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
            let decided = parents::take(&mut row, &code, access.today, &of_others).and_then(|parents| {
                let target = named.target(row)?;
                units.insert(target.row.line, target.unit_id);
                Ok((known.decide(access, &named, target, &mut writes)?, parents))
            });
            match decided {
                Ok((result, parents)) => {
                    results.push(result);
                    all_parents.extend(parents);
                }
                Err(refused) => results.push(refused),
            }
        }
        writes.run(conn, access).await?;
        let changed = parents::write(conn, access, all_parents).await?;
        for result in results.iter_mut().filter(|result| result.outcome == Outcome::Unchanged && changed.contains(&result.line)) {
            result.outcome = Outcome::Changed(units.get(&result.line).copied().unwrap_or_default());
        }
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// The distinct texts of a column.
fn texts(rows: &[ImportRow], field: &str) -> BTreeSet<String> {
    rows.iter().filter_map(|row| Some(row.cells.get(field)?.as_str()?.to_owned())).collect()
}

/// What the rows of a chunk name by code.
struct Named {
    units: HashMap<String, GrantedUnit>,
    years: HashMap<String, Uuid>,
    /// Places in `classes` by unit, school year and comparison key of the name.
    places: HashMap<(Uuid, Uuid, String), usize>,
    /// Classes, and whether the caller may write students in each.
    classes: Vec<(ClassRecord, bool)>,
}

impl Named {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let units = units::by_codes(conn, access, Action::StudentsWrite, texts(rows, "unit_code").into_iter()).await?;
        let years = school_years::store::by_codes(conn, access, texts(rows, "school_year_code").into_iter().collect()).await?;
        let names: BTreeSet<String> = texts(rows, "class_name").iter().filter_map(|name| Some(Code::parse(name).ok()?.comparison_key())).collect();
        let (unit_ids, year_ids) = (units.values().map(|granted| granted.unit.id).collect(), years.values().copied().collect());
        let classes = classes::store::by_names(conn, access, Action::StudentsWrite, unit_ids, year_ids, names.into_iter().collect()).await?;
        let key = |class: &ClassRecord| (class.columns.unit_id, class.columns.school_year_id, class.columns.name_key.clone());
        let places = classes.iter().enumerate().map(|(place, (class, _))| (key(class), place)).collect();
        Ok(Named { units, years, places, classes })
    }

    fn target(&self, mut row: ImportRow) -> Result<Target, RowResult> {
        let unit_code: Code = row.require("unit_code")?;
        let admission = Admission::of(&mut row)?;
        let Some(GrantedUnit { unit, .. }) = self.units.get(unit_code.as_str()) else {
            return Err(row.failed("unit_code", "unknown_unit", "no unit of this code whose students you may keep"));
        };
        let Some(admission) = admission else { return Ok(Target { row, unit_id: unit.id, admission: None }) };
        let Some(year) = self.years.get(admission.school_year_code.as_str()) else {
            return Err(row.failed("school_year_code", "unknown_school_year", "no school year of this code"));
        };
        let place = self.places.get(&(unit.id, *year, admission.class_name.comparison_key())).copied();
        match place.and_then(|place| Some((place, self.classes.get(place)?))) {
            None => Err(row.failed("class_name", "unknown_class", "no class of this name in this unit and school year")),
            Some((_, (_, false))) => Err(row.failed("class_name", "forbidden", "the class is outside your grants")),
            Some((_, (class, true))) if class.columns.ended_on.is_some_and(|last| admission.ended_on.is_none_or(|ended| ended > last)) => {
                Err(row.failed("class_name", "class_ended", "the class has ended"))
            }
            Some((place, _)) => Ok(Target { row, unit_id: unit.id, admission: Some((admission, place)) }),
        }
    }
}

/// What is held of the students that the rows of a chunk name.
struct Known {
    /// Students by code, and whether the caller may see and change each.
    students: HashMap<String, (StudentRecord, bool, bool)>,
    enrolments: HashMap<Uuid, Vec<Held>>,
    /// Codes of the students who have these personal numbers.
    owners: HashMap<String, String>,
    /// Codes seen in the file.
    seen: HashSet<String>,
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let students = store::by_codes(conn, access, texts(rows, "code").into_iter().collect()).await?;
        let ids = students.iter().map(|(student, ..)| student.id).collect();
        let mut held: HashMap<Uuid, Vec<Held>> = HashMap::new();
        for enrolment in enrolments::store::of_students(conn, access, ids).await? {
            held.entry(enrolment.columns.student_id).or_default().push(enrolment.into());
        }
        let numbers = texts(rows, "personal_number").into_iter().collect();
        Ok(Known {
            students: students.into_iter().map(|student| (student.0.columns.code.clone(), student)).collect(),
            enrolments: held,
            owners: store::personal_numbers_in_use(conn, access, numbers).await?.into_iter().collect(),
            seen: HashSet::new(),
        })
    }

    /// Decides on a row and notes what is to be written.
    fn decide(&mut self, access: &Access, named: &Named, target: Target, writes: &mut Writes) -> Result<RowResult, RowResult> {
        let Target { row, unit_id, admission } = target;
        let code = row.cells.get("code").and_then(Value::as_str).and_then(|code| Code::parse(code).ok()).map(|code| code.to_string()).unwrap_or_default();
        if !self.seen.insert(code.clone()) {
            return Err(row.failed("code", "repeated", "the code stands in the file twice"));
        }
        let held = self.students.get(&code);
        // Rules speak of the student's enrolments: only to those who may know of them.
        if held.is_some_and(|(_, sees, may)| !sees && !may) {
            return Err(row.failed("code", "forbidden", "the student is outside your grants"));
        }
        let broken = |_| row.failed("", "invalid", "the record cannot be read");
        let before = held.map(|(student, ..)| student.to_input()).transpose().map_err(broken)?;
        let mut fixed = Vec::new();
        if before.is_none() {
            fixed.extend([("unit_id", json!(unit_id)), ("status", json!("active"))]);
        }
        let input: StudentInput = row.onto(before.as_ref(), &fixed)?;
        let input = before.iter().fold(input, |input, before| input.following(before));
        if let Some(number) = &input.personal_number
            && *self.owners.entry(number.as_str().to_owned()).or_insert_with(|| code.clone()) != code
        {
            return Err(row.failed("personal_number", "already_used", "another student has this value"));
        }
        let refused = |error| RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the student cannot be kept"));
        let enrolment = admission.as_ref().map_or(Ok(()), |(admission, _)| admission.enrolment().check(access.today));
        enrolment.and_then(|()| input.check(access.today)).map_err(refused)?;
        let Some((admission, class)) = admission else {
            let outcome = match held {
                None => writes.create_alone(&input, unit_id).map(|()| Outcome::Created),
                Some((_, _, false)) => return Err(row.failed("code", "forbidden", "the student is outside your grants")),
                Some((student, ..)) if student.placement.unit_id != unit_id => {
                    return Err(row.failed("unit_code", "moved_by_transfer", "another unit keeps the record: name the class and the first day in it"));
                }
                Some((student, ..)) => writes.change_alone(student, &input).map(|changed| of(student, changed)),
            };
            return Ok(RowResult { line: row.line, outcome: outcome.map_err(refused)? });
        };
        if admission.enrolled_on < input.birth_date {
            return Err(row.failed("enrolled_on", "not_after", "is before the student's birth"));
        }
        let Some((class, _)) = named.classes.get(class) else { return Err(row.failed("class_name", "unknown_class", "no such class")) };
        let wanted = Wanted { class_id: class.id, school_year_id: class.columns.school_year_id, enrolled_on: admission.enrolled_on, ended_on: admission.ended_on };
        let Some((student, _, may)) = held else {
            writes.create(&input, class, &wanted, admission.end_reason).map_err(refused)?;
            return Ok(RowResult { line: row.line, outcome: Outcome::Created });
        };
        let step =
            admission::decide(self.enrolments.get(&student.id).map(Vec::as_slice).unwrap_or_default(), &wanted).map_err(|(field, code, detail)| row.failed(field, code, detail))?;
        let class_after = admission::class_after(&step, &wanted, student.placement.class_id);
        // The receiving class decides who may take a student in; anything else needs the right over the student.
        let taken_in = class_after == Some(class.id) && student.placement.class_id != class_after;
        if !may && !taken_in {
            return Err(row.failed("code", "forbidden", "the student is outside your grants"));
        }
        if student.columns.ended_on.is_some() && matches!(step, admission::Step::Begin(_)) && wanted.ended_on.is_none() {
            return Err(row.failed("code", "ended", "the student's record has ended"));
        }
        let changed = writes.change(student, &input, class, &wanted, (step, admission.end_reason, class_after)).map_err(refused)?;
        Ok(RowResult { line: row.line, outcome: of(student, changed) })
    }
}

fn of(student: &StudentRecord, changed: bool) -> Outcome {
    if changed { Outcome::Changed(student.placement.unit_id) } else { Outcome::Unchanged }
}
