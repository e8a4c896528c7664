//! Father and mother in the files of students (S1-069, S1-070): one column for each fact, as class registers have them.
//! Each is a guardian of their own; one who is named with a personal number is the same for all children.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_domain::{Gender, PersonName, PersonalNumber, PhoneNumber, ShortText};
use registrar_http::imports::{ImportRow, RowResult};
use registrar_store::{Connection, Json, StoreError, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    guardians::{
        model::{GuardianInput, GuardianRecord, GuardianRelation, Guardianship},
        pending::{self, Pending},
        store::permitted,
    },
    schema::{guardians, students},
};

/// The parents of a row, by the group their columns are in.
const PARENTS: [(&str, GuardianRelation, Gender); 2] = [("father", GuardianRelation::Father, Gender::Male), ("mother", GuardianRelation::Mother, Gender::Female)];

/// A parent that a row names. What the file has no column for is absent; an empty cell is the absence of a value.
pub(super) struct Parent {
    line: i32,
    student_code: String,
    relation: GuardianRelation,
    gender: Gender,
    full_name: PersonName,
    occupation: Option<Option<ShortText>>,
    phone: Option<Option<PhoneNumber>>,
    personal_number: Option<PersonalNumber>,
}

/// The numbers in these rows that guardians have whom the caller may not change: knowing somebody's number is no right to
/// their record.
pub(super) async fn numbers_of_others(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<HashSet<String>> {
    let cell = |row: &ImportRow, group: &str| row.cells.get(&format!("{group}.personal_number")).and_then(Value::as_str).map(str::to_owned);
    let numbers: Vec<String> = rows.iter().flat_map(|row| PARENTS.iter().filter_map(|(group, ..)| cell(row, group))).collect();
    pending::numbers_of_others(conn, access, numbers).await
}

/// Takes the parents' cells of a row; a parent without a name is none.
pub(super) fn take(row: &mut ImportRow, student_code: &str, today: NaiveDate, of_others: &HashSet<String>) -> Result<Vec<Parent>, RowResult> {
    let mut parents = Vec::new();
    for (group, relation, gender) in PARENTS {
        let field = |member: &str| format!("{group}.{member}");
        let has = |row: &ImportRow, member: &str| row.cells.contains_key(&field(member));
        let (has_occupation, has_phone) = (has(row, "occupation"), has(row, "phone"));
        let (full_name, occupation): (Option<PersonName>, Option<ShortText>) = (row.take(&field("full_name"))?, row.take(&field("occupation"))?);
        let (phone, personal_number): (Option<PhoneNumber>, Option<PersonalNumber>) = (row.take(&field("phone"))?, row.take(&field("personal_number"))?);
        let Some(full_name) = full_name else { continue };
        if personal_number.as_ref().is_some_and(|number| of_others.contains(number.as_str())) {
            return Err(row.failed(field("personal_number"), "already_used", "a guardian outside your grants has this value"));
        }
        let (occupation, phone) = (has_occupation.then_some(occupation), has_phone.then_some(phone));
        let parent = Parent { line: row.line, student_code: student_code.to_owned(), relation, gender, full_name, occupation, phone, personal_number };
        if let Err(StoreError::Invalid { code, detail, .. }) = parent.onto(None).check(today) {
            return Err(row.failed(field("personal_number"), code, detail));
        }
        parents.push(parent);
    }
    Ok(parents)
}

impl Parent {
    /// What the row makes of the guardian that there is.
    fn onto(&self, before: Option<&GuardianInput>) -> GuardianInput {
        let mut guardian = before.cloned().unwrap_or_else(|| GuardianInput {
            full_name: self.full_name.clone(),
            gender: Some(self.gender),
            birth_year: None,
            personal_number: None,
            phone: None,
            email: None,
            occupation: None,
            workplace: None,
            address: None,
            children: Json(Vec::new()),
        });
        guardian.full_name = self.full_name.clone();
        if let Some(occupation) = &self.occupation {
            guardian.occupation.clone_from(occupation);
        }
        if let Some(phone) = &self.phone {
            guardian.phone.clone_from(phone);
        }
        if self.personal_number.is_some() {
            guardian.personal_number.clone_from(&self.personal_number);
        }
        guardian
    }

    fn child(&self, student: Uuid) -> Guardianship {
        Guardianship { student_id: student.into(), relation: self.relation, legal_representative: true, primary_contact: false, valid_from: None, valid_to: None }
    }
}

/// Writes the parents of a chunk whose students have been written; answers the lines that changed something.
pub(super) async fn write(conn: &mut Connection, access: &Access, parents: Vec<Parent>) -> StoreResult<HashSet<i32>> {
    if parents.is_empty() {
        return Ok(HashSet::new());
    }
    let codes: BTreeSet<&str> = parents.iter().map(|parent| parent.student_code.as_str()).collect();
    let ids: Vec<(String, Uuid)> =
        students::table.filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::code.eq_any(codes))).select((students::code, students::id)).load(conn).await?;
    let ids: HashMap<String, Uuid> = ids.into_iter().collect();
    let mut pending: Vec<Pending> = known(conn, access, &ids, &parents).await?;
    let mut changed = HashSet::new();
    for parent in &parents {
        let Some(student) = ids.get(&parent.student_code) else { continue };
        let is_theirs = |guardian: &GuardianInput| {
            guardian
                .children
                .0
                .iter()
                .any(|child| child.student_id == (*student).into() && child.relation == parent.relation && child.valid_to.is_none_or(|last| last >= access.today))
        };
        let same_number = |guardian: &GuardianInput| parent.personal_number.is_some() && guardian.personal_number == parent.personal_number;
        let place = pending.iter().position(|guardian| is_theirs(&guardian.now)).or_else(|| pending.iter().position(|guardian| same_number(&guardian.now)));
        match place.and_then(|place| pending.get_mut(place)) {
            Some(guardian) => {
                let mut now = parent.onto(Some(&guardian.now));
                if !is_theirs(&now) {
                    now = now.with(std::iter::once(parent.child(*student)))?;
                }
                if now != guardian.now {
                    changed.insert(parent.line);
                    guardian.now = now;
                }
            }
            None => {
                changed.insert(parent.line);
                let now = parent.onto(None).with(std::iter::once(parent.child(*student)))?;
                pending.push(Pending::new(now));
            }
        }
    }
    pending::write(conn, access, pending).await?;
    Ok(changed)
}

/// The guardians of these students, and those who have the numbers that the rows name, as far as the caller may change
/// them; locked in the order of their ids.
async fn known(conn: &mut Connection, access: &Access, students: &HashMap<String, Uuid>, parents: &[Parent]) -> StoreResult<Vec<Pending>> {
    let numbers = parents.iter().filter_map(|parent| Some(parent.personal_number.as_ref()?.as_str()));
    let rows: Vec<GuardianRecord> = guardians::table
        .filter(guardians::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(permitted(access, Action::StudentsWrite))
        .filter(pending::of_children(access, students.values()).or(pending::among("personal_number", numbers)))
        .order(guardians::id)
        .select(GuardianRecord::as_select())
        .for_no_key_update()
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Pending::from).collect())
}

/// The cells of the present father and mother of these students, for exports.
pub(super) async fn cells(conn: &mut Connection, access: &Access, students: &[Uuid]) -> StoreResult<HashMap<Uuid, Vec<(String, Value)>>> {
    let mut cells: HashMap<Uuid, Vec<(String, Value)>> = HashMap::new();
    for guardian in read(conn, access, students.iter()).await? {
        for child in guardian.children.0.iter().filter(|child| child.valid_to.is_none_or(|last| last >= access.today)) {
            let Some((group, ..)) = PARENTS.iter().find(|(_, relation, _)| *relation == child.relation) else { continue };
            let of_child = cells.entry(child.student_id.into()).or_default();
            for (member, value) in [
                ("full_name", json!(guardian.full_name)),
                ("occupation", json!(guardian.occupation)),
                ("phone", json!(guardian.phone)),
                ("personal_number", json!(guardian.personal_number)),
            ] {
                let field = format!("{group}.{member}");
                // Of two fathers the first one is shown.
                if !value.is_null() && !of_child.iter().any(|(known, _)| *known == field) {
                    of_child.push((field, value));
                }
            }
        }
    }
    Ok(cells)
}

/// The guardians of these students, without locking them.
async fn read(conn: &mut Connection, access: &Access, students: impl Iterator<Item = &Uuid> + Send) -> StoreResult<Vec<GuardianInput>> {
    let rows: Vec<GuardianRecord> = guardians::table
        .filter(guardians::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(pending::of_children(access, students))
        .order(guardians::id)
        .select(GuardianRecord::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.entered).collect())
}
