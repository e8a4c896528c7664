//! What a chunk of an import writes, gathered row by row and written in a few statements.

use std::collections::BTreeSet;

use registrar_access::{
    Access,
    batch::{self, Row},
};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{
    model::{Placement, StudentColumns, StudentInput, StudentRecord},
    placement,
};
use crate::{
    classes::{self, model::ClassRecord},
    enrolments::{
        admission::{Held, Step, Wanted},
        batch as enrolment_rows,
        ending::Ending,
    },
};

/// What is to be written.
#[derive(Default)]
pub struct Writes {
    new_students: Vec<Row>,
    changed_students: Vec<Row>,
    new_enrolments: Vec<Row>,
    changed_enrolments: Vec<Row>,
    /// Students whose enrolments have another gender.
    regendered: Vec<Uuid>,
    /// Classes whose size changes.
    classes: BTreeSet<Uuid>,
}

impl Writes {
    /// Notes a new student in a class.
    pub(super) fn create(&mut self, input: &StudentInput, class: &ClassRecord, wanted: &Wanted, ending: &Ending) -> StoreResult<()> {
        let id = Uuid::now_v7();
        let columns = input.columns();
        let placement = placed(class, ending.ended_on.is_none().then_some(class.id));
        self.new_students.push(student(id, 1, &columns, &placement)?);
        self.begin(id, &columns.gender, class, wanted, ending)
    }

    /// Notes a new student in no class.
    pub(super) fn create_alone(&mut self, input: &StudentInput, unit_id: Uuid) -> StoreResult<()> {
        let placement = Placement { unit_id, education_level: None, class_id: None };
        self.new_students.push(student(Uuid::now_v7(), 1, &input.columns(), &placement)?);
        Ok(())
    }

    /// Notes what a row that names no class changes of a student; answers whether it changes anything.
    pub(super) fn change_alone(&mut self, held: &StudentRecord, input: &StudentInput) -> StoreResult<bool> {
        let columns = input.columns();
        if columns == held.columns {
            return Ok(false);
        }
        self.changed_students.push(student(held.id, held.version, &columns, &held.placement)?);
        if columns.gender != held.columns.gender {
            self.regendered.push(held.id);
        }
        Ok(true)
    }

    /// Notes what a row changes of a student; answers whether it changes anything.
    pub(super) fn change(
        &mut self,
        held: &StudentRecord,
        input: &StudentInput,
        class: &ClassRecord,
        wanted: &Wanted,
        (step, class_after): (Step, Option<Uuid>),
    ) -> StoreResult<bool> {
        let columns = input.columns();
        let placement = match class_after {
            Some(id) if id == class.id => placed(class, class_after),
            _ => Placement { class_id: class_after, ..held.placement.clone() },
        };
        let mut changed = false;
        if columns != held.columns || placement != held.placement {
            self.changed_students.push(student(held.id, held.version, &columns, &placement)?);
            changed = true;
        }
        if columns.gender != held.columns.gender {
            self.regendered.push(held.id);
        }
        match step {
            Step::Nothing => return Ok(changed),
            Step::Change(enrolment, ending) => self.days(&Held { enrolled_on: wanted.enrolled_on, ending, ..enrolment })?,
            Step::Begin(open, ending) => {
                if let Some((open, ending)) = open {
                    self.days(&Held { ending, ..open })?;
                }
                self.begin(held.id, &columns.gender, class, wanted, &ending)?;
            }
        }
        Ok(true)
    }

    fn begin(&mut self, student: Uuid, gender: &str, class: &ClassRecord, wanted: &Wanted, ending: &Ending) -> StoreResult<()> {
        let begun = Held { id: Uuid::now_v7(), version: 1, class_id: class.id, seat: wanted.seat, enrolled_on: wanted.enrolled_on, ending: ending.clone() };
        self.new_enrolments.push(enrolment_rows::begun(&begun, student, class, gender)?);
        self.classes.insert(class.id);
        Ok(())
    }

    fn days(&mut self, enrolment: &Held) -> StoreResult<()> {
        self.changed_enrolments.push(enrolment_rows::changed(enrolment)?);
        self.classes.insert(enrolment.class_id);
        Ok(())
    }

    /// Writes everything: what ends first, so that a student never has two open enrolments.
    pub(super) async fn run(self, conn: &mut Connection, access: &Access) -> StoreResult<()> {
        enrolment_rows::update(conn, access, self.changed_enrolments).await?;
        batch::insert(conn, access, "students", self.new_students).await?;
        batch::update(conn, access, "students", self.changed_students).await?;
        enrolment_rows::insert(conn, access, self.new_enrolments).await?;
        placement::copy_gender(conn, access, self.regendered).await?;
        let touched: Vec<_> = self.classes.into_iter().map(Into::into).collect();
        if touched.is_empty() { Ok(()) } else { classes::writes::touch(conn, access, &touched).await }
    }
}

fn placed(class: &ClassRecord, class_id: Option<Uuid>) -> Placement {
    Placement { unit_id: class.columns.unit_id, education_level: Some(class.columns.education_level.clone()), class_id }
}

fn student(id: Uuid, version: i64, columns: &StudentColumns, placement: &Placement) -> StoreResult<Row> {
    let mut row = batch::row(id, version, columns)?;
    row.extend(batch::fields(placement)?);
    Ok(row)
}
