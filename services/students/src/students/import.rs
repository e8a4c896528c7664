//! Students with their enrolment from spreadsheets: a row is a student, found again by the code, and the class they are
//! in; what the file has no column for stays as it is.
//!
//! Everything the rows of a chunk name is read in a few statements, each row is decided in memory
//! ([`crate::enrolments::admission`]), and what is to be written is written in a few statements ([`super::import_writes`]).

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    import_writes::Writes,
    model::{StudentInput, StudentRecord},
    parents, store,
};
use crate::{
    classes::model::ClassRecord,
    enrolments::{
        self,
        admission::{self, Held, Step, Wanted},
        ending::{EndCells, Seat},
    },
    named::Named,
};

/// Imports students.
pub struct StudentImporter;

/// The cells of a row that say which class the student is in, and since when.
struct Admission {
    school_year_code: Code,
    class_name: Code,
    enrolled_on: NaiveDate,
    end: EndCells,
}

impl Admission {
    /// Takes the cells; none when the row names no class.
    fn of(row: &mut ImportRow) -> Result<Option<Self>, RowResult> {
        let (class_name, end) = (row.take("class_name")?, EndCells::take(row)?);
        let Some(class_name) = class_name else {
            let enrolled_on: Option<NaiveDate> = row.take("enrolled_on")?;
            row.cells.remove("school_year_code");
            return if enrolled_on.is_none() && end.ended_on.is_none() { Ok(None) } else { Err(row.failed("class_name", "required", "goes with the days in a class")) };
        };
        Ok(Some(Admission { school_year_code: row.require("school_year_code")?, class_name, enrolled_on: row.require("enrolled_on")?, end }))
    }
}

/// A row with its unit, and the class that it names.
struct Target<'a> {
    row: ImportRow,
    unit_id: Uuid,
    admission: Option<(&'a ClassRecord, Wanted)>,
}

impl<'a> Target<'a> {
    fn of(mut row: ImportRow, named: &'a Named) -> Result<Self, RowResult> {
        let unit_code: Code = row.require("unit_code")?;
        let admission = Admission::of(&mut row)?;
        let unit = named.unit(&row, &unit_code)?;
        let unit_id = unit.unit.id;
        let Some(Admission { school_year_code, class_name, enrolled_on, end }) = admission else { return Ok(Target { row, unit_id, admission: None }) };
        let class = named.class(&row, unit, &school_year_code, &class_name)?;
        if class.columns.ended_on.is_some_and(|last| end.ended_on.is_none_or(|ended| ended > last)) {
            return Err(row.failed("class_name", "class_ended", "the class has ended"));
        }
        Ok(Target { row, unit_id, admission: Some((class, Wanted { class_id: class.id, seat: Seat::from(&class.columns), enrolled_on, end })) })
    }
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
        let named = Named::load(conn, access, Action::StudentsWrite, &rows).await?;
        let mut known = Known::load(conn, access, &rows).await?;
        let of_others = parents::numbers_of_others(conn, access, &rows).await?;
        let (mut writes, mut all_parents) = (Writes::default(), Vec::new());
        let mut results = Vec::with_capacity(rows.len());
        let mut units = HashMap::new();
        for mut row in rows {
            let code = row.cells.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
            let decided = parents::take(&mut row, &code, access.today, &of_others).and_then(|parents| {
                let target = Target::of(row, &named)?;
                units.insert(target.row.line, target.unit_id);
                Ok((known.decide(access, target, &mut writes)?, parents))
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
    fn decide(&mut self, access: &Access, target: Target<'_>, writes: &mut Writes) -> Result<RowResult, RowResult> {
        let Target { mut row, unit_id, admission } = target;
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
        input.check(access.today).map_err(refused)?;
        let Some((class, wanted)) = admission else {
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
        if wanted.enrolled_on < input.birth_date {
            return Err(row.failed("enrolled_on", "not_after", "is before the student's birth"));
        }
        let enrolments = held.and_then(|(student, ..)| self.enrolments.get(&student.id)).map(Vec::as_slice).unwrap_or_default();
        let step = admission::decide(enrolments, &wanted).map_err(|(field, code, detail)| row.failed(field, code, detail))?;
        step.check(&wanted, access.today).map_err(refused)?;
        let Some((student, _, may)) = held else {
            if let Step::Begin(_, ending) = &step {
                writes.create(&input, class, &wanted, ending).map_err(refused)?;
            }
            return Ok(RowResult { line: row.line, outcome: Outcome::Created });
        };
        let class_after = admission::class_after(&step, &wanted, student.placement.class_id);
        // The receiving class decides who may take a student in; anything else needs the right over the student.
        let taken_in = class_after == Some(class.id) && student.placement.class_id != class_after;
        if !may && !taken_in {
            return Err(row.failed("code", "forbidden", "the student is outside your grants"));
        }
        if student.columns.ended_on.is_some() && matches!(&step, Step::Begin(_, ending) if ending.ended_on.is_none()) {
            return Err(row.failed("code", "ended", "the student's record has ended"));
        }
        let changed = writes.change(student, &input, class, &wanted, (step, class_after)).map_err(refused)?;
        Ok(RowResult { line: row.line, outcome: of(student, changed) })
    }
}

fn of(student: &StudentRecord, changed: bool) -> Outcome {
    if changed { Outcome::Changed(student.placement.unit_id) } else { Outcome::Unchanged }
}
