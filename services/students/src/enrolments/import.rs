//! Enrolments from spreadsheets: a row is an enrolment, found again by student, class and first day. Another class from a
//! later day ends the open enrolment, as a transfer does, so that a file of next year's classes promotes a school.
//!
//! What rows name is read in a few statements; each row is decided on what the rows before it made of the student's
//! enrolments ([`super::admission`]), in memory; what came of it is written in a few statements.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, batch as rows};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{
    admission::{self, Held, Step, Wanted},
    batch,
    columns::COLUMNS,
    ending::{EndCells, Ending, Seat},
    store,
};
use crate::{
    classes::{self, model::ClassRecord},
    named::Named,
    students::{
        self,
        model::{Placement, StudentRecord},
    },
};

/// Imports enrolments.
pub struct EnrolmentImporter;

#[async_trait]
impl Importer for EnrolmentImporter {
    fn resource(&self) -> &'static str {
        "enrolments"
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
        let results = rows.into_iter().map(|row| known.decide(access, &named, row).unwrap_or_else(|refused| refused)).collect();
        known.write(conn, access, &named).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_open_by_unit(conn, access, units).await
    }
}

/// A student whom rows name.
struct Pupil {
    record: StudentRecord,
    /// Whether the caller may see the record.
    seen: bool,
    /// The enrolments as they were.
    before: HashMap<Uuid, Held>,
    /// The enrolments as the rows so far make them.
    now: Vec<Held>,
}

impl Pupil {
    /// Makes of the enrolments what a step says.
    fn take(&mut self, step: Step, wanted: &Wanted) {
        match step {
            Step::Nothing => {}
            Step::Change(held, ending) => self.replace(Held { enrolled_on: wanted.enrolled_on, ending, ..held }),
            Step::Begin(open, ending) => {
                if let Some((open, ended)) = open {
                    self.replace(Held { ending: ended, ..open });
                }
                self.now.push(Held { id: Uuid::now_v7(), version: 1, class_id: wanted.class_id, seat: wanted.seat, enrolled_on: wanted.enrolled_on, ending });
            }
        }
    }

    /// Where the enrolments put the student, when that is elsewhere: as [`students::placement`] has it, without joining
    /// tables of which the database may not know yet how large they have become.
    fn moved(&self) -> Option<Placement> {
        let before = &self.record.placement;
        let open = self.now.iter().find(|held| held.ending.ended_on.is_none());
        let after = match open {
            Some(Held { class_id, seat, .. }) => {
                Placement { unit_id: seat.unit_id, education_level: seat.education_level.map(|level| level.as_str().to_owned()), class_id: Some(*class_id) }
            }
            None => Placement { class_id: None, ..before.clone() },
        };
        (after != *before).then_some(after)
    }

    fn replace(&mut self, held: Held) {
        if let Some(place) = self.now.iter_mut().find(|other| other.id == held.id) {
            *place = held;
        }
    }
}

/// What is held of the students that the rows of a chunk name.
struct Known {
    pupils: HashMap<String, Pupil>,
    /// Student, class and first day of the rows so far.
    rows: HashSet<(Uuid, Uuid, NaiveDate)>,
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let records = students::store::by_codes(conn, access, texts(rows, "student_code").into_iter().collect()).await?;
        let mut held: HashMap<Uuid, Vec<Held>> = HashMap::new();
        for enrolment in store::of_students(conn, access, records.iter().map(|(record, ..)| record.id).collect()).await? {
            held.entry(enrolment.columns.student_id).or_default().push(enrolment.into());
        }
        let pupils = records.into_iter().map(|(record, seen, _)| {
            let now = held.remove(&record.id).unwrap_or_default();
            (record.columns.code.clone(), Pupil { before: now.iter().map(|held| (held.id, held.clone())).collect(), now, record, seen })
        });
        Ok(Known { pupils: pupils.collect(), rows: HashSet::new() })
    }

    /// Decides on a row and notes what comes of it.
    fn decide(&mut self, access: &Access, named: &Named, mut row: ImportRow) -> Result<RowResult, RowResult> {
        let code: Code = row.require("student_code")?;
        let (_, class) = named.take_class(&mut row)?;
        let wanted = Wanted { class_id: class.id, seat: Seat::from(&class.columns), enrolled_on: row.require("enrolled_on")?, end: EndCells::take(&mut row)? };
        let unknown = || row.failed("student_code", "unknown_student", "no student of this code whom you may see");
        let pupil = self.pupils.get_mut(code.as_str()).ok_or_else(unknown)?;
        let is_this = |held: &Held| held.class_id == class.id && held.enrolled_on == wanted.enrolled_on;
        // Who keeps a class knows who was in it, also of those who are elsewhere since; nothing else of them.
        if !pupil.seen && !pupil.now.iter().any(is_this) {
            return Err(unknown());
        }
        if !self.rows.insert((pupil.record.id, class.id, wanted.enrolled_on)) {
            return Err(row.failed("enrolled_on", "repeated", "the enrolment stands in the file twice"));
        }
        let step = admission::decide(&pupil.now, &wanted).map_err(|(field, code, detail)| row.failed(field, code, detail))?;
        let outcome = match &step {
            Step::Nothing => return Ok(RowResult { line: row.line, outcome: Outcome::Unchanged }),
            _ if !pupil.seen => return Err(unknown()),
            // It ends somebody's enrolment, which is what the circuit breaker counts.
            Step::Change(held, _) | Step::Begin(Some((held, _)), _) => Outcome::Changed(held.seat.unit_id),
            Step::Begin(None, _) => Outcome::Created,
        };
        step.check(&wanted, access.today).map_err(|error| refused(&row, error))?;
        if let Step::Change(_, ending) | Step::Begin(_, ending) = &step {
            check(&row, &pupil.record, class, wanted.enrolled_on, ending)?;
        }
        pupil.take(step, &wanted);
        Ok(RowResult { line: row.line, outcome })
    }

    /// Writes what came of the rows: what ends first, so that a student never has two open enrolments.
    async fn write(self, conn: &mut Connection, access: &Access, named: &Named) -> StoreResult<()> {
        let classes: HashMap<Uuid, &ClassRecord> = named.classes().map(|class| (class.id, class)).collect();
        let (mut begun, mut changed, mut touched, mut moved) = (Vec::new(), Vec::new(), BTreeSet::new(), Vec::new());
        for pupil in self.pupils.into_values() {
            let different = pupil.now.iter().filter(|held| pupil.before.get(&held.id) != Some(*held));
            let mut any = false;
            for held in different {
                any = true;
                touched.insert(held.class_id);
                match (pupil.before.contains_key(&held.id), classes.get(&held.class_id)) {
                    (true, _) => changed.push(batch::changed(held)?),
                    (false, Some(class)) => begun.push(batch::begun(held, pupil.record.id, class, &pupil.record.columns.gender)?),
                    (false, None) => {}
                }
            }
            if any && let Some(placement) = pupil.moved() {
                moved.push(rows::row(pupil.record.id, pupil.record.version, &placement)?);
            }
        }
        batch::update(conn, access, changed).await?;
        batch::insert(conn, access, begun).await?;
        rows::update(conn, access, "students", moved).await?;
        let touched: Vec<_> = touched.into_iter().map(Into::into).collect();
        if touched.is_empty() { Ok(()) } else { classes::writes::touch(conn, access, &touched).await }
    }
}

/// What the records of class and student say against an enrolment.
fn check(row: &ImportRow, student: &StudentRecord, class: &ClassRecord, enrolled_on: NaiveDate, ending: &Ending) -> Result<(), RowResult> {
    let lasts_beyond = |last: NaiveDate| ending.ended_on.is_none_or(|ended| ended > last);
    if class.columns.ended_on.is_some_and(lasts_beyond) {
        return Err(row.failed("class_name", "class_ended", "the class has ended"));
    }
    if student.columns.ended_on.is_some_and(lasts_beyond) {
        return Err(row.failed("student_code", "ended", "the student's record has ended"));
    }
    if enrolled_on < student.columns.birth_date {
        return Err(row.failed("enrolled_on", "not_after", "is before the student's birth"));
    }
    Ok(())
}

fn refused(row: &ImportRow, error: registrar_store::StoreError) -> RowResult {
    RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the enrolment cannot be kept"))
}
