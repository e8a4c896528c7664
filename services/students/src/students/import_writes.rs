//! What a chunk of an import writes, gathered row by row and written in a few statements.

use std::collections::BTreeSet;

use registrar_access::Access;
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    admission::{Held, Step, Wanted},
    model::{Placement, StudentColumns, StudentInput, StudentRecord},
    placement,
};
use crate::{
    batch,
    classes::{self, model::ClassRecord},
    enrolments::model::Copied,
};

const STUDENT: [&str; 30] = [
    "code",
    "full_name",
    "name_search",
    "name_sort",
    "birth_date",
    "gender",
    "personal_number",
    "status",
    "ended_on",
    "end_reason",
    "phone",
    "identity_status",
    "identity_checked_on",
    "photo",
    "birth_place",
    "nationality",
    "permanent_address",
    "permanent_area",
    "current_address",
    "current_area",
    "cohort",
    "ethnic_group",
    "religion",
    "policy_category",
    "disability",
    "health",
    "identifiers",
    "unit_id",
    "education_level",
    "class_id",
];
const ENROLMENT: [&str; 10] = ["student_id", "class_id", "enrolled_on", "ended_on", "end_reason", "unit_id", "school_year_id", "education_level", "grade", "gender"];
const DAYS: [&str; 3] = ["enrolled_on", "ended_on", "end_reason"];

/// What is to be written.
#[derive(Default)]
pub struct Writes {
    new_students: Vec<Value>,
    changed_students: Vec<Value>,
    new_enrolments: Vec<Value>,
    changed_enrolments: Vec<Value>,
    /// Students whose enrolments have another gender.
    regendered: Vec<Uuid>,
    /// Classes whose size changes.
    classes: BTreeSet<Uuid>,
}

impl Writes {
    /// Notes a new student in a class.
    pub(super) fn create(&mut self, input: &StudentInput, class: &ClassRecord, wanted: &Wanted, end_reason: Option<String>) -> StoreResult<()> {
        let id = Uuid::now_v7();
        let columns = input.columns();
        let placement = placed(class, wanted.ended_on.is_none().then_some(class.id));
        self.new_students.push(student(id, 1, &columns, &placement)?);
        self.begin(id, &columns.gender, class, wanted, end_reason)
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
        (step, end_reason, class_after): (Step, Option<String>, Option<Uuid>),
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
            Step::Change(enrolment) => self.days(&enrolment, json!({"enrolled_on": wanted.enrolled_on, "ended_on": wanted.ended_on, "end_reason": end_reason})),
            Step::Begin(ending) => {
                if let Some((open, last, reason)) = ending {
                    self.days(&open, json!({"enrolled_on": open.enrolled_on, "ended_on": last, "end_reason": reason}));
                }
                self.begin(held.id, &columns.gender, class, wanted, end_reason)?;
            }
        }
        Ok(true)
    }

    fn begin(&mut self, student: Uuid, gender: &str, class: &ClassRecord, wanted: &Wanted, end_reason: Option<String>) -> StoreResult<()> {
        let copied = Copied {
            unit_id: class.columns.unit_id,
            school_year_id: class.columns.school_year_id,
            education_level: class.columns.education_level.clone(),
            grade: class.columns.grade,
            gender: gender.to_owned(),
        };
        let mut row = fields(&copied)?;
        for (name, value) in [
            ("id", json!(Uuid::now_v7())),
            ("student_id", json!(student)),
            ("class_id", json!(class.id)),
            ("enrolled_on", json!(wanted.enrolled_on)),
            ("ended_on", json!(wanted.ended_on)),
            ("end_reason", json!(end_reason)),
        ] {
            row.insert(name.to_owned(), value);
        }
        self.new_enrolments.push(Value::Object(row));
        self.classes.insert(class.id);
        Ok(())
    }

    fn days(&mut self, enrolment: &Held, mut days: Value) {
        if let Value::Object(row) = &mut days {
            row.insert("id".to_owned(), json!(enrolment.id));
            row.insert("version".to_owned(), json!(enrolment.version));
        }
        self.changed_enrolments.push(days);
        self.classes.insert(enrolment.class_id);
    }

    /// Writes everything: what ends first, so that a student never has two open enrolments.
    pub(super) async fn run(self, conn: &mut Connection, access: &Access) -> StoreResult<()> {
        batch::update(conn, access, "enrolments", &DAYS, self.changed_enrolments).await?;
        batch::insert(conn, access, "students", &STUDENT, self.new_students).await?;
        batch::update(conn, access, "students", &STUDENT, self.changed_students).await?;
        batch::insert(conn, access, "enrolments", &ENROLMENT, self.new_enrolments).await?;
        placement::copy_gender(conn, access, self.regendered).await?;
        let touched: Vec<_> = self.classes.into_iter().map(Into::into).collect();
        if touched.is_empty() { Ok(()) } else { classes::writes::touch(conn, access, &touched).await }
    }
}

fn placed(class: &ClassRecord, class_id: Option<Uuid>) -> Placement {
    Placement { unit_id: class.columns.unit_id, education_level: Some(class.columns.education_level.clone()), class_id }
}

fn student(id: Uuid, version: i64, columns: &StudentColumns, placement: &Placement) -> StoreResult<Value> {
    let mut row = fields(columns)?;
    row.extend(fields(placement)?);
    row.insert("id".to_owned(), json!(id));
    row.insert("version".to_owned(), json!(version));
    Ok(Value::Object(row))
}

fn fields(value: &impl Serialize) -> StoreResult<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(StoreError::Broken("a row cannot be written as JSON")),
    }
}
