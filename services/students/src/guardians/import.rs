//! Guardians from spreadsheets: a row is a guardian of one child. A guardian is found again by the id that an export
//! writes; without one by personal number, by child, relation and name, or by name and phone, which is how the rows of two
//! siblings become one guardian. Rows of one guardian say the same of the person.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use registrar_access::{Access, Action};
use registrar_domain::{PersonName, PersonalNumber, PhoneNumber, text::comparison_key};
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult, texts};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, Json, StoreError, StoreResult};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    link::Link,
    model::{GuardianInput, GuardianRelation},
    pending::{self, Pending},
    store,
};
use crate::students::{self, store::Child};

/// Imports guardians.
pub struct GuardianImporter;

#[async_trait]
impl Importer for GuardianImporter {
    fn resource(&self) -> &'static str {
        "guardians"
    }

    fn action(&self) -> Action {
        Action::StudentsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut known = Known::load(conn, access, &rows).await?;
        let results = rows.into_iter().map(|row| known.decide(access, row).unwrap_or_else(|refused| refused)).collect();
        pending::write(conn, access, known.guardians.into_iter().map(|guardian| guardian.pending).collect()).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_unit(conn, access, units).await
    }
}

/// A guardian whom rows may name.
struct Guardian {
    pending: Pending,
    /// Whether the caller may change the record.
    may: bool,
    /// Whether a row before named it.
    named: bool,
}

/// What is held of the guardians and children that the rows of a chunk name.
struct Known {
    children: HashMap<String, Child>,
    guardians: Vec<Guardian>,
    /// Places in `guardians`.
    by_id: HashMap<Uuid, usize>,
    by_number: HashMap<String, usize>,
    by_child: HashMap<(Uuid, GuardianRelation, String), usize>,
    by_phone: HashMap<(String, String), usize>,
    /// Personal numbers of guardians whom the caller may not change.
    of_others: HashSet<String>,
    /// Guardian, child and first day of the rows so far.
    rows: HashSet<(Uuid, Uuid, Option<chrono::NaiveDate>)>,
}

/// The cells of a column as values of its type; what is none is told when the row is read.
fn values<T: DeserializeOwned>(rows: &[ImportRow], field: &str) -> Vec<T> {
    rows.iter().filter_map(|row| cell(row, field)).collect()
}

fn cell<T: DeserializeOwned>(row: &ImportRow, field: &str) -> Option<T> {
    serde_json::from_value(row.cells.get(field)?.clone()).ok()
}

/// What names are told apart by: not by case or spacing.
fn key(name: &PersonName) -> String {
    comparison_key(name.as_ref())
}

impl Known {
    async fn load(conn: &mut Connection, access: &Access, rows: &[ImportRow]) -> StoreResult<Self> {
        let children = students::store::children_by_codes(conn, access, texts(rows, "student_code").into_iter().collect()).await?;
        let numbers: BTreeSet<String> = values::<PersonalNumber>(rows, "personal_number").iter().map(|number| number.as_str().to_owned()).collect();
        let phones: BTreeSet<String> = values::<PhoneNumber>(rows, "phone").into_iter().map(PhoneNumber::into_string).collect();
        let ids: Vec<String> = values::<Uuid>(rows, "id").iter().map(ToString::to_string).collect();
        let told = pending::of_children(access, children.values().map(|child| &child.id))
            .or(pending::among("personal_number", numbers.iter().map(String::as_str)))
            .or(pending::among("phone", phones.iter().map(String::as_str)))
            .or(pending::among("id::text", ids.iter().map(String::as_str)));
        let mut known = Known {
            children,
            guardians: Vec::new(),
            by_id: HashMap::new(),
            by_number: HashMap::new(),
            by_child: HashMap::new(),
            by_phone: HashMap::new(),
            of_others: pending::numbers_of_others(conn, access, numbers.into_iter().collect()).await?,
            rows: HashSet::new(),
        };
        for (record, may) in store::to_change(conn, access, told).await? {
            known.guardians.push(Guardian { pending: record.into(), may, named: false });
            known.index(known.guardians.len() - 1);
        }
        Ok(known)
    }

    /// Lets rows find the guardian by what is known of it now.
    fn index(&mut self, place: usize) {
        let Some(Guardian { pending, may, .. }) = self.guardians.get(place) else { return };
        let (now, name) = (&pending.now, key(&pending.now.full_name));
        self.by_id.insert(pending.id, place);
        for child in &now.children.0 {
            self.by_child.entry((child.student_id.into(), child.relation, name.clone())).or_insert(place);
        }
        // Knowing somebody's number or phone is no right to their record.
        if *may {
            if let Some(number) = &now.personal_number {
                self.by_number.insert(number.as_str().to_owned(), place);
            }
            if let Some(phone) = &now.phone {
                self.by_phone.entry((name, phone.as_str().to_owned())).or_insert(place);
            }
        }
    }

    /// The place of the guardian that a row means; none for a new one.
    fn find(&self, row: &mut ImportRow, child: Uuid, relation: GuardianRelation) -> Result<Option<usize>, RowResult> {
        let number: Option<PersonalNumber> = cell(row, "personal_number");
        let with_number = number.as_ref().and_then(|number| self.by_number.get(number.as_str())).copied();
        let name = cell::<PersonName>(row, "full_name").map(|name| key(&name)).unwrap_or_default();
        let place = match row.take::<Uuid>("id")? {
            Some(id) => Some(*self.by_id.get(&id).ok_or_else(|| row.failed("id", "unknown_guardian", "no guardian of this id whom you may see"))?),
            None => with_number.or_else(|| self.by_child.get(&(child, relation, name.clone())).copied()).or_else(|| {
                let phone: PhoneNumber = cell(row, "phone")?;
                let place = *self.by_phone.get(&(name, phone.as_str().to_owned()))?;
                let known = &self.guardians.get(place)?.pending.now.personal_number;
                // Two numbers are two people, whatever they share.
                (known.is_none() || number.is_none() || *known == number).then_some(place)
            }),
        };
        let is_own =
            |number: &PersonalNumber| place.and_then(|place| self.guardians.get(place)).is_some_and(|guardian| guardian.pending.now.personal_number.as_ref() == Some(number));
        if let Some(number) = &number
            && !is_own(number)
            && (self.of_others.contains(number.as_str()) || with_number.is_some_and(|other| Some(other) != place))
        {
            return Err(row.failed("personal_number", "already_used", "another guardian has this value"));
        }
        Ok(place)
    }

    /// Decides on a row and notes what comes of it.
    fn decide(&mut self, access: &Access, mut row: ImportRow) -> Result<RowResult, RowResult> {
        let (code, link) = Link::take(&mut row)?;
        let Some(Child { id: child, unit_id, may: keeps_child }) = self.children.get(code.as_str()).cloned() else {
            return Err(row.failed("student_code", "unknown_student", "no student of this code whom you may see"));
        };
        let place = self.find(&mut row, child, link.relation)?;
        let held = place.and_then(|place| self.guardians.get(place));
        let before = held.map(|guardian| &guardian.pending.now);
        let (children, entry) = link.among(before.map(|before| before.children.0.as_slice()).unwrap_or_default(), child.into(), access.today);
        let same_entry = before.is_some_and(|before| before.children.0.contains(&entry));
        let input: GuardianInput = row.onto(before, &[("children", json!(children))])?;
        let input = input.with(std::iter::empty()).map_err(|error| refused(&row, error))?;
        input.check(access.today).map_err(|error| refused(&row, error))?;
        if let Some(guardian) = held
            && !self.rows.insert((guardian.pending.id, child, entry.valid_from))
        {
            return Err(row.failed("student_code", "repeated", "the guardian and the child stand in the file twice"));
        }
        if let Some(guardian) = held.filter(|guardian| guardian.named)
            && let Some(field) = contradiction(&guardian.pending.now, &input)
        {
            return Err(row.failed(field, "contradicts", "differs from an earlier row of the same guardian"));
        }
        let outcome = match held {
            Some(guardian) if guardian.pending.now == input => Outcome::Unchanged,
            _ if !same_entry && !keeps_child => return Err(row.failed("student_code", "forbidden", "the child is outside your grants")),
            Some(guardian) if !guardian.may => return Err(row.failed("full_name", "forbidden", "the guardian is outside your grants")),
            Some(_) => Outcome::Changed(unit_id),
            None => Outcome::Created,
        };
        let place = place.unwrap_or_else(|| {
            self.guardians.push(Guardian { pending: Pending::new(input.clone()), may: true, named: true });
            self.guardians.len() - 1
        });
        if let Some(guardian) = self.guardians.get_mut(place) {
            guardian.pending.now = input;
            guardian.named = true;
            self.rows.insert((guardian.pending.id, child, entry.valid_from));
        }
        self.index(place);
        Ok(RowResult { line: row.line, outcome })
    }
}

/// The first field of the person that differs; of the children the rows may say different things.
fn contradiction(before: &GuardianInput, after: &GuardianInput) -> Option<String> {
    let person = |guardian: &GuardianInput| serde_json::to_value(GuardianInput { children: Json(Vec::new()), ..guardian.clone() }).ok();
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (person(before), person(after)) else { return None };
    after.into_iter().find(|(field, value)| before.get(field) != Some(value)).map(|(field, _)| field)
}

/// What a rule says, at the column that it speaks of.
fn refused(row: &ImportRow, error: StoreError) -> RowResult {
    let error = match error {
        StoreError::Invalid { pointer, code, detail } if pointer.starts_with("/children/") => {
            let column = if pointer.ends_with("/valid_to") { "/children/valid_to" } else { "/children/valid_from" };
            StoreError::Invalid { pointer: column.into(), code, detail }
        }
        StoreError::Invalid { pointer, code, detail } if pointer == "/children" => StoreError::Invalid { pointer: "/student_code".into(), code, detail },
        error => error,
    };
    RowResult::refused(row.line, error).unwrap_or_else(|_| row.failed("", "invalid", "the guardian cannot be kept"))
}
