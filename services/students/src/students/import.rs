//! Students with their enrolment from a CSV file: a row is a student, found again by the code, in a class.
//!
//! Everything the rows of a chunk name is read in a few statements, each row is decided in memory
//! ([`super::admission`]), and what is to be written is written in a few statements ([`super::import_writes`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::{Code, Gender, PersonName, PersonalNumber};
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
    admission::{self, Held, Step, Wanted},
    import_writes::Writes,
    model::{StudentInput, StudentRecord, StudentStatus},
    store,
};
use crate::{
    classes::{self, model::ClassRecord},
    enrolments::{self, model::EnrolmentInput},
    school_years,
};

/// A row of a student file. See `StudentInput` and `EnrolmentInput` for the fields.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentRow {
    /// Student code; the student is found again by it.
    code: Code,
    /// Full name.
    full_name: PersonName,
    /// Date of birth.
    birth_date: NaiveDate,
    /// Gender.
    gender: Gender,
    /// Personal number.
    personal_number: Option<PersonalNumber>,
    /// The code of the class's unit.
    unit_code: Code,
    /// The code of the class's school year.
    school_year_code: Code,
    /// The name of the class.
    class_name: Code,
    /// The first day in the class.
    enrolled_on: NaiveDate,
    /// The last day in the class, for those who left it.
    ended_on: Option<NaiveDate>,
    /// Why they left it.
    #[schema(min_length = 1, max_length = 500)]
    end_reason: Option<String>,
}

/// Imports students.
pub struct StudentImporter;

/// A row with its class.
struct Target {
    line: i32,
    row: StudentRow,
    unit_id: Uuid,
    class: usize,
}

#[async_trait]
impl Importer for StudentImporter {
    fn resource(&self) -> &'static str {
        "students"
    }

    fn action(&self) -> Action {
        Action::StudentsWrite
    }

    fn schema(&self) -> Value {
        contract::schema_of::<StudentRow>()
    }

    fn chunk(&self) -> usize {
        2000
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            match row.typed::<StudentRow>() {
                Ok(student) => typed.push((row.line, student)),
                Err(failed) => results.push(failed),
            }
        }
        let named = Named::load(conn, access, &typed).await?;
        let mut known = Known::load(conn, access, &typed).await?;
        let mut writes = Writes::default();
        for (line, row) in typed {
            let result = named.target(line, row).and_then(|target| known.decide(access, &named, target, &mut writes));
            results.push(result.unwrap_or_else(|refused| refused));
        }
        writes.run(conn, access).await?;
        Ok(results)
    }
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
    async fn load(conn: &mut Connection, access: &Access, rows: &[(i32, StudentRow)]) -> StoreResult<Self> {
        let distinct = |text: fn(&StudentRow) -> String| rows.iter().map(|(_, row)| text(row)).collect::<BTreeSet<String>>();
        let units = units::by_codes(conn, access, Action::StudentsWrite, distinct(|row| row.unit_code.to_string()).into_iter()).await?;
        let years = school_years::store::by_codes(conn, access, distinct(|row| row.school_year_code.to_string()).into_iter().collect()).await?;
        let names = distinct(|row| row.class_name.comparison_key()).into_iter().collect();
        let (unit_ids, year_ids) = (units.values().map(|granted| granted.unit.id).collect(), years.values().copied().collect());
        let classes = classes::store::by_names(conn, access, Action::StudentsWrite, unit_ids, year_ids, names).await?;
        let key = |class: &ClassRecord| (class.columns.unit_id, class.columns.school_year_id, class.columns.name_key.clone());
        let places = classes.iter().enumerate().map(|(place, (class, _))| (key(class), place)).collect();
        Ok(Named { units, years, places, classes })
    }

    fn target(&self, line: i32, row: StudentRow) -> Result<Target, RowResult> {
        let refuse = |field: &str, code: &str, detail: &str| Err(RowResult::failed(line, field, code, detail));
        let Some(GrantedUnit { unit, .. }) = self.units.get(row.unit_code.as_str()) else {
            return refuse("unit_code", "unknown_unit", "no unit of this code whose students you may keep");
        };
        let Some(year) = self.years.get(row.school_year_code.as_str()) else {
            return refuse("school_year_code", "unknown_school_year", "no school year of this code");
        };
        let place = self.places.get(&(unit.id, *year, row.class_name.comparison_key())).copied();
        let (unit_id, enrolment) = (unit.id, enrolment(&row));
        match place.and_then(|place| Some((place, self.classes.get(place)?))) {
            None => refuse("class_name", "unknown_class", "no class of this name in this unit and school year"),
            Some((_, (_, false))) => refuse("class_name", "forbidden", "the class is outside your grants"),
            Some((_, (class, true))) if class.columns.ended_on.is_some_and(|last| enrolment.ended_on.is_none_or(|ended| ended > last)) => {
                refuse("class_name", "class_ended", "the class has ended")
            }
            Some((place, _)) => Ok(Target { line, row, unit_id, class: place }),
        }
    }
}

/// The enrolment part of a row, for its rules; student and class are found otherwise.
fn enrolment(row: &StudentRow) -> EnrolmentInput {
    EnrolmentInput { student_id: Uuid::nil().into(), class_id: Uuid::nil().into(), enrolled_on: row.enrolled_on, ended_on: row.ended_on, end_reason: row.end_reason.clone() }
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
    async fn load(conn: &mut Connection, access: &Access, rows: &[(i32, StudentRow)]) -> StoreResult<Self> {
        let codes: BTreeSet<String> = rows.iter().map(|(_, row)| row.code.to_string()).collect();
        let students = store::by_codes(conn, access, codes.into_iter().collect()).await?;
        let ids = students.iter().map(|(student, ..)| student.id).collect();
        let mut held: HashMap<Uuid, Vec<Held>> = HashMap::new();
        for enrolment in enrolments::store::of_students(conn, access, ids).await? {
            held.entry(enrolment.columns.student_id).or_default().push(enrolment.into());
        }
        let numbers: Vec<String> = rows.iter().filter_map(|(_, row)| Some(row.personal_number.as_ref()?.as_str().to_owned())).collect();
        Ok(Known {
            students: students.into_iter().map(|student| (student.0.columns.code.clone(), student)).collect(),
            enrolments: held,
            owners: store::personal_numbers_in_use(conn, access, numbers).await?.into_iter().collect(),
            seen: HashSet::new(),
        })
    }

    /// Decides on a row and notes what is to be written.
    fn decide(&mut self, access: &Access, named: &Named, target: Target, writes: &mut Writes) -> Result<RowResult, RowResult> {
        let Target { line, row, unit_id, class } = target;
        let refuse = |field: &str, code: &str, detail: &str| RowResult::failed(line, field, code, detail);
        let code = row.code.to_string();
        let number = row.personal_number.as_ref().map(|number| number.as_str().to_owned());
        if !self.seen.insert(code.clone()) {
            return Err(refuse("code", "repeated", "the code stands in the file twice"));
        }
        if number.is_some_and(|number| *self.owners.entry(number).or_insert_with(|| code.clone()) != code) {
            return Err(refuse("personal_number", "already_used", "another student has this value"));
        }
        let Some((class, _)) = named.classes.get(class) else { return Err(refuse("class_name", "unknown_class", "no such class")) };
        let held = self.students.get(&code);
        let input = input(&row, unit_id, held.map(|(student, ..)| student)).map_err(|error| of_rule(line, &error))?;
        enrolment(&row).check(access.today).and_then(|()| input.check(access.today)).map_err(|error| of_rule(line, &error))?;
        if row.enrolled_on < row.birth_date {
            return Err(refuse("enrolled_on", "not_after", "is before the student's birth"));
        }
        let wanted = Wanted { class_id: class.id, school_year_id: class.columns.school_year_id, enrolled_on: row.enrolled_on, ended_on: row.ended_on };
        let Some((student, sees, may)) = held else {
            writes.create(&input, class, &wanted, row.end_reason).map_err(|error| of_rule(line, &error))?;
            return Ok(RowResult { line, outcome: Outcome::Created });
        };
        // Rules speak of the student's enrolments: only to those who may know of them.
        if !sees && !may {
            return Err(refuse("code", "forbidden", "the student is outside your grants"));
        }
        let step =
            admission::decide(self.enrolments.get(&student.id).map(Vec::as_slice).unwrap_or_default(), &wanted).map_err(|(field, code, detail)| refuse(field, code, detail))?;
        let class_after = admission::class_after(&step, &wanted, student.placement.class_id);
        // The receiving class decides who may take a student in; anything else needs the right over the student.
        let taken_in = class_after == Some(class.id) && student.placement.class_id != class_after;
        if !may && !taken_in {
            return Err(refuse("code", "forbidden", "the student is outside your grants"));
        }
        if student.columns.ended_on.is_some() && matches!(step, Step::Begin(_)) && wanted.ended_on.is_none() {
            return Err(refuse("code", "ended", "the student's record has ended"));
        }
        let changed = writes.change(student, &input, class, &wanted, (step, row.end_reason, class_after)).map_err(|error| of_rule(line, &error))?;
        Ok(RowResult { line, outcome: if changed { Outcome::Changed } else { Outcome::Unchanged } })
    }
}

/// A row as a student; what a file does not know stays as it is.
fn input(row: &StudentRow, unit_id: Uuid, held: Option<&StudentRecord>) -> StoreResult<StudentInput> {
    let before = held.map(StudentRecord::to_input).transpose()?;
    let (status, ended_on, end_reason) = before.map_or((StudentStatus::Active, None, None), |before| (before.status, before.ended_on, before.end_reason));
    Ok(StudentInput {
        code: row.code.clone(),
        full_name: row.full_name.clone(),
        birth_date: row.birth_date,
        gender: row.gender,
        personal_number: row.personal_number.clone(),
        unit_id: unit_id.into(),
        status,
        ended_on,
        end_reason,
    })
}

fn of_rule(line: i32, error: &StoreError) -> RowResult {
    match error {
        StoreError::Invalid { pointer, code, detail } => RowResult::failed(line, pointer.trim_start_matches('/'), code, detail.clone()),
        other => RowResult::failed(line, "", "invalid", other.to_string()),
    }
}
